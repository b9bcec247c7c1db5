// Hosts: namespaces on one bridge, which is all that is between them.

import {
  addAddress,
  createLink,
  createNamespace,
  getLink,
  replaceNeighbour,
  setLink,
} from "../../../dist/index.js";
import { host } from "../host.mjs";

/** @typedef {{ number: number, name: string, address: string }} Host */

const bridge = { name: "lan0" };
const uplink = { name: "up0" };

/** @param {number} number @returns {Host} */
const hostOf = (number) => ({ number, name: `h${number}`, address: `192.0.2.${number}` });

/**
 * @param {Host} own
 */
async function wire({ name, address }) {
  const namespace = await createNamespace({ name, ipv6: false });
  const peer = { ...uplink, namespace };
  await createLink(host, { kind: "veth", name, master: bridge, up: true, peer });
  await addAddress(namespace, uplink, `${address}/24`);
  await setLink(namespace, uplink, { up: true });
  const { address: mac = "" } = await getLink(namespace, uplink);
  return { namespace, address, mac };
}

/**
 * Makes so many hosts. They know each other's MAC addresses for good: what is learned counts towards
 * the limit of one neighbour table that all namespaces of the kernel share (`gc_thresh3`, 1,024),
 * which 33 of them would exceed, and 50 real machines would not.
 *
 * @param {number} count 254 at most
 */
export async function makeHosts(count) {
  const hosts = Array.from({ length: count }, (_, n) => hostOf(n + 1));
  await createLink(host, { kind: "bridge", ...bridge, up: true });
  const wired = [];
  for (const one of hosts) wired.push(await wire(one));
  for (const { namespace, address: own } of wired) {
    const others = wired.filter(({ address }) => address !== own);
    await Promise.all(
      others.map(({ address, mac: linkAddress }) =>
        replaceNeighbour(namespace, uplink, { address, linkAddress, state: "permanent" }),
      ),
    );
    await namespace.close();
  }
  return hosts;
}
