// What it takes to know of endpoints on other hosts: memory, and time.

import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { places, written } from "../../../dist/network/cluster/records.js";
import { openEtcdStore } from "../../../dist/network/index.js";
import { timed } from "../timing.mjs";
import { sandboxOf } from "./lab.mjs";

/** So many endpoints are in one commit. */
const together = 90;

const far = { host: "far", hostAddress: "192.0.2.250" };

/** Bytes of the kernel's objects that are given back only when they are freed. */
function kernelBytes() {
  const [, kilobytes] = /^SUnreclaim: +(\d+)/m.exec(readFileSync("/proc/meminfo", "utf8")) ?? [];
  return Number(kilobytes) * 1024;
}

/** An endpoint that nobody has, on a host that is not there. @param {string} network @param {number} n */
function memberOf(network, n) {
  const hex = n.toString(16).padStart(6, "0");
  const id = `f${hex}`.padEnd(64, "0");
  return {
    ...{ id, network, ...far },
    sandbox: { id, name: `far-${n}`, hostname: `far-${n}` },
    mac: `02:ff:00:${hex.match(/../g)?.join(":")}`,
    addresses: [`10.16.${128 + (n >> 8)}.${n & 255}/16`],
    aliases: [],
  };
}

/**
 * Has the hosts know of many endpoints of another one, by what that would write.
 *
 * @param {import("./lab.mjs").Lab} lab
 * @param {boolean} quick
 */
export async function measureMemory(lab, quick) {
  const count = quick ? 2000 : 10_000;
  const [first] = lab.hosts;
  if (first === undefined) throw new Error("no hosts");
  const { network } = await first.process.ask("look", first.number, sandboxOf(first, 0));
  const known = await lab.countRemotes();
  const store = await openEtcdStore({ endpoints: [lab.etcd.endpoint] });
  const heap = async () => await first.process.ask("heap");
  const [heapBefore, kernelBefore] = [await heap(), kernelBytes()];
  const told = await timed(async () => {
    for (let n = 0; n < count; n += together) {
      const length = Math.min(together, count - n);
      const members = Array.from({ length }, (_, k) => memberOf(network, n + k));
      await store.commit({
        put: members.map((one) => ({ key: places.member(one), value: written(one) })),
      });
    }
    while ((await lab.countRemotes()) < known + count * lab.hosts.length) await sleep(20);
  });
  const thousands = count / 1000;
  const kernel = (kernelBytes() - kernelBefore) / thousands / lab.hosts.length;
  const used = ((await heap()) - heapBefore) / thousands;
  await store.commit({ deletePrefix: [`${places.members(network)}f0`] });
  while ((await lab.countRemotes()) > known) await sleep(20);
  await store.close();
  return { told: [told / thousands], heap: [used], kernel: [kernel] };
}
