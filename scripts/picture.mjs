// Draws the picture of the README: three containers on two bridges, of which one is on both.

import { writeFileSync } from "node:fs";
import { describeTopology, toSvg } from "../dist/index.js";
import { topology } from "../dist/testing/index.js";

const host = "host";
const bridges = [
  { namespace: host, name: "bridge_0", addresses: ["172.18.0.1/16"] },
  { namespace: host, name: "bridge", addresses: ["172.17.0.1/16"] },
];
const wires = [
  ["busybox_0", "eth0", "172.18.0.2/16", "veth00", "bridge_0"],
  ["busybox_1", "eth0", "172.18.0.3/16", "veth10", "bridge_0"],
  ["busybox_1", "eth1", "172.17.0.2/16", "veth11", "bridge"],
  ["busybox_2", "eth0", "172.17.0.3/16", "veth20", "bridge"],
].map(([namespace = "", link = "", address = "", port = "", bridge = ""]) => ({
  ends: /** @type {const} */ ([
    { namespace, link, addresses: [address] },
    { namespace: host, link: port, bridge },
  ]),
}));
/** @type {import("../dist/testing/index.js").TopologyLiteral} */
const literal = {
  namespaces: { host: {}, busybox_0: {}, busybox_1: {}, busybox_2: {} },
  bridges,
  wires,
};

await topology(literal, async ({ namespaces }) => {
  writeFileSync("docs/topology.svg", toSvg(await describeTopology(namespaces)));
});
