// Networks on a link of the host, which sandboxes share with MAC addresses of their own.

import { NetlinkError } from "../../errors.ts";
import { createLink, deleteLink, findLink, getLink, type Link, setLink } from "../../rtnl/link.ts";
import type { Namespace } from "../../rtnl/namespace.ts";
import { randomMac } from "../../values/mac.ts";
import { NetworkError } from "../errors.ts";
import type { Network } from "../model.ts";
import type { Driver, EndpointPlace, Finding, NetworkRequest, Settings } from "./driver.ts";
import { ours, removeOurs, removeVlan, unmendable } from "./links.ts";
import { choice, invalidOption, linkName, mtu, readOptions } from "./options.ts";

const modes = ["bridge", "private", "vepa", "passthru"] as const;

const table = {
  parent: linkName("parent", null),
  mode: choice("macvlan_mode", modes),
  mtu: mtu("com.docker.network.driver.mtu"),
  linkPrefix: linkName("com.docker.network.container_iface_prefix", "eth", 5),
};

/** What `planNetwork` made of the options. */
interface MacvlanSettings {
  /** The parent's name on the host. */
  readonly parent: string;
  readonly mode: (typeof modes)[number];
  readonly mtu: number | null;
  readonly linkPrefix: string;
  /** The VLAN that the parent is, if it is to be made, and of which link. */
  readonly vlan: { readonly id: number; readonly of: string } | null;
  /** The MAC address of a parent that leads nowhere, if it is to be made. */
  readonly lone: string | null;
}

function settingsOf(network: Pick<Network, "settings">): MacvlanSettings {
  return network.settings as unknown as MacvlanSettings;
}

function parentMissing(network: string, parent: string): NetworkError {
  const reason = `the host has no link ${JSON.stringify(parent)}`;
  const details = { operation: "createNetwork", subject: network, reason, conflict: parent };
  return new NetworkError("PARENT_MISSING", details);
}

async function planNetwork(host: Namespace, request: NetworkRequest): Promise<Settings> {
  const settings = readOptions(table, request);
  const { parent, mode } = settings;
  if (typeof parent !== "string") {
    if (!request.internal) {
      throw invalidOption(request.name, 'option "parent" is missing; internal networks need none');
    }
    return { ...settings, parent: `dm-${request.id.slice(0, 12)}`, vlan: null, lone: randomMac() };
  }
  const neighbours = request.others.filter((other) => settingsOf(other).parent === parent);
  for (const other of neighbours) {
    if (mode !== "passthru" && settingsOf(other).mode !== "passthru") continue;
    const reason = `network ${JSON.stringify(other.name)} is on ${parent}, and passthru is alone`;
    throw invalidOption(request.name, reason);
  }
  const vlan = await planVlan(host, request.name, parent, neighbours);
  return { ...settings, vlan, lone: null };
}

/** Which VLAN is to be made for a parent: none if it is there, and not for another network. */
async function planVlan(
  host: Namespace,
  network: string,
  parent: string,
  neighbours: readonly Network[],
): Promise<MacvlanSettings["vlan"]> {
  if (await findLink(host, { name: parent })) {
    return neighbours.map((other) => settingsOf(other).vlan).find((vlan) => vlan !== null) ?? null;
  }
  const [, of = "", id = ""] = /^(.+)\.(\d{1,4})$/.exec(parent) ?? [];
  const isVlan = Number(id) >= 1 && Number(id) <= 4094;
  if (!isVlan || !(await findLink(host, { name: of }))) throw parentMissing(network, parent);
  return { id: Number(id), of };
}

async function createNetwork(host: Namespace, network: Network): Promise<void> {
  const { parent: name, vlan, lone } = settingsOf(network);
  if (lone !== null) return await createLone(host, name, lone);
  if (vlan === null || (await findLink(host, { name }))) return;
  const parent = { name: vlan.of };
  const options = { kind: "vlan", name, parent, vlanId: vlan.id, up: true } as const;
  await createLink(host, options).catch(async (error: unknown) => {
    // Another network of the same parent was faster.
    const found = isCode(error, "EEXIST") && (await findLink(host, { name }));
    const isThere = found && found.kind === "vlan" && found.vlanId === vlan.id;
    if (!isThere) throw error;
  });
}

