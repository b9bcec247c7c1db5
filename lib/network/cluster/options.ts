// What callers say of a host's place among others, checked.

import { isIP } from "node:net";
import { invalidArgument, refuseUnknown } from "../../errors.ts";

/** What other hosts are to know of this one. */
export interface ClusterOptions {
  /**
   * The address by which other hosts reach this one, of either family: one of a link of its own, and
   * of the same family on all hosts.
   */
  readonly address: string;
  /**
   * Milliseconds after which the others take it for gone, with its endpoints, and give its addresses
   * to others, if no controller has been able to renew its place; 1000 to 3600000. Default: 10000.
   */
  readonly ttlMs?: number;
  /**
   * Milliseconds between two looks at whether the kernel knows of other hosts what the store says,
   * and they of this one; 100 to 3600000. Default: 30000. Changes are followed as they come.
   */
  readonly repairMs?: number;
}

function milliseconds(property: string, value: unknown, least: number): number {
  if (typeof value !== "number") throw invalidArgument("type", property, "must be a number");
  if (Number.isInteger(value) && value >= least && value <= 3_600_000) return value;
  throw invalidArgument("range", property, `must be an integer from ${least} to 3600000`);
}

/** The options with everything in them checked. */
export function checkedCluster(options: ClusterOptions): Required<ClusterOptions> {
  refuseUnknown("cluster", options, ["address", "ttlMs", "repairMs"], "cluster.");
  const { address, ttlMs = 10_000, repairMs = 30_000 } = options;
  if (typeof address !== "string") {
    throw invalidArgument("type", "cluster.address", "must be a string");
  }
  if (isIP(address) === 0 || address.includes("%")) {
    throw invalidArgument("range", "cluster.address", "must be an IP address without a zone");
  }
  return {
    address,
    ttlMs: milliseconds("cluster.ttlMs", ttlMs, 1000),
    repairMs: milliseconds("cluster.repairMs", repairMs, 100),
  };
}
