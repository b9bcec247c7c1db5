// Hosts with parts of a routed network, made by the driver alone, and what is outside of them.

import { randomBytes } from "node:crypto";
import { expect } from "vitest";
import {
  addAddress,
  addRoute,
  createLink,
  type Namespace,
  setForwarding,
  setLink,
  waitForLink,
} from "../../../lib/index.ts";
import type { NetworkRequest, Remote } from "../../../lib/network/drivers/driver.ts";
import { routed } from "../../../lib/network/drivers/routed.ts";
import type { Endpoint, Network, NetworkSubnet } from "../../../lib/network/model.ts";
import { Firewall } from "../../../lib/network/nat/firewall.ts";
import { randomMac } from "../../../lib/values/mac.ts";
import { withoutDetection } from "../../support/routed.ts";
import {
  ip,
  linkInUse,
  type Sandbox,
  type Testimony,
  withSandboxes,
} from "../../support/sandbox.ts";

if (routed.across === undefined) throw new Error("the driver does not span hosts");
export const { across } = routed;

/** A host, the part of the network that it has, and the sandbox that is connected to it. */
export interface Place {
  readonly host: Sandbox;
  /** The address by which the others reach it. */
  readonly address: string;
  readonly part: Network;
  readonly joint: Joint;
  /** The part's blocks. */
  readonly blocks: readonly string[];
  readonly endpoint: Endpoint;
  readonly sandbox: Sandbox;
  /** The sandbox's address of IPv4, and of IPv6 if the network has such. */
  readonly four: string;
  readonly six: string;
  readonly firewall: Firewall;
}

/** How a host is joined to the others: in the namespace that is between, and by these addresses. */
export interface Joint {
  readonly four: string;
  readonly six: string;
}

/** What a network is to be like. */
export interface Shape {
  readonly options?: Readonly<Record<string, string>>;
  readonly internal?: boolean;
  /** By which of their addresses the hosts reach each other; with IPv6 both families are routed. */
  readonly by?: "four" | "six";
}

const id = () => randomBytes(32).toString("hex");
export const whole = { four: "10.5.0.0/16", six: "fd05::/64" } as const;

/** The subnets of the whole, or the blocks of the nth host. */
function subnetsOf(six: boolean, n?: number): NetworkSubnet[] {
  const four = n === undefined ? whole.four : `10.5.${n}.0/24`;
  const blocks = [{ subnet: four, range: four, gateway: `10.5.${n ?? 0}.1`, auxiliary: {} }];
  if (!six) return blocks;
  const block = n === undefined ? whole.six : `fd05::${n}:0:0:0/80`;
  const gateway = `fd05::${n ?? 0}:0:0:1`;
  return [...blocks, { subnet: block, range: block, gateway, auxiliary: {} }];
}

/** A network as a host of its own has planned it, of which no host has a part yet. */
export async function planned(
  host: Namespace,
  address: string,
  shape: Shape = {},
): Promise<Network> {
  const { options = {}, internal = false, by = "four" } = shape;
  const fixed = { name: "web", predefined: false, internal, options };
  const request: NetworkRequest = { ...fixed, id: id(), others: [], address };
  const settings = await routed.planNetwork(host, request);
  return {
    ...{ ...fixed, id: request.id, driver: "routed", scope: "cluster", settings },
    ...{ created: new Date().toISOString(), ipv6: by === "six", labels: {} },
    subnets: subnetsOf(by === "six"),
  };
}

/** The part of the network that the nth host has: a network of its own for the driver. */
export async function partOf(
  network: Network,
  host: Sandbox,
  address: string,
  n: number,
): Promise<Network> {
  const own = await across.planPart(host, network, address);
  return {
    ...{ ...network, settings: { ...network.settings, ...own } },
    subnets: subnetsOf(network.ipv6, n),
  };
}

