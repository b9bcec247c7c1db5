// The columns of counter rows, in the kernel's order.

/** The columns of a row: those of `struct rtnl_link_stats64`. See `Counters` for their meaning. */
export const counterColumns = [
  "rxPackets",
  "txPackets",
  "rxBytes",
  "txBytes",
  "rxErrors",
  "txErrors",
  "rxDropped",
  "txDropped",
  "multicast",
  "collisions",
  "rxLengthErrors",
  "rxOverErrors",
  "rxCrcErrors",
  "rxFrameErrors",
  "rxFifoErrors",
  "rxMissedErrors",
  "txAbortedErrors",
  "txCarrierErrors",
  "txFifoErrors",
  "txHeartbeatErrors",
  "txWindowErrors",
  "rxCompressed",
  "txCompressed",
  "rxNohandler",
  "rxOtherhostDropped",
] as const;

/** The name of a column: that of a counter. */
export type CounterColumn = (typeof counterColumns)[number];

/** How many 64-bit words a row has. */
export const counterRowLength: number = counterColumns.length;

/** Where a column lies in a row: `counters[row * counterRowLength + columnOf("rxBytes")]`. */
export function columnOf(column: CounterColumn): number {
  return counterColumns.indexOf(column);
}
