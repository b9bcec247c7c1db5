// What no host should be asked for: refused with its code, and nothing of host or plan is changed.

import { expect, test } from "vitest";
import { openNamespace } from "../../../lib/index.ts";
import {
  type Controller,
  type ControllerOptions,
  type Driver,
  openController,
  openMemoryStore,
} from "../../../lib/network/index.ts";
import { ip, type Testimony } from "../../support/sandbox.ts";
import { refused } from "../refused.ts";
import { type Lab, withLab } from "./lab.ts";

/** What an attempt gives: a refusal by its code, by its property, or both. */
type Attempt = [
  what: string,
  attempt: (controller: Controller, lab: Lab) => Promise<unknown>,
  refusal: { code: string; property?: string; conflict?: string },
];

const range = (property: string) => ({ code: "ERR_OUT_OF_RANGE", property });
const type = (property: string) => ({ code: "ERR_INVALID_ARG_TYPE", property });
const code = (it: string) => ({ code: it });
// biome-ignore lint/suspicious/noExplicitAny: what has no type is what is tested
const anything = (value: unknown) => value as any;

const names: Attempt[] = [
  ["a/b", "..", ".", "", "-rf", "a b", "a\nb", "a\0b", "x".repeat(300), "ä", "a:b", "a%s"].map(
    (name): Attempt[] => [
      [
        `a network ${JSON.stringify(name.slice(0, 20))}`,
        (controller) => controller.createNetwork({ name }),
        range("name"),
      ],
      [
        `a sandbox ${JSON.stringify(name.slice(0, 20))}`,
        (controller) => controller.createSandbox({ name }),
        range("name"),
      ],
      [
        `an alias ${JSON.stringify(name.slice(0, 20))}`,
        (controller) => controller.connect("web", "a", { aliases: [name] }),
        range("aliases[0]"),
      ],
      [
        `a hostname ${JSON.stringify(name.slice(0, 20))}`,
        (controller) => controller.createSandbox({ name: "b", hostname: name }),
        range("hostname"),
      ],
    ],
  ),
].flat(2);

const network =
  (options: object) =>
  (controller: Controller): Promise<unknown> =>
    controller.createNetwork({ name: "net", ...anything(options) });
const sandbox =
  (options: object) =>
  (controller: Controller): Promise<unknown> =>
    controller.createSandbox({ name: "b", ...anything(options) });
const on = (options: object) => sandbox({ networks: [{ network: "web", ...options }] });
const option = (key: string, value: string) => network({ options: { [key]: value } });

