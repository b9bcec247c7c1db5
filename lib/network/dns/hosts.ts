// The text of /etc/hosts for a sandbox (hosts(5)).

import { invalidArgument, refuseUnknown } from "../../errors.ts";
import { checkDnsName, checkEach, checkIpAddress } from "./name.ts";

/** A line of a hosts file. */
export interface HostsEntry {
  readonly address: string;
  /** The names that stand for it, the proper one first; at least one. */
  readonly names: readonly string[];
}

/** What every sandbox's file begins with. */
const standard: readonly HostsEntry[] = [
  { address: "127.0.0.1", names: ["localhost"] },
  { address: "::1", names: ["localhost", "ip6-localhost", "ip6-loopback"] },
  { address: "fe00::", names: ["ip6-localnet"] },
  { address: "ff00::", names: ["ip6-mcastprefix"] },
  { address: "ff02::1", names: ["ip6-allnodes"] },
  { address: "ff02::2", names: ["ip6-allrouters"] },
];

/**
 * The text of a hosts file: the names of the loopback and multicast addresses, then the entries in
 * their order. Names that occur twice on a line are written once.
 *
 * @throws {RangeError} `ERR_OUT_OF_RANGE` if an address is none, a name no host name, or an entry
 *   without names: nothing gets into the file that could be another line.
 */
export function renderHosts(entries: readonly HostsEntry[]): string {
  const checked = entries.map((entry, n) => {
    const path = `entries[${n}]`;
    refuseUnknown(path, entry, ["address", "names"], `${path}.`);
    const address = checkIpAddress(entry.address, `${path}.address`);
    const names = checkEach(entry.names, `${path}.names`, checkDnsName);
    if (names.length === 0) throw invalidArgument("range", `${path}.names`, "must not be empty");
    return { address, names };
  });
  return [...standard, ...checked]
    .map(({ address, names }) => `${address}\t${[...new Set(names)].join(" ")}\n`)
    .join("");
}
