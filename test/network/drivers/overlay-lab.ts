// Hosts for tests of networks over hosts: namespaces on a bridge of a further one, and their parts.

import { createHash } from "node:crypto";
import { addAddress, createLink, listNamespaces, setLink } from "../../../lib/index.ts";
import { overlay } from "../../../lib/network/drivers/overlay.ts";
import type { Endpoint, Network } from "../../../lib/network/index.ts";
import { bridge, inside, ip, type Sandbox, withSandboxes } from "../../support/sandbox.ts";

/** Which addresses the hosts reach each other by. */
export type Underlay = "IPv4" | "IPv6";

export const across = overlay.across ?? missing("what is for networks over hosts");

function missing(what: string): never {
  throw new Error(`${what} is missing`);
}

/** The nth host's address on the underlay. */
export function hostAddress(n: number, underlay: Underlay = "IPv4"): string {
  return underlay === "IPv4" ? `192.0.2.${n}` : `fd00:2::${n}`;
}

/** The addresses of the nth endpoint of a network, and its MAC address. */
export const endpointOf = (n: number) => ({
  ip: `10.9.0.${n}`,
  ip6: `fd00:9::${n}`,
  mac: `02:42:0a:09:00:${n.toString(16).padStart(2, "0")}`,
});

/** An id that no other test of the machine has; the same one for the same word. */
const idOf = (word: string) => createHash("sha256").update(`${process.pid} ${word}`).digest("hex");

/** A network as the controller would have it, without a part. */
export function networkOf(name: string, settings: Network["settings"]): Network {
  return {
    ...{ id: idOf(name), name, driver: "overlay", scope: "cluster", predefined: false },
    ...{ created: "2026-01-01T00:00:00.000Z", internal: true },
    ipv6: Number(settings.mtu) >= 1280,
    ...{ subnets: [], options: {}, labels: {}, settings },
  };
}

/** The nth endpoint, in the sandbox with that number. */
export function endpointAt(network: Network, n: number): Endpoint {
  const { ip: four, ip6: six, mac } = endpointOf(n);
  const addresses = network.ipv6 ? [`${four}/24`, `${six}/64`] : [`${four}/24`];
  return {
    ...{ id: `${n.toString(16).padStart(2, "0")}${network.id.slice(2)}`, network: network.id },
    ...{ sandbox: idOf(`sandbox ${n}`), link: "eth0", mac, addresses },
    ...{ aliases: [], links: {}, gatewayPriority: 0 },
  };
}

/** An endpoint as other hosts are told of it. */
export function remoteOf(n: number, host: string, ipv6 = true) {
  const { ip: four, ip6: six, mac } = endpointOf(n);
  return { id: `endpoint ${n}`, host, addresses: ipv6 ? [four, six] : [four], mac };
}

/** A host's part of a network, as a place that `ip -n` looks into. */
export interface Part {
  readonly host: Sandbox;
  readonly network: Network;
  /** The name of its namespace, for the witnesses. */
  readonly room: Sandbox;
}

/** Three hosts, and sandboxes to put on them. */
export interface OverlayLab {
  readonly hosts: readonly [Sandbox, Sandbox, Sandbox];
  readonly sandboxes: readonly [Sandbox, Sandbox, Sandbox];
  /** Plans a network as a whole, on the first host. */
  readonly plan: (name: string, options?: Readonly<Record<string, string>>) => Promise<Network>;
  /** Plans and makes the nth host's part of it. */
  readonly part: (network: Network, n: number) => Promise<Part>;
  /** Connects a sandbox as its nth endpoint, as the controller does: link, addresses, up. */
  readonly join: (part: Part, sandbox: Sandbox, n: number) => Promise<Endpoint>;
}

let numbers = 5000;

/** Connects a sandbox with a part, gives its link addresses, and raises it. */
export async function joinPart(part: Part, sandbox: Sandbox, n: number): Promise<Endpoint> {
  const endpoint = endpointAt(part.network, n);
  await overlay.connect({ host: part.host, sandbox, network: part.network, endpoint });
  await configure(sandbox, endpoint);
  return endpoint;
}

