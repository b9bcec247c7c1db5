// What `npm run demo` shows, inside a sandbox: namespaces on two bridges, who reaches whom, counters;
// and then networks as containers have them.
//
// Every line that says "ok" was checked; the first that is not so ends the demo with exit code 1.

import { readdirSync, readlinkSync } from "node:fs";
import {
  getForwarding,
  listAddresses,
  listCounters,
  listLinks,
  listNamespaces,
  listRoutes,
  openNamespace,
  setForwarding,
} from "../dist/index.js";
import { bridges, Lab, plan } from "./demo/lab.mjs";
import { showNetworks } from "./demo/networks.mjs";
import { failure, heading, state, table, timed, Untrue } from "./demo/report.mjs";
import { Agent } from "./demo/traffic.mjs";

const megabyte = 1024 * 1024;

/** @param {Lab} lab */
async function build(lab) {
  heading("Building: five namespaces, two bridges, four veth pairs");
  await timed("five namespaces", () => lab.createNamespaces());
  await timed("two bridges with an address each, up", () => lab.createBridges());
  await timed("four guests: veth pair, address, default route, up", () => lab.connectGuests());
}

/** @param {Lab} lab */
async function showBridges(lab) {
  heading("Bridges of the router (as brctl show)");
  const rows = [["bridge name", "bridge id", "STP enabled", "interfaces"]];
  for (const bridge of await listLinks(lab.router, { kind: "bridge" })) {
    if (bridge.kind !== "bridge") continue;
    const ports = await listLinks(lab.router, { master: bridge });
    const names = ports.map((port) => port.name);
    rows.push([bridge.name, bridge.bridgeId ?? "", bridge.stp ? "yes" : "no", names.join(" ")]);
    const expected = plan.filter((guest) => guest.bridge === bridge.name);
    state(names.length === expected.length, `${bridge.name} has ${names.length} ports`);
  }
  table(rows);
}

/** @param {Lab} lab */
async function showPairs(lab) {
  heading("Veth pairs: the end in the router and the end in the guest");
  const rows = [["router", "index", "peer", "", "guest", "index", "peer", "MAC address"]];
  const outers = await listLinks(lab.router, { kind: "veth" });
  for (const { name, namespace, outer, inner } of lab.guests) {
    const far = (await listLinks(namespace, { kind: "veth" })).find(({ index }) => index === inner);
    const near = outers.find(({ index }) => index === outer);
    const paired = near?.kind === "veth" && far?.kind === "veth";
    if (!paired) throw new Untrue(`${name} has both ends of its pair`);
    const left = [near.name, `${near.index}`, `${near.peerIndex}`];
    const right = [`${name} ${far.name}`, `${far.index}`, `${far.peerIndex}`, far.address ?? ""];
    rows.push([...left, "<->", ...right]);
    state(
      near.peerIndex === far.index && far.peerIndex === near.index && near.carrier && far.carrier,
      `${near.name} and ${far.name} of ${name} name each other, and have a carrier`,
    );
  }
  table(rows);
}

/** @param {Lab} lab */
async function showAddresses(lab) {
  heading("Addresses and routes");
  const rows = [["namespace", "address", "broadcast", "route", "via"]];
  for (const { name, namespace, address } of lab.guests) {
    const [given] = await listAddresses(namespace, { link: { name: "eth0" }, family: "inet" });
    const route = (await listRoutes(namespace)).find(({ to }) => to === "default");
    rows.push([name, given?.address ?? "", given?.broadcast ?? "", "default", route?.via ?? ""]);
    state(given?.address === `${address}/24` && route?.via !== undefined, `${name} is configured`);
  }
  table(rows);
}

/**
 * Connects every agent to every address by TCP and prints who answered.
 *
 * @param {readonly Agent[]} agents
 * @param {readonly { name: string, address: string }[]} targets
 */
async function matrix(agents, targets) {
  const answers = await Promise.all(
    agents.map((agent) => Promise.all(targets.map(({ address }) => agent.reach(address)))),
  );
  const rows = agents.map(({ name }, from) => [
    `from ${name}`,
    ...targets.map((_, to) => {
      const answer = answers[from]?.[to];
      return answer?.answeredBy ?? answer?.reason ?? "";
    }),
  ]);
  table([["TCP", ...targets.map(({ name, address }) => `${name} ${address}`)], ...rows]);
  return answers.flatMap((row) =>
    row.map((answer, to) => answer.reason === undefined && answer.answeredBy === targets[to]?.name),
  );
}

/**
 * @param {Lab} lab
 * @param {readonly Agent[]} agents
 */
async function proveReach(lab, agents) {
  const on = (/** @type {string} */ bridge) => lab.guests.filter((g) => g.bridge === bridge);
  const from = (/** @type {string} */ bridge) =>
    agents.filter(({ name }) => on(bridge).some((guest) => guest.name === name));
  const [left, right] = [on("br0"), on("br1")];

  heading("On one bridge: real TCP connections, and the name that answered");
  const gateway = { name: "router", address: bridges[0]?.gateway ?? "" };
  const near = await matrix(from("br0"), [...left, gateway]);
  state(near.every(Boolean), "all reach each other, and the gateway");

  heading("Across the bridges, forwarding off");
  state(!(await getForwarding(lab.router)), "the router does not forward");
  const cut = [await matrix(from("br0"), right), await matrix(from("br1"), left)].flat();
  state(!cut.some(Boolean), "nobody reaches the other bridge, as it should be");

  heading("Across the bridges, forwarding on");
  const earlier = await timed("setForwarding(router, true)", () => setForwarding(lab.router, true));
  state(!earlier && (await getForwarding(lab.router)), "the router forwards; before, it did not");
  const joined = [await matrix(from("br0"), right), await matrix(from("br1"), left)].flat();
  state(joined.every(Boolean), "all reach the other bridge");
}

