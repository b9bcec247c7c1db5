// The demo's second half: three busyboxes on two networks of `vethwork/network`, one of them on both.

import { once } from "node:events";
import { createServer } from "node:http";
import {
  agent,
  createNamespace,
  describeTopology,
  exec,
  getCounters,
  listen,
  lookup,
  ping,
  setLink,
  toText,
} from "../../dist/index.js";
import { openController, openMemoryStore } from "../../dist/network/index.js";
import { heading, line, state, table, timed } from "./report.mjs";

/** @typedef {import("../../dist/index.js").Namespace} Namespace */
/** @typedef {import("../../dist/network/index.js").Controller} Controller */

/** The sandboxes, each with its networks; and what is published of one of them. */
const sandboxes = [
  { name: "busybox_0", networks: ["bridge_0"], ports: [] },
  { name: "busybox_1", networks: ["bridge_0", "bridge"], ports: ["8080:80"] },
  { name: "busybox_2", networks: ["bridge"], ports: [] },
];

/**
 * Whether an echo comes back.
 *
 * @param {Namespace} from
 * @param {string} to
 */
async function reaches(from, to) {
  return await ping(from, to, { timeoutMs: 500 }).then(
    () => true,
    () => false,
  );
}

/** @param {Controller} controller */
async function showAddresses(controller) {
  const rows = [["sandbox", "network", "link", "address", "default route"]];
  /** @type {Record<string, string>} */
  const addresses = {};
  for (const { name } of sandboxes) {
    const { connections } = await controller.inspectSandbox(name);
    for (const { network, endpoint, gateways } of connections) {
      const [address = ""] = endpoint.addresses;
      rows.push([name, network.name, endpoint.link, address, gateways.join(" ")]);
      addresses[`${name} ${network.name}`] = address.split("/")[0] ?? "";
    }
  }
  table(rows);
  return addresses;
}

/**
 * @param {readonly Namespace[]} inside
 * @param {Record<string, string>} addresses
 */
async function proveReach([zero, one, two], addresses) {
  if (!zero || !one || !two) throw new Error("there are three sandboxes");
  heading("Who reaches whom, by ICMP echo");
  const inner = addresses["busybox_1 bridge_0"] ?? "";
  const outer = addresses["busybox_2 bridge"] ?? "";
  state(await reaches(zero, inner), `busybox_0 reaches busybox_1 at ${inner}`);
  state(await reaches(one, outer), `busybox_1 reaches busybox_2 at ${outer}`);
  state(!(await reaches(zero, outer)), `busybox_0 does not reach busybox_2 at ${outer}`);

  heading("Names, by the server at 127.0.0.11 of each sandbox on bridge_0");
  const [found] = await timed("busybox_0 asks for busybox_1", () => lookup(zero, "busybox_1"));
  state(found?.address === inner, `busybox_1 is ${found?.address}`);
  const { stdout } = await exec(two, "cat", ["/etc/resolv.conf"]);
  state(!stdout.includes("127.0.0.11"), "busybox_2, on the predefined network, has none");
}

/**
 * @param {Namespace} host
 * @param {Namespace} one
 */
async function proveService(host, one) {
  heading("A published port: an HTTP server in busybox_1, asked at the host");
  const server = createServer((request, response) => {
    response.end(`busybox_1 was asked for ${request.url} from ${request.socket.remoteAddress}\n`);
  });
  await listen(one, { port: 80, server });
  const before = await getCounters(one, { name: "eth0" });
  const { dispatcher, http } = agent(host);
  const options = /** @type {RequestInit} */ ({ dispatcher });
  const answer = await timed("fetch http://127.0.0.1:8080/hello", async () =>
    (await fetch("http://127.0.0.1:8080/hello", options)).text(),
  );
  line(answer.trim());
  const after = await getCounters(one, { name: "eth0" });
  state(answer.includes("/hello"), "the sandbox has answered");
  // Its default route, and so its published ports, go by the network whose name comes first.
  const other = await getCounters(one, { name: "eth1" });
  const carried = after.rxPackets + other.rxPackets - before.rxPackets;
  state(carried > 0n, `its links have counted ${carried} packets more`);
  http.destroy();
  await dispatcher.close();
  server.close();
  server.closeAllConnections();
  await once(server, "close");
}

/** Shows it all, and takes it down. */
export async function showNetworks() {
  heading("Networks: busybox_0 on bridge_0, busybox_2 on bridge, busybox_1 on both");
  const host = await createNamespace();
  const store = openMemoryStore();
  const controller = await openController({ host, store, name: "demo" });
  /** @type {Namespace[]} */
  const inside = [];
  try {
    await setLink(host, { name: "lo" }, { up: true });
    await timed("network bridge_0", () => controller.createNetwork({ name: "bridge_0" }));
    for (const options of sandboxes) {
      await timed(`sandbox ${options.name}`, () => controller.createSandbox(options));
      inside.push(await controller.openSandbox(options.name));
    }
    const addresses = await showAddresses(controller);
    await proveReach(inside, addresses);
    const [zero, one, two] = inside;
    if (zero && one && two) {
      await proveService(host, one);
      heading("All of it, as `vethwork topology` shows it");
      const picture = { host, busybox_0: zero, busybox_1: one, busybox_2: two };
      line(
        toText(await describeTopology(picture))
          .trimEnd()
          .replaceAll("\n", "\n  "),
      );
    }
    state((await controller.plan()).length === 0, "the kernel is as the plan says");
  } finally {
    await Promise.all(inside.map((namespace) => namespace.close()));
    await timed("everything removed", () => controller.purge());
    await controller.close();
    await store.close();
    await host.close();
  }
}
