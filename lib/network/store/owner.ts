// Who holds a lease on this machine, and whether that process is still there.

import { readFileSync, readlinkSync } from "node:fs";

/** A process, so that neither a later one of the same number nor one of another boot is it. */
export interface Owner {
  /** The boot's id. */
  readonly boot: string;
  readonly process: number;
  /** When it was started, in ticks of the machine. */
  readonly started: string;
  /** The PID namespace; empty if /proc is that of another one, and cannot tell. */
  readonly namespace: string;
}

/** State and time of starting, of a process that /proc knows. */
function statusOf(process: number): { state: string; started: string } | undefined {
  try {
    const text = readFileSync(`/proc/${process}/stat`, "utf8");
    // The second field is the name, in parentheses, and may have spaces and parentheses in it.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0] ?? "", started: fields[19] ?? "" };
  } catch {
    return undefined;
  }
}

let self: Owner | undefined;

/** This process. */
export function thisProcess(): Owner {
  self ??= {
    boot: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
    process: process.pid,
    started: statusOf(process.pid)?.started ?? "",
    namespace:
      readlinkSync("/proc/self") === `${process.pid}` ? readlinkSync("/proc/self/ns/pid") : "",
  };
  return self;
}

/**
 * True if the process has certainly ended: it is of an earlier boot, or of this PID namespace and
 * not there. Of another namespace's processes nothing is known.
 *
 * @see fs/proc/array.c, `do_task_stat()`
 */
export function hasEnded(owner: Owner): boolean {
  const here = thisProcess();
  if (owner.boot !== here.boot) return true;
  if (owner.namespace === "" || owner.namespace !== here.namespace) return false;
  if (owner.process === here.process && owner.started === here.started) return false;
  const status = statusOf(owner.process);
  return status === undefined || status.started !== owner.started || /[ZX]/.test(status.state);
}
