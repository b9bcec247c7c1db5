// How long a creation takes while links are deleted one after another in the same namespace.

import { setTimeout as sleep } from "node:timers/promises";
import { createLink, deleteLink, setLink } from "../../../dist/index.js";
import { host, interfaces } from "../host.mjs";
import { runProgram } from "../programs.mjs";
import { timed, verify } from "../timing.mjs";

const pauseMs = 2;
const queues = { transmitQueues: 1, receiveQueues: 1 };

/** @param {string} name */
const create = (name) =>
  createLink(host, { kind: "veth", name, ...queues, peer: { name: `${name}p`, ...queues } });

/**
 * @param {string} letter
 * @param {number} count
 * @param {() => boolean} goesOn
 */
async function timeCreations(letter, count, goesOn) {
  const samples = /** @type {number[]} */ ([]);
  for (let n = 0; n < count && goesOn(); n += 1) {
    await sleep(pauseMs);
    samples.push(await timed(() => create(`${letter}${n}`)));
  }
  return samples;
}

/** @param {number} count */
async function measureOurs(count, deletions = Math.ceil(count / 2)) {
  const doomed = await Promise.all(
    Array.from({ length: deletions }, async (_, n) => {
      const link = await create(`d${n}`);
      await setLink(host, link, { up: true });
      await setLink(host, link.peerIndex ?? 0, { up: true });
      return link;
    }),
  );
  const idle = await timeCreations("i", count, () => true);
  let deleting = true;
  const loop = async () => {
    for (const link of doomed) await deleteLink(host, link);
    deleting = false;
  };
  const [beside] = await Promise.all([timeCreations("b", count, () => deleting), loop()]);
  return { idle, beside };
}

/** @param {import("../cell.mjs").Assignment} assignment */
export async function measureLatency({ rival, n, commands }) {
  const program = commands["floor deletions"] ?? [];
  const samples =
    rival === "ours"
      ? await measureOurs(n)
      : await runProgram(program, "beside", n, Math.ceil(n / 2));
  const made = (samples.idle?.length ?? 0) + (samples.beside?.length ?? 0);
  verify(interfaces().length === 1 + 2 * made, "all were made, and the others deleted");
  return samples;
}
