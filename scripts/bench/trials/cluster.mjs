// A network across hosts: how soon all of them reach what one has connected, and what that takes.

import { flushSandbox, Lab, network, sandboxOf } from "../cluster/lab.mjs";
import { measureMemory } from "../cluster/memory.mjs";
import { measurePath } from "../cluster/paths.mjs";
import { timed, verify } from "../timing.mjs";

/** How many endpoints a host has, and how many connections are timed. */
const sizes = {
  full: { each: 100, connections: 100 },
  quick: { each: 10, connections: 30 },
};

/** @param {bigint} from @param {bigint} to */
const microseconds = (from, to) => Number(to - from) / 1000;

/** @param {readonly bigint[]} times */
const latest = (times) => times.reduce((one, other) => (one > other ? one : other), 0n);

/**
 * Connects one sandbox after the other, of one host after the other, each of them when the one before
 * is reached from the first sandboxes of all other hosts.
 *
 * @param {Lab} lab
 * @param {import("../cluster/witness.mjs").Witness} witness
 * @param {{ each: number, connections: number }} size
 */
async function timeConnections({ hosts, etcd }, witness, { each, connections }) {
  const samples = {
    connect: /** @type {number[]} */ ([]),
    reach: /** @type {number[]} */ ([]),
  };
  const names = (/** @type {import("../cluster/lab.mjs").Placed} */ one) =>
    Array.from({ length: Math.ceil(connections / hosts.length) }, (_, k) =>
      sandboxOf(one, each + k),
    );
  for (const one of hosts) await one.process.ask("fill", one.number, names(one), []);
  const spares = hosts.map((one) => ({ one, names: names(one) }));
  const before = await etcd.count();
  for (let k = 0; k < connections; k += 1) {
    const { one, names } = spares[k % hosts.length] ?? {};
    const sandbox = names?.shift();
    if (one === undefined || sandbox === undefined) throw new Error("too few sandboxes");
    const { begin, end, ...endpoint } = await one.process.ask(
      "connect",
      one.number,
      network,
      sandbox,
    );
    const times = await witness.come(endpoint, one.number - 1);
    await flushSandbox(sandbox);
    samples.connect.push(microseconds(begin, end));
    samples.reach.push(microseconds(begin, latest(times)));
  }
  const after = await etcd.count();
  const of = (/** @type {"revisions" | "messages"} */ what) =>
    Math.round(((after[what] - before[what]) / connections) * 10) / 10;
  return { ...samples, writes: [of("revisions")], messages: [of("messages")] };
}

/**
 * Kills the process of the last host. What others send to its endpoints still arrives, as long as
 * they know of them.
 *
 * @param {Lab} lab
 * @param {import("../cluster/witness.mjs").Witness} witness
 */
async function timeRemoval(lab, witness) {
  const victim = lab.hosts.at(-1);
  if (victim === undefined) throw new Error("no hosts");
  const endpoint = await victim.process.ask("look", victim.number, sandboxOf(victim, 0));
  await witness.come(endpoint, victim.number - 1);
  const killed = process.hrtime.bigint();
  await victim.process.kill();
  const gone = latest(await witness.go(endpoint, victim.number - 1));
  verify((await lab.countEntriesFor(victim)) === 0, "nobody knows an endpoint of the host");
  return microseconds(killed, gone);
}

/** @param {import("../cell.mjs").Assignment} assignment */
export async function measureCluster({ rival, n, quick, commands }) {
  const { iperf3 } = commands;
  if (rival === "ip" || rival === "veth") return await measurePath(rival, iperf3);
  const size = quick ? sizes.quick : sizes.full;
  const lab = new Lab();
  try {
    await lab.open(n);
    const up = await timed(async () => {
      await lab.fill(size.each);
      await lab.converged(size.each * (n - 1));
    });
    const witness = lab.witness(commands["floor reach"] ?? []);
    const connections = await timeConnections(lab, witness, size);
    // What does not depend on the number of hosts is measured with two.
    const others =
      n === 2
        ? { ...(await measureMemory(lab, quick)), ...(await measurePath("ours", iperf3, lab)) }
        : {};
    const gone = await timeRemoval(lab, witness);
    witness.close();
    return { up: [up], ...connections, ...others, gone: [gone] };
  } finally {
    await lab.close();
  }
}
