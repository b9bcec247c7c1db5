// Programs inside a namespace, as ordinary child processes.

import type { ChildProcess, ChildProcessWithoutNullStreams } from "node:child_process";
import type { Namespace } from "../rtnl/namespace.ts";
import { start } from "./launcher.ts";
import { checkCommand, type SpawnOptions, spawnChecks } from "./process-options.ts";

/**
 * Starts a program inside a namespace, as `ip netns exec` does, and resolves with an ordinary
 * `ChildProcess` as soon as the program runs there; the calls made on the namespace before have
 * been carried out by then. It takes about a millisecond more than `child_process.spawn()`, whose
 * options it takes, too.
 *
 * The program has mounts of its own: its `/sys` is that of the namespace, mounted like the one that
 * it covers, and what was mounted below (cgroups, bpf) is there, too, where the kernel allows it.
 * For a namespace that was opened or created by name, each file in `/etc/netns/NAME/` lies over
 * the one in `/etc`, if there is one. Mounts that this process or another makes later reach the
 * program; those of the program reach nobody. `mounts: "shared"` leaves all that out.
 *
 * An event that came before somebody listened is lost, as with every child process; so is output
 * that came before somebody read, once the program has ended. Who listens right after the `await`
 * misses nothing. The `"spawn"` event has been then.
 *
 * The `timeout` includes the start. Limits of a namespace's limited view do not apply.
 *
 * @throws {Error} as `child_process.spawn()` tells them, in the same form: `ENOENT`, `EACCES`, and
 *   others, if the file cannot be executed or the directory not be entered; `AbortError`.
 * @throws {NetlinkError} `EPERM` without `CAP_SYS_ADMIN`, or where `/sys` may not be mounted.
 * @throws {TypeError} `ERR_NAMESPACE_CLOSED` if the handle was closed.
 * @throws {TypeError | RangeError} for arguments and options that cannot be.
 * @throws {UnavailableError} `ERR_NATIVE_MISSING` on machines other than x64 and arm64.
 * @see kernel/nsproxy.c, `setns()`; fs/namespace.c, `copy_mnt_ns()`; fs/sysfs/mount.c
 */
export async function spawn(
  namespace: Namespace,
  file: string,
  args?: readonly string[],
  options?: SpawnOptions & { readonly stdio?: "pipe" | "overlapped" | undefined },
): Promise<ChildProcessWithoutNullStreams>;
export async function spawn(
  namespace: Namespace,
  file: string,
  args: readonly string[] | undefined,
  options: SpawnOptions,
): Promise<ChildProcess>;
export async function spawn(
  namespace: Namespace,
  file: string,
  args: readonly string[] = [],
  options: SpawnOptions = {},
): Promise<ChildProcess> {
  checkCommand(file, args, options, spawnChecks);
  return await start(namespace, file, args, options);
}
