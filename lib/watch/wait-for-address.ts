// Waits until a link has an address that can be used.

import { constants } from "node:os";
import { errorOfRefusal } from "../errors.ts";
import type { Address } from "../rtnl/address.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import type { LinkReference } from "../rtnl/reference.ts";
import { SoughtLink } from "./sought.ts";
import { canonicalAddress, limitsOf, type WaitOptions, waitWith } from "./waiting.ts";
import { watch } from "./watch.ts";

/**
 * Waits until a link has an address that can be used, and returns it: of IPv6, one of which is known
 * that nobody else has it (duplicate address detection is done).
 *
 * ```ts
 * await waitForAddress(namespace, { name: "eth0" }, "fd00::2");
 * ```
 *
 * @param address With its prefix length, `"10.0.0.2/24"`, or without, of any.
 * @throws {NetlinkError} `EADDRINUSE` if another host has the IPv6 address (`dadFailed`).
 * @throws {WaitTimeoutError} `ERR_WAIT_TIMEOUT` if it is not in time; `last` is the address as it
 *   was, if it was there.
 * @throws the signal's reason if it is aborted.
 * @throws {NetlinkError} as `watch`.
 * @throws {RangeError | TypeError} for what is no link, and what is no address.
 * @see net/ipv6/addrconf.c, `addrconf_dad_completed()`, `addrconf_dad_failure()`
 */
export async function waitForAddress(
  namespace: Namespace,
  link: LinkReference,
  address: string,
  options: WaitOptions = {},
): Promise<Address> {
  const limits = limitsOf(options);
  const sought = new SoughtLink("link", link);
  const wanted = canonicalAddress("address", address);
  limits.signal?.throwIfAborted();
  const candidates = new Map<string, Address>();
  const candidate = () => [...candidates.values()].find(({ index }) => index === sought.index);
  const watcher = watch(namespace, { addresses: true, links: sought.isNamed, snapshot: true });
  return await waitWith(watcher, limits, {
    operation: "waitForAddress",
    take: (event) => {
      sought.take(event);
      if (event.noun !== "address") return;
      const { address: text, index, peer } = event.address;
      if (text !== wanted && text.split("/")[0] !== wanted) return;
      const key = `${index} ${text} ${peer}`;
      if (event.type === "removed") candidates.delete(key);
      else candidates.set(key, event.address);
    },
    found: () => {
      const it = candidate();
      if (it?.flags.includes("dadFailed") === true) throw duplicate(wanted);
      return it === undefined || it.flags.includes("tentative") ? undefined : { it };
    },
    instead: candidate,
  });
}

function duplicate(address: string): Error {
  return errorOfRefusal("waitForAddress", address, {
    errno: constants.errno.EADDRINUSE,
    detail: "another host has the address, so that it cannot be used (dadFailed)",
  });
}
