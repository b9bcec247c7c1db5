// Veth pairs, both ends up, deleted at once.

import { createLink, deleteLink, setLink } from "../../../dist/index.js";
import { host, interfaces } from "../host.mjs";
import { ip, ipBatch, runProgram } from "../programs.mjs";
import { timed, verify } from "../timing.mjs";

const group = 77;

/** @param {number} pairs */
async function makePairs(pairs) {
  const queues = { transmitQueues: 1, receiveQueues: 1 };
  return await Promise.all(
    Array.from({ length: pairs }, async (_, n) => {
      const link = await createLink(host, {
        kind: "veth",
        name: `d${n}`,
        up: true,
        group,
        ...queues,
        peer: { name: `p${n}`, group, ...queues },
      });
      await setLink(host, link.peerIndex ?? 0, { up: true });
      return link;
    }),
  );
}

/** @typedef {Awaited<ReturnType<typeof makePairs>>} Links */

/** @type {Readonly<Record<string, (links: Links) => Promise<unknown>>>} */
const deleters = {
  ours: (links) => Promise.all(links.map((link) => deleteLink(host, link))),
  "ip group": () => ip("link", "delete", "group", `${group}`),
  "ip -batch": (links) => ipBatch(links.map(({ name }) => `link delete ${name}`)),
};

/** @param {import("../cell.mjs").Assignment} assignment */
export async function measureDeletions({ rival, n, quick, commands }) {
  const repeats = quick ? 2 : 4;
  const deleteAll = deleters[rival];
  if (deleteAll === undefined) {
    const program = commands["floor deletions"] ?? [];
    const { delete: samples = [] } = await runProgram(program, "group", repeats + 1, n);
    verify(interfaces().join() === "lo", "all are deleted");
    return { delete: samples.slice(1) };
  }
  const samples = /** @type {number[]} */ ([]);
  for (let repeat = 0; repeat <= (rival === "ip -batch" ? 1 : repeats); repeat += 1) {
    const links = await makePairs(n);
    verify(interfaces().length === 2 * n + 1, "all were made");
    samples.push(await timed(() => deleteAll(links)));
    verify(interfaces().join() === "lo", "all are deleted");
  }
  return { delete: samples.slice(1) };
}