/** Kinds of links that lead nowhere; a kernel may have the one or the other. */
const loneKinds = ["dummy", "ifb"] as const;

async function createLone(host: Namespace, name: string, address: string): Promise<void> {
  const [usual, instead] = loneKinds.map((kind) => ({ kind, name, address, up: true }) as const);
  if (usual === undefined || instead === undefined) throw new Error("createLone: no kinds");
  await createLink(host, usual).catch(async (error: unknown) => {
    if (!isCode(error, "EOPNOTSUPP")) throw error;
    await createLink(host, instead);
  });
}

/** The parent stays while another network is on it, unless it was there before them all. */
async function deleteNetwork(
  host: Namespace,
  network: Network,
  others: readonly Network[],
): Promise<void> {
  const { parent, vlan, lone } = settingsOf(network);
  if (lone !== null) {
    for (const kind of loneKinds) await removeOurs(host, parent, kind, lone);
  }
  if (vlan === null || others.some((other) => settingsOf(other).parent === parent)) return;
  await removeVlan(host, parent, vlan);
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof NetlinkError && error.code === code;
}

async function connect({ host, sandbox, network, endpoint }: EndpointPlace): Promise<void> {
  const { parent, mode, mtu } = settingsOf(network);
  const { index } = await getLink(host, { name: parent });
  await createLink(host, {
    kind: "macvlan",
    name: endpoint.link,
    address: endpoint.mac,
    namespace: sandbox,
    parent: index,
    mode,
    ...(mtu === null ? {} : { mtu }),
  });
  // The kernel gives it the parent's own address, whatever was asked for; this one both have then.
  if (mode !== "passthru") return;
  await setLink(sandbox, { name: endpoint.link }, { address: endpoint.mac });
}

/** The controller takes links with our MAC address out of the sandbox: this one may not have it yet. */
async function disconnect({
  host,
  sandbox,
  network,
  endpoint,
}: Omit<EndpointPlace, "sandbox"> & { sandbox?: Namespace }): Promise<void> {
  const { mode, parent } = settingsOf(network);
  if (sandbox === undefined || mode !== "passthru") return;
  const [link, below] = await Promise.all([
    findLink(sandbox, { name: endpoint.link }),
    findLink(host, { name: parent }),
  ]);
  if (link === undefined || !isOn(link, below)) return;
  await deleteLink(sandbox, link).catch((error: unknown) => {
    if (!isCode(error, "ENODEV")) throw error;
  });
}

function isOn(link: Link, parent: Link | undefined): boolean {
  return link.kind === "macvlan" && link.mode === "passthru" && link.parent === parent?.index;
}

async function inspectNetwork(host: Namespace, network: Network): Promise<Finding[]> {
  const { parent, vlan, lone } = settingsOf(network);
  const subject = `network ${JSON.stringify(network.name)}`;
  const isOurs = vlan !== null || lone !== null;
  const found = await findLink(host, { name: parent });
  if (found === undefined) {
    const problem = `its parent ${parent} is gone`;
    if (!isOurs) return [unmendable(subject, problem, "the link is not ours")];
    const repair = () => createNetwork(host, network);
    return [{ subject, problem, remedy: "it is made anew", repair }];
  }
  if (lone !== null && !loneKinds.some((kind) => ours(found, kind, lone))) {
    const problem = `${parent} is a link of somebody else`;
    return [unmendable(subject, problem, "rename or delete that link")];
  }
  if (found.up) return [];
  const problem = `its parent ${parent} is down`;
  if (!isOurs) return [unmendable(subject, problem, "the link is not ours")];
  const repair = () => setLink(host, found, { up: true });
  return [{ subject, problem, remedy: "it is raised", repair }];
}

/** One macvlan on the parent for each endpoint; the host is not their gateway. */
export const macvlan: Driver = {
  name: "macvlan",
  traits: { addresses: true, routed: false, names: true },
  planNetwork,
  mostEndpoints: (network) =>
    settingsOf(network).mode === "passthru" ? 1 : Number.POSITIVE_INFINITY,
  linkPrefix: (network) => settingsOf(network).linkPrefix,
  createNetwork,
  deleteNetwork,
  connect,
  disconnect,
  inspectNetwork,
  inspectEndpoint: async () => [],
};