/** Gives an endpoint's link its addresses, and raises it. */
export async function configure(sandbox: Sandbox, { link, addresses }: Endpoint): Promise<void> {
  for (const address of addresses) {
    const noDad = address.includes(":") ? { flags: ["noDad"] as const } : {};
    await addAddress(sandbox, { name: link }, { address, ...noDad });
  }
  await setLink(sandbox, { name: link }, { up: true });
}

/** The parts' namespaces that there are. */
export async function roomsOf({ id }: Pick<Network, "id">): Promise<string[]> {
  const names = (await listNamespaces()).map(({ name }) => name);
  return names.filter((name) => name.startsWith(`vethwork-${id.slice(0, 12)}-`));
}

async function attach(host: Sandbox, n: number, underlay: Sandbox): Promise<void> {
  const peer = { name: "eth0", namespace: host };
  await createLink(underlay, {
    ...{ kind: "veth", name: `port${n}`, master: { name: "lan" }, up: true, peer },
  });
  await setLink(host, { name: "eth0" }, { up: true });
  await addAddress(host, { name: "eth0" }, `${hostAddress(n)}/24`);
  const address = `${hostAddress(n, "IPv6")}/64`;
  await addAddress(host, { name: "eth0" }, { address, flags: ["noDad"] });
}

/** Runs a test with three hosts, and takes the parts away that it made. */
export async function withHosts(
  test: (lab: OverlayLab) => Promise<void>,
  underlay: Underlay = "IPv4",
): Promise<void> {
  await withSandboxes(1, async ([lan]) => {
    await createLink(lan, { kind: "bridge", name: "lan", up: true });
    await withSandboxes(3, async (hosts) => {
      for (const [n, host] of hosts.entries()) await attach(host, n + 1, lan);
      await withSandboxes(3, async (sandboxes) => {
        const parts: Part[] = [];
        const plan: OverlayLab["plan"] = async (name, options = {}) => {
          numbers += 1;
          const { id } = networkOf(name, {});
          const address = hostAddress(1, underlay);
          const settings = await overlay.planNetwork(hosts[0], {
            ...{ id, name, predefined: false, internal: true, options, others: [], address },
          });
          return networkOf(name, { ...settings, number: numbers });
        };
        const part: OverlayLab["part"] = async (network, n) => {
          const host = hosts[n - 1] ?? missing(`host ${n}`);
          const own = await across.planPart(host, network, hostAddress(n, underlay));
          const whole = { ...network, settings: { ...network.settings, ...own } };
          const room = { name: String(own.namespace) } as Sandbox;
          const made: Part = { host, network: whole, room };
          parts.push(made);
          await overlay.createNetwork(host, whole);
          return made;
        };
        try {
          await test({ hosts, sandboxes, plan, part, join: joinPart });
        } finally {
          for (const { host, network } of parts) await overlay.deleteNetwork(host, network, []);
        }
      });
    });
  });
}

/** The entries of the VXLAN's own forwarding database, as `MAC host state`, and what is unusual. */
export async function hostsKnown({ room }: Part): Promise<string[]> {
  const entries = await bridge(room, "fdb", "show", "dev", "vxlan0");
  return entries
    .filter(({ flags }) => flags.includes("self"))
    .map(({ mac, dst, state, port, vni }) => [mac, dst, state, port, vni].join(" ").trim())
    .sort();
}

/** The VXLAN's neighbours, as `IP MAC state`. */
export async function macsKnown({ room }: Part): Promise<string[]> {
  const neighbours = await ip(room, "neigh", "show", "nud", "all", "dev", "vxlan0");
  return neighbours.map(({ dst, lladdr, state }) => `${dst} ${lladdr} ${state}`).sort();
}

/** Counts the packets that a host sends to others' VXLANs from now on. */
export async function countSent(host: Sandbox, port = 4789): Promise<() => Promise<number>> {
  const rules = `table inet sent {
    chain out { type filter hook output priority 0; udp dport ${port} counter; }
  }`;
  await inside(host, "nft", "delete", "table", "inet", "sent").catch(() => undefined);
  await inside(host, "nft", rules);
  return async () => {
    const text = await inside(host, "nft", "list", "chain", "inet", "sent", "out");
    return Number(/counter packets (\d+)/.exec(text)?.[1] ?? Number.NaN);
  };
}
