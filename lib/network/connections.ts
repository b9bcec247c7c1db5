// The connections of sandboxes as the plan has them: looked up, written down, struck out.

import { asNetworkError, type Context } from "./context.ts";
import { type EndpointPlan, heldBy, withAddresses } from "./endpoints.ts";
import { NetworkError } from "./errors.ts";
import type { Connection } from "./gateway.ts";
import { recordOf } from "./keys.ts";
import { lockLost } from "./lock.ts";
import type { Endpoint, Network, Sandbox, State } from "./model.ts";
import type { Commit, Condition } from "./store/store.ts";

/** eth2 comes before eth10. */
const byNumber = new Intl.Collator("en", { numeric: true });

/** The connections of a sandbox, as the plan has them, in the order of their links' names. */
export function connectionsOf(
  { plan }: Context,
  sandbox: Pick<Sandbox, "id">,
  states: readonly State[] = ["made"],
): Connection[] {
  const connections = plan.endpointsOf(sandbox.id).flatMap(({ state, value: endpoint }) => {
    const network = plan.networks.get(endpoint.network)?.value;
    return network === undefined || !states.includes(state) ? [] : [{ endpoint, network }];
  });
  return connections.sort((one, other) => byNumber.compare(one.endpoint.link, other.endpoint.link));
}

/** The sandbox whose namespace one lives in: itself, or the one that it joined. */
export function ownerOf(context: Context, sandbox: Sandbox): Sandbox {
  if (sandbox.joins === undefined) return sandbox;
  const joined = context.plan.sandboxes.get(sandbox.joins);
  if (joined !== undefined) return joined.value;
  const reason = "the sandbox that it joined is gone";
  throw new NetworkError("SANDBOX_MISSING", { operation: "open", subject: sandbox.name, reason });
}

/** The records of a sandbox and its endpoints, in the order in which they come or go. */
export function recordsOf(
  { keys }: Context,
  state: State,
  sandbox: Sandbox,
  endpoints: readonly Endpoint[],
): Required<Pick<Commit, "put">> {
  const own = recordOf(keys, "sandboxes", state, sandbox);
  const theirs = endpoints.map((endpoint) => recordOf(keys, "endpoints", state, endpoint));
  return { put: state === "deleting" ? [...theirs, own] : [own, ...theirs] };
}

function goes(operation: string, { name }: Network): NetworkError {
  const reason = "it is being removed";
  return new NetworkError("NETWORK_MISSING", { operation, subject: name, reason });
}

/**
 * What has to hold for something to be made on a network: it is there, as it is known.
 *
 * @throws {NetworkError} `NETWORK_MISSING` if it is known to go.
 */
export function unchanged({ plan, keys }: Context, caller: string, network: Network): Condition {
  const planned = plan.networks.get(network.id);
  if (planned?.state !== "made") throw goes(caller, network);
  return { key: keys.of("networks", network), revision: planned.revision };
}

/**
 * Gives the endpoints their addresses, and writes them down with what else is to be written, all in
 * one commit.
 *
 * @throws {NetworkError} `NETWORK_FULL`, and what the address management says.
 */
export async function allocate(
  context: Context,
  caller: string,
  fence: Condition,
  plans: readonly EndpointPlan[],
  records: (endpoints: readonly Endpoint[]) => Commit,
): Promise<Connection[]> {
  const { ipam, plan, places } = context;
  const requests = plans.flatMap(({ endpoint: { id: holder }, requests: own }) =>
    own.map((request) => ({ ...request, holder })),
  );
  const networks = plans.map(({ network }) => unchanged(context, caller, network));
  let connections: Connection[] = [];
  const giveBack = places.take(caller, plans);
  try {
    await ipam.allocateAddresses({
      requests,
      with: (addresses) => {
        const left = [...addresses];
        connections = plans.map((each) => {
          const own = left.splice(0, each.requests.length);
          return { network: each.network, endpoint: withAddresses(each, own) };
        });
        const commit = records(connections.map(({ endpoint }) => endpoint));
        return { ...commit, if: [fence, ...networks, ...(commit.if ?? [])] };
      },
    });
    await plan.refresh();
    return connections;
  } catch (error) {
    throw asNetworkError(caller, "", withoutConflict(context, caller, plans, error));
  } finally {
    giveBack();
  }
}

/** What a condition that did not hold means: that a network is going, or the lock another's. */
export function withoutConflict(
  { keys }: Context,
  caller: string,
  plans: readonly { readonly network: Network }[],
  error: unknown,
): unknown {
  if (!(error instanceof NetworkError) || error.code !== "STORE_CONFLICT") return error;
  const going = plans.find(({ network }) => keys.of("networks", network) === error.subject);
  return going === undefined ? lockLost(caller) : goes(caller, going.network);
}

/** Gives an endpoint's addresses back and strikes it from the plan, in one commit. */
export async function release(
  { ipam, keys, plan }: Context,
  fence: Condition,
  { network, endpoint }: Connection,
): Promise<void> {
  await ipam.releaseAddresses({
    holder: endpoint.id,
    addresses: heldBy(network, endpoint),
    with: { if: [fence], delete: [keys.of("endpoints", endpoint)] },
  });
  await plan.refresh();
}