const attempts: Attempt[] = [
  ...names,
  ["a name that is none", (c) => c.createNetwork(anything({ name: 5 })), type("name")],
  ["no name", (c) => c.createNetwork(anything({})), type("name")],
  ["no options", (c) => c.createNetwork(anything(null)), type("options")],
  ["an unknown option", network({ colour: "red" }), type("colour")],
  ["an unknown driver", network({ driver: "overlay9" }), code("DRIVER_MISSING")],
  ["the driver of a predefined network", network({ driver: "host" }), code("NETWORK_PREDEFINED")],
  ["an MTU of 67", option("mtu", "67"), code("OPTION_INVALID")],
  ["an MTU of 70000", option("mtu", "70000"), code("OPTION_INVALID")],
  ["an MTU that is no number", option("mtu", "1500; reboot"), code("OPTION_INVALID")],
  [
    "an MTU under 1280 with IPv6",
    network({ ipv6: true, options: { mtu: "1000" } }),
    code("OPTION_INVALID"),
  ],
  [
    "an option of no driver",
    option("com.docker.network.bridge.colour", "x"),
    code("OPTION_INVALID"),
  ],
  ["a bridge name that is too long", option("name", "x".repeat(16)), code("OPTION_INVALID")],
  ["a bridge name with a slash", option("name", "../x"), code("OPTION_INVALID")],
  ["a bridge name that is a flag", option("name", "-x"), code("OPTION_INVALID")],
  [
    "the name of a link of the host",
    option("name", "lan0"),
    { code: "LINK_TAKEN", conflict: "lan0" },
  ],
  [
    "a prefix with a slash",
    option("com.docker.network.container_iface_prefix", "a/"),
    code("OPTION_INVALID"),
  ],
  ["an option that is not text", network({ options: { mtu: 1500 } }), type('options["mtu"]')],
  ["a label of two lines", network({ labels: { a: "b\nc" } }), range('labels["a"]')],
  [
    "a gateway outside",
    network({ subnets: [{ subnet: "10.1.0.0/24", gateway: "10.2.0.1" }] }),
    code("ADDRESS_OUTSIDE"),
  ],
  [
    "a gateway that is the broadcast address",
    network({ subnets: [{ subnet: "10.1.0.0/24", gateway: "10.1.0.255" }] }),
    code("ADDRESS_RESERVED"),
  ],
  [
    "a range outside",
    network({ subnets: [{ subnet: "10.1.0.0/24", range: "10.2.0.0/25" }] }),
    code("SUBNET_INVALID"),
  ],
  [
    "an auxiliary address outside",
    network({ subnets: [{ subnet: "10.1.0.0/24", auxiliary: { x: "10.2.0.1" } }] }),
    code("ADDRESS_OUTSIDE"),
  ],
  [
    "two subnets of a family",
    network({ subnets: [{ subnet: "10.1.0.0/24" }, { subnet: "10.2.0.0/24" }] }),
    range("subnets"),
  ],
  [
    "an IPv6 subnet without IPv6",
    network({ ipv6: false, subnets: [{ subnet: "fd00::/64" }] }),
    range("ipv6"),
  ],
  ["a MAC address that is multicast", on({ mac: "01:00:5e:00:00:01" }), range("networks[0].mac")],
  ["a MAC address that is all zeros", on({ mac: "00:00:00:00:00:00" }), range("networks[0].mac")],
  ["a MAC address that is none", on({ mac: "02:00" }), range("networks[0].mac")],
  ["an address outside", on({ addresses: ["10.99.0.1"] }), code("ADDRESS_OUTSIDE")],
  [
    "the gateway's address",
    on({ addresses: ["172.17.0.1"] }),
    { code: "ADDRESS_TAKEN", conflict: "the gateway" },
  ],
  [
    "an address that is none",
    on({ addresses: ["172.17.0.300"] }),
    range("networks[0].addresses[0]"),
  ],
  [
    "an address with a zone",
    on({ addresses: ["fe80::1%eth0"] }),
    range("networks[0].addresses[0]"),
  ],
  ["a priority that is none", on({ gatewayPriority: 1.5 }), range("networks[0].gatewayPriority")],
  ["a link by a bad name", on({ links: { "a\nb": "a" } }), range('networks[0].links["a\\nb"]')],
  ["a network that there is not", sandbox({ networks: ["nowhere"] }), code("NETWORK_MISSING")],
  ["a mode that there is not", sandbox({ mode: "bridge2" }), range("mode")],
  [
    "a setting outside of net",
    sandbox({ sysctls: { "kernel.hostname": "x" } }),
    range('sysctls["kernel.hostname"]'),
  ],
  [
    "a setting that leads out of net",
    sandbox({ sysctls: { "net/../kernel/x": "1" } }),
    range('sysctls["net/../kernel/x"]'),
  ],
  [
    "a setting that there is not",
    sandbox({ sysctls: { "net.ipv4.nonsense": "1" } }),
    code("DRIVER_FAILED"),
  ],
  [
    "a value that the kernel does not take",
    sandbox({ sysctls: { "net.ipv4.ip_forward": "x" } }),
    code("DRIVER_FAILED"),
  ],
  [
    "a name server that is a name",
    sandbox({ names: { servers: ["dns.example"] } }),
    range("names.servers[0]"),
  ],
  [
    "a search domain of two lines",
    sandbox({ names: { search: ["a\nnameserver 1.2.3.4"] } }),
    range("names.search[0]"),
  ],
  [
    "an option of two lines",
    sandbox({ names: { options: ["ndots:1\nnameserver 1.2.3.4"] } }),
    range("names.options[0]"),
  ],
  [
    "a host of two lines",
    sandbox({ names: { hosts: { "a\nb": "1.2.3.4" } } }),
    range('names.hosts["a\\nb"]'),
  ],
  ["a host without an address", sandbox({ names: { hosts: { a: "b" } } }), range("names.hosts.a")],
  ["a reference that is none", (c) => c.deleteSandbox("../a"), range("sandbox")],
  ["a sandbox that there is not", (c) => c.deleteSandbox("nobody"), code("SANDBOX_MISSING")],
  [
    "a namespace by a bad name",
    (c) => c.adoptSandbox({ name: "b", namespace: { name: "../x" } }),
    range("name"),
  ],
  ["a filter that there is not", (c) => c.listNetworks(anything({ colour: "x" })), type("colour")],
];

/** Link-local addresses the kernel gives by itself, in its own time. */
const isGiven = (address: string) => !address.startsWith("fe80:");

/** What of a host a controller could change, and the plan. */
async function everything({ host, store }: Lab): Promise<Testimony> {
  const links = (await ip(host, "addr")).map(({ ifname, addr_info, flags }) => ({
    ...{ ifname, up: flags.includes("UP") },
    addresses: addr_info.map(({ local }: Testimony) => local).filter(isGiven),
  }));
  return { links, entries: (await store.list("")).entries };
}

test("are refused by their codes, and change nothing", { timeout: 60_000 }, () =>
  withLab(async (lab) => {
    const { controller, named } = lab;
    await controller.createNetwork({ name: "web" });
    // The predefined network is made when it is first asked for, whatever comes of the request.
    await controller.createSandbox({ name: named("first") });
    await controller.createSandbox({ name: "a", networks: [] });
    const before = await everything(lab);
    for (const [what, attempt, refusal] of attempts) {
      const given = await refused(() => attempt(controller, lab)).catch((error) => String(error));
      expect([what, given]).toEqual([what, refusal]);
      expect([what, await everything(lab)]).toEqual([what, before]);
    }
    expect(await controller.plan()).toEqual([]);
  }),
);

test("controllers without a host, a store or proper options are refused", async () => {
  await using host = await openNamespace();
  await using store = openMemoryStore();
  const driver = { name: "x" } as unknown as Driver;
  const open = (options: object) =>
    refused(() => openController({ host, store, ...options } as ControllerOptions));
  expect(await open({ host: {} })).toEqual(type("host"));
  expect(await open({ store: {} })).toEqual(type("store"));
  expect(await open({ name: "a/b" })).toEqual(range("name"));
  expect(await open({ table: "a b" })).toEqual(range("table"));
  expect(await open({ waitMs: -1 })).toEqual(range("waitMs"));
  expect(await open({ serveNames: "yes" })).toEqual(type("serveNames"));
  expect(await open({ drivers: [driver] })).toEqual(type("drivers[0].traits"));
  expect(await open({ hosts: 1 })).toEqual(type("hosts"));
});