/**
 * @param {Lab} lab
 * @param {readonly Agent[]} agents
 */
async function proveCounters(lab, agents) {
  heading("Counters of the router: 1 MiB from alpha to delta, and back");
  const before = await listCounters(lab.router);
  const sender = agents.find(({ name }) => name === "alpha");
  const target = lab.guests.find(({ name }) => name === "delta");
  const report = await timed("1 MiB there and back", async () =>
    sender?.reach(target?.address ?? "", { bytes: megabyte, timeoutMs: 3000 }),
  );
  const after = await timed("listCounters(router)", () => listCounters(lab.router));

  const rows = [["link", "", "rx packets", "tx packets", "rx bytes", "tx bytes"]];
  const carried = /** @type {bigint[]} */ ([]);
  for (const link of await listLinks(lab.router, { kind: "veth" })) {
    const old = before.find(({ index }) => index === link.index);
    const now = after.find(({ index }) => index === link.index);
    if (!old || !now) throw new Untrue(`${link.name} has counters`);
    rows.push([link.name, "before", ...figures(old)], ["", "after", ...figures(now)]);
    if (["alpha0", "delta0"].includes(link.name)) {
      carried.push(now.rxBytes - old.rxBytes, now.txBytes - old.txBytes);
    }
  }
  table(rows);
  state(report?.echoed === megabyte, "delta sent every byte back");
  state(
    carried.length === 4 && carried.every((bytes) => bytes >= BigInt(megabyte)),
    "alpha0 and delta0 each counted 1 MiB more, in both directions",
  );
}

/** @param {import("../dist/index.js").Counters} counters */
function figures({ rxPackets, txPackets, rxBytes, txBytes }) {
  return [rxPackets, txPackets, rxBytes, txBytes].map(String);
}

/** What there is outside the demo's own namespaces, to be the same before and after. */
async function surroundings() {
  const own = await openNamespace();
  const links = (await listLinks(own)).map(({ name }) => name);
  await own.close();
  const names = (await listNamespaces()).map(({ name }) => name);
  const home = readlinkSync("/proc/self/ns/net");
  const descriptors = readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // the descriptor that read the directory
    }
  });
  const foreign = descriptors.filter((to) => to.startsWith("net:[") && to !== home).length;
  const sockets = descriptors.filter((to) => to.startsWith("socket:")).length;
  return { links, names, foreign, sockets };
}

/** @param {Lab} lab */
async function takeDown(lab) {
  heading("Taking down");
  const gone = await timed("four namespaces, and with them their veth pairs", () =>
    lab.deleteGuests(),
  );
  state(gone, "no veth is left in the router");
  await timed("two bridges", () => lab.deleteBridges());
  const left = (await listLinks(lab.router)).map(({ name }) => name);
  state(left.join() === "lo", "the router has nothing but lo");
  await timed("the router", () => lab.deleteAll());
}

/** @param {Awaited<ReturnType<typeof surroundings>>} before */
async function proveNothingLeft(before) {
  const after = await surroundings();
  const names = after.names.join(" ") || "none";
  state(names === (before.names.join(" ") || "none"), `named namespaces, as before: ${names}`);
  const links = after.links.join(" ");
  state(links === before.links.join(" "), `links around the demo, as before: ${links}`);
  state(after.foreign === 0, "no descriptor of this process holds another namespace");
  state(after.sockets === before.sockets, `open sockets, as before: ${after.sockets}`);
}

/** @param {AbortSignal} interruption */
async function demonstrate(interruption) {
  const start = performance.now();
  const before = await surroundings();
  const lab = new Lab();
  let agents = /** @type {Agent[]} */ ([]);
  const steps = [
    () => build(lab),
    () => showBridges(lab),
    () => showPairs(lab),
    () => showAddresses(lab),
    async () => {
      agents = await Agent.startAll([...lab.namespaces.keys()]);
    },
    () => proveReach(lab, agents),
    () => proveCounters(lab, agents),
  ];
  try {
    for (const step of steps) {
      interruption.throwIfAborted();
      await step();
    }
    await Promise.all(agents.map((agent) => agent.stop()));
    await takeDown(lab);
    interruption.throwIfAborted();
    await showNetworks();
  } finally {
    await Promise.all(agents.map((agent) => agent.stop()));
    await lab.deleteAll();
  }
  await proveNothingLeft(before);
  heading(`All of it in ${((performance.now() - start) / 1000).toFixed(1)} s.`);
}

if (process.env.VETHWORK_SANDBOX !== "1") {
  failure("The demo is for a sandbox: npm run demo");
  process.exit(1);
}
const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => interruption.abort(new Error(`${signal}: everything is taken down`)));
}
try {
  await demonstrate(interruption.signal);
} catch (error) {
  failure(error instanceof Untrue ? `Not so: ${error.message}` : String(error));
  process.exitCode = interruption.signal.aborted ? 130 : 1;
}