/** What the other hosts are told of a part. */
export function remotesOf({ blocks, address }: Pick<Place, "blocks" | "address">): Remote[] {
  return blocks.map((block) => ({ id: block, host: address, addresses: [block] }));
}

/** Tells each host of all others, and of nobody else. */
export async function tellAll(places: readonly Place[]): Promise<void> {
  for (const { host, part } of places) {
    const others = places.filter((other) => other.host !== host);
    await across.setRemotes(host, part, others.flatMap(remotesOf));
  }
}

/** An endpoint of the nth host, as the controller would have planned it. */
function endpointOn(network: Network, n: number): Endpoint {
  const own = id();
  const name = routed.hostLink?.({ id: own }) ?? "";
  const addresses = [`10.5.${n}.2/24`, ...(network.ipv6 ? [`fd05::${n}:0:0:2/80`] : [])];
  return {
    ...{ id: own, network: network.id, sandbox: id(), link: "eth0", mac: randomMac() },
    ...{ hostLink: { name, mac: randomMac() }, addresses },
    ...{ aliases: [], links: {}, gatewayPriority: 0 },
  };
}

/** Puts the endpoint's link into its sandbox, and gives it what the controller would. */
export async function connect({ host, sandbox, part, endpoint }: Place): Promise<void> {
  await routed.connect({ host, sandbox, network: part, endpoint });
  const eth0 = { name: "eth0" };
  for (const address of endpoint.addresses) {
    const flags = address.includes(":") ? { flags: ["noDad"] as const } : {};
    await addAddress(sandbox, eth0, { address, ...flags });
  }
  await setLink(sandbox, eth0, { up: true });
  await waitForLink(sandbox, eth0, { operationalState: "up" });
  await waitForLink(host, { name: endpoint.hostLink?.name ?? "" }, { operationalState: "up" });
  for (const { gateway } of part.subnets) {
    if (gateway !== undefined) await addRoute(sandbox, { to: "default", via: gateway });
  }
}

/** Takes away what the driver and the firewall have of a place. */
export async function leave({ host, sandbox, part, endpoint, firewall }: Place): Promise<void> {
  await routed.disconnect({ host, sandbox, network: part, endpoint });
  await routed.deleteNetwork(host, part, []);
  await firewall.removeNetwork(firewalledAs(part));
}

function firewalledAs({ id, subnets, internal, settings }: Network) {
  return {
    ...{ id, internal, link: String(settings.link), subnets: subnets.map(({ subnet }) => subnet) },
    ...{ masquerade: settings.masquerade === true, icc: settings.icc === true },
    whole: settings.whole as readonly string[],
  };
}

/** The nth host's part, made, with one sandbox on it. */
async function settle(
  network: Network,
  host: Sandbox,
  sandbox: Sandbox,
  joint: Joint,
  n: number,
): Promise<Place> {
  const address = network.ipv6 ? joint.six : joint.four;
  const part = await partOf(network, host, address, n);
  const firewall = new Firewall(host);
  const blocks = part.subnets.map(({ subnet }) => subnet);
  const [four = "", six = ""] = [`10.5.${n}.2`, network.ipv6 ? `fd05::${n}:0:0:2` : ""];
  const endpoint = endpointOn(network, n);
  const place = { host, sandbox, joint, address, part, firewall, blocks, endpoint, four, six };
  await routed.createNetwork(host, part);
  await firewall.addNetwork(firewalledAs(part));
  await connect(place);
  return place;
}

/** Three hosts, each with a part, and what is between them. */
export interface Lab {
  readonly places: readonly [Place, Place, Place];
  /** What joins the hosts. It knows no route to any part. */
  readonly between: Sandbox;
  readonly network: Network;
}

/** Makes `between` join a host to the others; gives the addresses that the host has then. */
export type Join = (between: Sandbox, host: Sandbox, n: number) => Promise<Joint>;

/** The hosts' subnet, in which `between` is .254. */
export const underlay = { between: "192.0.2.254", between6: "2001:db8::fe", mtu: 1480 } as const;

