// The namespace that a cell runs in: prepared, filled with links, and waited for.

import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import {
  addAddress,
  createLink,
  createNamespace,
  getLink,
  openNamespace,
  setLink,
} from "../../dist/index.js";
import { counterLinkName, sentPackets } from "./shape.mjs";

/** The namespace of this process. */
export const host = await openNamespace();

/** The kernel's other account of the links here, to verify by. */
export function readDevices() {
  const lines = readFileSync("/proc/self/net/dev", "utf8").trim().split("\n").slice(2);
  return lines.map((line) => {
    const colon = line.indexOf(":");
    const numbers = line
      .slice(colon + 1)
      .trim()
      .split(/ +/)
      .map(Number);
    const [received = 0, sent = 0] = [numbers[0], numbers[8]];
    return { name: line.slice(0, colon).trim(), received, sent };
  });
}

export function interfaces() {
  return readDevices().map(({ name }) => name);
}

/** Without IPv6 nothing is sent in a namespace but what a trial sends. */
export function switchIpv6Off() {
  writeFileSync("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
}

/**
 * Waits until what was deleted is gone for good. The kernel's worker clears dead namespaces batch by
 * batch, and a veth vanishes early in its batch: once a second probe has gone, the batch of the
 * first is done, and all before it.
 */
export async function settle() {
  await sleep(5);
  for (const probe of ["settle0", "settle1"]) {
    const namespace = await createNamespace({ loopback: false, ipv6: false });
    await createLink(host, { kind: "veth", name: probe, peer: { name: "end", namespace } });
    await namespace.close();
    while (interfaces().includes(probe)) await sleep(2);
  }
}

/**
 * Waits until a link forwards: the kernel can take a second to notice a carrier, and until then
 * drops what is sent.
 *
 * @param {string} name
 */
export async function untilUp(name) {
  while ((await getLink(host, { name })).operationalState !== "up") await sleep(5);
}

/**
 * Fills the host with veth ends until there are `count` links besides `lo`, and sends through the
 * first pair.
 *
 * @param {number} count even
 */
export async function fillWithLinks(count) {
  const pairs = Array.from({ length: count / 2 }, (_, pair) => [
    counterLinkName(2 * pair),
    counterLinkName(2 * pair + 1),
  ]);
  const queues = { transmitQueues: 1, receiveQueues: 1 };
  await Promise.all(
    pairs.map(([name = "", peer = ""]) =>
      createLink(host, { kind: "veth", name, ...queues, peer: { name: peer, ...queues } }),
    ),
  );
  for (const name of pairs[0] ?? []) await setLink(host, { name }, { up: true });
  for (const name of pairs[0] ?? []) await untilUp(name);
  await addAddress(host, { name: counterLinkName(0) }, "10.9.0.1/24");
  await sendBroadcasts("10.9.0.1", "10.9.0.255");
}

/**
 * Sends a few datagrams to all, so that there is something to count.
 *
 * @param {string} from
 * @param {string} to
 */
export async function sendBroadcasts(from, to) {
  const socket = createSocket("udp4");
  socket.bind(0, from);
  await once(socket, "listening");
  socket.setBroadcast(true);
  for (let n = 0; n < sentPackets; n += 1) {
    await new Promise((resolve) => socket.send("counted", 9, to, resolve));
  }
  socket.close();
  await sleep(10);
}
