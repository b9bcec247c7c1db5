// What happens to open transactions when the process is told to stop.

import { isMainThread } from "node:worker_threads";

/** Something that undoes what it has done. */
export interface Stoppable {
  stop(signal: NodeJS.Signals): Promise<void>;
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const open = new Set<Stoppable>();

/** Undoes all that is open, the last one first, and lets the signal have its way. */
async function stopAll(signal: NodeJS.Signals): Promise<void> {
  for (const each of [...open].reverse()) await each.stop(signal);
  // Whoever listens besides decides about the process; otherwise the signal ends it, as it would
  // have without us.
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}

function onSignal(signal: NodeJS.Signals): void {
  stopListening();
  void stopAll(signal);
}

function stopListening(): void {
  for (const signal of signals) process.off(signal, onSignal);
}

/** Has something stopped by a signal from now on. Worker threads get none: their process does. */
export function watchSignals(stoppable: Stoppable): void {
  if (!isMainThread) return;
  if (open.size === 0) for (const signal of signals) process.on(signal, onSignal);
  open.add(stoppable);
}

/** Leaves it to itself again; listens to no signal when nothing is open. */
export function ignoreSignals(stoppable: Stoppable): void {
  if (open.delete(stoppable) && open.size === 0) stopListening();
}
