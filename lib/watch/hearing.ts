// Brings what the native layer has heard to whom it is for, in slices of about a millisecond.

import { type Heard, native } from "../native.ts";

/** How many records are taken in one turn of the event loop. */
const mostPerTurn = 64;

/** Whoever has opened a watch. */
export interface Hearer {
  hear(heard: Heard): void;
}

/** Held weakly, so that a forgotten watcher can be collected, which closes it. */
const hearers = new Map<number, WeakRef<Hearer>>();
const forgotten = new FinalizationRegistry<number>((watch) => hearers.delete(watch));
let last = 0;

function pump(): void {
  const heard = native().takeHeard(mostPerTurn);
  // With less than that all is taken, and the native layer wakes us for what comes later.
  if (heard.length >= mostPerTurn) setImmediate(pump);
  for (const item of heard) hearers.get(item.watch)?.deref()?.hear(item);
}

/** Gives a hearer the number to open a watch with. */
export function listenFor(hearer: Hearer): number {
  native().hearBy(pump);
  last += 1;
  hearers.set(last, new WeakRef(hearer));
  forgotten.register(hearer, last);
  return last;
}

/** Hears nothing more for a number. */
export function stopListening(watch: number): void {
  hearers.delete(watch);
}

const waiting = new Set<object>();
let alive: NodeJS.Timeout | undefined;

/** Keeps the process, and an object, alive as long as somebody waits for it. */
export function keepAlive(whom: object): void {
  waiting.add(whom);
  alive ??= setInterval(() => {}, 0x7fffffff);
}

export function letGo(whom: object): void {
  waiting.delete(whom);
  if (waiting.size > 0) return;
  clearInterval(alive);
  alive = undefined;
}
