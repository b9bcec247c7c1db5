// Networks and sandboxes with what belongs to them, as plain values.

import type { Member } from "./cluster/records.ts";
import { connectionsOf } from "./connections.ts";
import type { Context } from "./context.ts";
import type { Endpoint, Network, Sandbox } from "./model.ts";
import { sandboxRoutes } from "./sandbox-routes.ts";

/** A network and who is connected to it. */
export interface NetworkDescription extends Network {
  readonly connections: readonly {
    readonly sandbox: { readonly id: string; readonly name: string };
    readonly endpoint: Endpoint;
  }[];
  /** Of a network across hosts: who is on it, this host's own included, by host and name. */
  readonly members?: readonly Member[];
}

/** A sandbox and what it is connected to. */
export interface SandboxDescription extends Sandbox {
  readonly connections: readonly {
    readonly network: Network;
    readonly endpoint: Endpoint;
    /** What it sends to others by, if this network has its default route. */
    readonly gateways: readonly string[];
  }[];
  /** The names of the sandboxes that share its namespace. */
  readonly joinedBy: readonly string[];
}

/** A network as it is in the plan. */
export function describeNetwork({ plan, cluster }: Context, network: Network): NetworkDescription {
  const connections = plan.endpointsOn(network.id).flatMap(({ state, value: endpoint }) => {
    const sandbox = plan.sandboxes.get(endpoint.sandbox)?.value;
    if (state !== "made" || sandbox === undefined) return [];
    return [{ sandbox: { id: sandbox.id, name: sandbox.name }, endpoint }];
  });
  connections.sort((one, other) => (one.sandbox.name < other.sandbox.name ? -1 : 1));
  if (network.scope === "local") return { ...network, connections };
  const order = ({ host, sandbox }: Member) => `${host} ${sandbox.name}`;
  const members = cluster.view
    .members(network.id)
    .map(({ revision: _, ...member }) => member)
    .toSorted((one, other) => (order(one) < order(other) ? -1 : 1));
  return { ...network, connections, members };
}

/** A sandbox as it is in the plan. */
export function describeSandbox(context: Context, sandbox: Sandbox): SandboxDescription {
  const connections = connectionsOf(context, sandbox);
  const routes = sandboxRoutes(connections).filter(({ to }) => to === "default");
  return {
    ...sandbox,
    connections: connections.map(({ network, endpoint }) => ({
      network,
      endpoint,
      gateways: routes.filter(({ link }) => link === endpoint.link).map(({ via }) => via),
    })),
    joinedBy: context.plan.joinedTo(sandbox.id).map(({ value }) => value.name),
  };
}
