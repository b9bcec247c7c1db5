// Networks on a link of the host, which sandboxes share with MAC addresses of their own.

import { createLink, findLink, getLink } from "../../rtnl/link.ts";
import type { Namespace } from "../../rtnl/namespace.ts";
import { NetworkError } from "../errors.ts";
import type { Network } from "../model.ts";
import type { Driver, EndpointPlace, Finding, NetworkRequest, Settings } from "./driver.ts";
import { removeVlan } from "./links.ts";
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
}

function settingsOf(network: Network): MacvlanSettings {
  return network.settings as unknown as MacvlanSettings;
}

function parentMissing(network: string, parent: string): NetworkError {
  const reason = `the host has no link ${JSON.stringify(parent)}`;
  const details = { operation: "createNetwork", subject: network, reason, conflict: parent };
  return new NetworkError("PARENT_MISSING", details);
}

async function planNetwork(host: Namespace, request: NetworkRequest): Promise<Settings> {
  const settings = readOptions(table, request);
  const { parent } = settings;
  if (typeof parent !== "string") throw invalidOption(request.name, 'option "parent" is missing');
  if (await findLink(host, { name: parent })) return { ...settings, vlan: null };
  const [, of = "", id = ""] = /^(.+)\.(\d{1,4})$/.exec(parent) ?? [];
  const isVlan = Number(id) >= 1 && Number(id) <= 4094;
  if (!isVlan || !(await findLink(host, { name: of }))) throw parentMissing(request.name, parent);
  return { ...settings, vlan: { id: Number(id), of } };
}

async function createNetwork(host: Namespace, network: Network): Promise<void> {
  const { parent: name, vlan } = settingsOf(network);
  if (vlan === null || (await findLink(host, { name }))) return;
  const parent = { name: vlan.of };
  await createLink(host, { kind: "vlan", name, parent, vlanId: vlan.id, up: true });
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
}

async function inspectNetwork(host: Namespace, network: Network): Promise<Finding[]> {
  const { parent, vlan } = settingsOf(network);
  if (await findLink(host, { name: parent })) return [];
  const subject = `network ${JSON.stringify(network.name)}`;
  const problem = `its parent ${parent} is gone`;
  if (vlan === null) {
    return [
      { subject, problem, remedy: "none: the link is not ours to make", repair: async () => {} },
    ];
  }
  const repair = () => createNetwork(host, network);
  return [{ subject, problem, remedy: "the VLAN is made anew", repair }];
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
  deleteNetwork: async (host, network) => {
    const { parent, vlan } = settingsOf(network);
    if (vlan !== null) await removeVlan(host, parent, vlan);
  },
  connect,
  // The controller takes the link out of the sandbox, and the kernel what goes with a namespace.
  disconnect: async () => {},
  inspectNetwork,
  inspectEndpoint: async () => [],
};