/** All hosts are in one subnet: ports of one bridge. */
export const byBridge: Join = async (between, host, n) => {
  const name = "underlay";
  if (n === 1) {
    const link = await createLink(between, { kind: "bridge", name, mtu: underlay.mtu, up: true });
    await addAddress(between, link, `${underlay.between}/24`);
    const address = `${underlay.between6}/64`;
    await addAddress(between, link, { address, flags: ["noDad"] });
  }
  const peer = { name: "lan0", namespace: host, mtu: underlay.mtu };
  const port = { kind: "veth", name: `port${n}`, mtu: underlay.mtu, up: true } as const;
  await createLink(between, { ...port, master: { name }, peer });
  const lan0 = { name: "lan0" };
  await setLink(host, lan0, { up: true });
  const [four, six] = [`192.0.2.${n}`, `2001:db8::${n}`];
  await addAddress(host, lan0, `${four}/24`);
  await addAddress(host, lan0, { address: `${six}/64`, flags: ["noDad"] });
  await waitForLink(between, { name }, { operationalState: "up" });
  await waitForLink(host, lan0, { operationalState: "up" });
  await addRoute(host, { to: "default", via: underlay.between });
  await addRoute(host, { to: "default", via: underlay.between6 });
  return { four, six };
};

/** What of a host a driver changes, said by witnesses. */
async function stateOf(host: Sandbox): Promise<Testimony> {
  return {
    links: (await ip(host, "link")).map(({ ifname }) => ifname),
    four: (await ip(host, "-4", "route", "show", "table", "all")).map(said).toSorted(),
    six: (await ip(host, "-6", "route", "show", "table", "all")).map(said).toSorted(),
  };
}

const said = ({ dst, gateway, dev, protocol, type }: Testimony) =>
  [dst, gateway, dev, protocol, type].join(" ");

/** Runs a test with it, and expects the hosts to be as they were once their parts are gone. */
export async function withHosts(
  test: (lab: Lab) => Promise<void>,
  shape: Shape = {},
  join: Join = byBridge,
): Promise<void> {
  await withSandboxes(1, ([between]) =>
    withSandboxes(3, (hosts) =>
      withSandboxes(3, async (sandboxes) => {
        for (const each of [between, ...hosts, ...sandboxes]) await withoutDetection(each);
        const joints: Joint[] = [];
        for (const [n, host] of hosts.entries()) {
          for (const family of ["inet", "inet6"] as const) {
            await setForwarding(host, true, { family });
          }
          joints.push(await join(between, host, n + 1));
        }
        // The kernel adds the routes to a host's own addresses when its link has a carrier.
        await Promise.all(hosts.map((host) => linkInUse(host, "lan0")));
        const before = await Promise.all(hosts.map(stateOf));
        const address = joints[0]?.[shape.by ?? "four"] ?? "";
        const network = await planned(hosts[0], address, shape);
        const places: Place[] = [];
        for (const [n, host] of hosts.entries()) {
          const [sandbox, joint] = [sandboxes[n], joints[n]];
          if (sandbox === undefined || joint === undefined) throw new Error("there are too few");
          places.push(await settle(network, host, sandbox, joint, n + 1));
        }
        await test({ places: places as unknown as Lab["places"], between, network });
        for (const place of places) await leave(place);
        expect(await Promise.all(hosts.map(stateOf))).toEqual(before);
      }),
    ),
  );
}

/** The routes of ours in a host, by ip(8): where to, by what, how. */
export async function ownRoutes(host: Sandbox): Promise<string[]> {
  const families = ["-4", "-6"].map((family) => ip(host, family, "route", "show"));
  const routes = (await Promise.all(families)).flat();
  return routes
    .filter(({ protocol }) => ["118", "119"].includes(protocol))
    .map(({ type, dst, gateway, via, protocol }) =>
      [type, dst, gateway ?? via?.host ?? "-", protocol].join(" "),
    )
    .toSorted();
}
