// What a new sandbox is to be: checked against the plan, nothing made yet.

import { ownerOf } from "./connections.ts";
import { type Context, newId, sandboxAt } from "./context.ts";
import { type EndpointPlan, planEndpoint } from "./endpoints.ts";
import { NetworkError } from "./errors.ts";
import type { Network, Sandbox } from "./model.ts";
import { networkHere } from "./networks.ts";
import { canPublish, hostAddresses } from "./publishing.ts";
import type { ConnectRequest, SandboxRequest } from "./sandbox-options.ts";
import type { Condition } from "./store/store.ts";
import { needsWayOut, wayOut, wayOutRequest } from "./way-out.ts";

/** A sandbox that is to be made, with what it takes. */
export interface SandboxPlan {
  readonly sandbox: Sandbox;
  readonly plans: readonly EndpointPlan[];
  readonly done: () => void;
}

/** The namespace of somebody else that a sandbox is to be, and the links that it has. */
export interface SandboxPlace {
  readonly namespace: NonNullable<Sandbox["namespace"]>;
  readonly links: readonly string[];
}

function checkMode(context: Context, caller: string, request: SandboxRequest): void {
  const { mode, joins, networks, ports, sysctls } = request;
  const refuse = (reason: string) => {
    const details = { operation: caller, subject: request.name, reason };
    throw new NetworkError("MODE_CONFLICT", details);
  };
  if (joins !== undefined && mode !== "networks") refuse("it joins another sandbox, or has a mode");
  const plain = mode === "networks" && joins === undefined;
  if (!plain && networks.length > 0) refuse("it has networks only in its own namespace");
  if (!plain && ports.length > 0) refuse("ports are published only on networks");
  if ((mode === "host" || joins !== undefined) && Object.keys(sysctls).length > 0) {
    refuse("the namespace is not its own, nor are its settings");
  }
  for (const { network } of networks) {
    if (network === "host" || network === "none") refuse(`${network} is a mode, see mode`);
  }
  if (joins !== undefined) sandboxAt(context, caller, joins);
}

/** Plans the endpoints of a new sandbox, the networks that are not there yet being made. */
async function planEndpoints(
  context: Context,
  caller: string,
  fence: Condition,
  sandbox: Pick<Sandbox, "id" | "name">,
  request: SandboxRequest,
  present: readonly string[],
): Promise<EndpointPlan[]> {
  const taken = new Set(present);
  const plans: EndpointPlan[] = [];
  const networks = await Promise.all(
    request.networks.map(({ network }) => networkHere(context, fence, caller, network)),
  );
  const order = networks
    .map((network, position) => ({ network, request: request.networks[position]?.request }))
    .toSorted((one, other) => Number(one.network.internal) - Number(other.network.internal));
  for (const { network, request: own } of order) {
    if (own === undefined) continue;
    if (plans.some((each) => each.network.id === network.id)) {
      const reason = `network ${JSON.stringify(network.name)} is named twice`;
      throw new NetworkError("ENDPOINT_EXISTS", {
        operation: caller,
        subject: sandbox.name,
        reason,
      });
    }
    checkTargets(context, caller, sandbox.name, network, own);
    const each = planEndpoint(context, caller, { sandbox, network, request: own, taken });
    taken.add(each.endpoint.link);
    plans.push(each);
  }
  if (needsWayOut(networks)) {
    const network = await networkHere(context, fence, caller, wayOut);
    plans.push(planEndpoint(context, caller, { sandbox, network, request: wayOutRequest, taken }));
  }
  return plans;
}

/** Refuses links to sandboxes that are not on the network. */
export function checkTargets(
  context: Context,
  caller: string,
  name: string,
  network: Network,
  { links }: ConnectRequest,
): void {
  for (const target of Object.values(links)) {
    const { id } = sandboxAt(context, caller, target);
    if (context.plan.endpoint(id, network.id) !== undefined) continue;
    const reason = `sandbox ${JSON.stringify(target)} is not on ${JSON.stringify(network.name)}`;
    const details = { operation: caller, subject: name, reason, conflict: target };
    throw new NetworkError("TARGET_MISSING", details);
  }
}

export async function planSandbox(
  context: Context,
  caller: string,
  fence: Condition,
  request: SandboxRequest,
  place:
    | { readonly namespace: Sandbox["namespace"]; readonly links: readonly string[] }
    | undefined,
): Promise<SandboxPlan> {
  checkMode(context, caller, request);
  const id = newId();
  const name = request.name ?? id.slice(0, 12);
  if (context.plan.sandbox(name) !== undefined) {
    const reason = "there is a sandbox of that name";
    throw new NetworkError("SANDBOX_EXISTS", { operation: caller, subject: name, reason });
  }
  const { mode, joins, names, sysctls, labels, hostname = id.slice(0, 12) } = request;
  const target = joins === undefined ? undefined : sandboxAt(context, caller, joins);
  const owner = target && ownerOf(context, target);
  const own = mode !== "host" && owner === undefined;
  if (own && place === undefined) context.namespaces.checkFree(name);
  const named = { id, name };
  const present = place?.links ?? [];
  const plans = await planEndpoints(context, caller, fence, named, request, present);
  // Without a network yet, they are published with the first one that can.
  const wants = request.ports.length > 0 && plans.length > 0;
  if (wants && !plans.some(({ network }) => canPublish(context, network))) {
    const reason = "none of its networks publishes ports";
    throw new NetworkError("MODE_CONFLICT", { operation: caller, subject: name, reason });
  }
  const { ports, done } = await context.ports.choose(name, request.ports, (port) =>
    hostAddresses(context, port, plans),
  );
  const sandbox: Sandbox = {
    ...named,
    mode: owner === undefined ? mode : "container",
    ...(owner === undefined ? {} : { joins: owner.id }),
    ...(own ? { namespace: place?.namespace ?? { name } } : {}),
    adopted: place !== undefined,
    created: new Date().toISOString(),
    ...{ hostname, ports, names, sysctls, labels },
  };
  return { sandbox, plans, done };
}
