// The drivers that there are, and one that a user could hand in, held to the contract.

import { describe, expect, test } from "vitest";
import { createLink, deleteLink, findLink } from "../../../lib/index.ts";
import { bridge } from "../../../lib/network/drivers/bridge.ts";
import { macvlan } from "../../../lib/network/drivers/macvlan.ts";
import { host, none } from "../../../lib/network/drivers/predefined.ts";
import type { Driver } from "../../../lib/network/index.ts";
import { inside, ip } from "../../support/sandbox.ts";
import { withLab } from "../model/lab.ts";
import { refused } from "../refused.ts";
import { showBridged } from "./bridged.ts";
import { testDriver } from "./contract.ts";

testDriver("bridge", { driver: bridge, network: {} });
testDriver("bridge of IPv6", { driver: bridge, network: { ipv6: true, internal: true } });
testDriver("bridge of several", {
  driver: bridge,
  network: { options: { bridges: "3" } },
  prepare: (there) => showBridged(there, 0),
});
testDriver("macvlan", {
  driver: macvlan,
  network: { options: { parent: "lan0" }, subnets: [{ subnet: "10.60.0.0/24" }] },
});

describe.each([host, none])("the driver $name, which makes nothing,", (driver) => {
  test("has one network, which is there, and no endpoints", () =>
    withLab(async (lab) => {
      const { controller, create } = lab;
      const name = driver === host ? "host" : "none";
      const attempt = { name: "net", driver: driver.name };
      expect(await refused(() => controller.createNetwork(attempt))).toEqual({
        code: "NETWORK_PREDEFINED",
      });
      const a = await create("a", { mode: "none" });
      const before = await ip(lab.host, "link");
      expect(await refused(() => controller.connect(name, a.name))).toEqual({
        code: "MODE_CONFLICT",
      });
      expect(await ip(lab.host, "link")).toEqual(before);
      expect((await ip(a, "link")).map(({ ifname }) => ifname)).toEqual(["lo"]);
    }));
});

/** Networks of point-to-point wires: each endpoint has a veth pair of its own with the host. */
const wires: Driver = {
  name: "wires",
  traits: { addresses: true, routed: false, names: false },
  planNetwork: async () => ({}),
  hostLink: ({ id }) => `w${id.slice(0, 8)}`,
  createNetwork: async () => {},
  deleteNetwork: async () => {},
  connect: async ({ host, sandbox, endpoint: { link, mac, hostLink } }) => {
    if (hostLink === undefined) throw new Error("the endpoint has no host link");
    const peer = { name: link, namespace: sandbox, address: mac };
    const { name, mac: address } = hostLink;
    await createLink(host, { kind: "veth", name, address, up: true, peer });
  },
  disconnect: async ({ host, endpoint: { hostLink } }) => {
    const link = hostLink && (await findLink(host, { name: hostLink.name }));
    if (link?.address === hostLink?.mac && link !== undefined) await deleteLink(host, link);
  },
  inspectNetwork: async () => [],
  inspectEndpoint: async () => [],
};

testDriver("of a user's", {
  driver: wires,
  network: { subnets: [{ subnet: "10.61.0.0/24" }] },
  prepare: (host) => inside(host, "ip", "link", "set", "lo", "up"),
});
