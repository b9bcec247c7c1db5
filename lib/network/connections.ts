// The connections of sandboxes as the plan has them: looked up, written down, struck out.

import { asNetworkError, type Context, write } from "./context.ts";
import { type EndpointPlan, heldBy, withAddresses } from "./endpoints.ts";
import { NetworkError } from "./errors.ts";
import type { Connection } from "./gateway.ts";
import { recordOf } from "./keys.ts";
import type { Endpoint, Network, Sandbox, State } from "./model.ts";
import type { Commit, Condition } from "./store/store.ts";

/** The connections of a sandbox, as the plan has them. */
export function connectionsOf(
  { plan }: Context,
  sandbox: Pick<Sandbox, "id">,
  states: readonly State[] = ["made"],
): Connection[] {
  return plan.endpointsOf(sandbox.id).flatMap(({ state, value: endpoint }) => {
    const network = plan.networks.get(endpoint.network)?.value;
    return network === undefined || !states.includes(state) ? [] : [{ endpoint, network }];
  });
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

/** What has to hold for an endpoint to be made: the network is as it is known. */
function unchanged({ plan, keys }: Context, network: Network): Condition {
  return {
    key: keys.of("networks", network),
    revision: plan.networks.get(network.id)?.revision ?? 0,
  };
}

/**
 * Gives the endpoints their addresses, and writes them down with what else is to be written, the
 * last of the addresses in one commit with that.
 */
export async function allocate(
  context: Context,
  caller: string,
  fence: Condition,
  plans: readonly EndpointPlan[],
  records: (endpoints: readonly Endpoint[]) => Commit,
): Promise<Connection[]> {
  const { ipam, plan } = context;
  const made: Connection[] = [];
  try {
    for (const [position, each] of plans.entries()) {
      const { network, endpoint, requests } = each;
      const isLast = position === plans.length - 1;
      const before = made.map((one) => one.endpoint);
      const addresses = await ipam.allocateAddresses({
        holder: endpoint.id,
        requests,
        with: (given) => {
          const last = withAddresses(each, given);
          const commit = isLast ? records([...before, last]) : {};
          return { ...commit, if: [fence, unchanged(context, network), ...(commit.if ?? [])] };
        },
      });
      made.push({ network, endpoint: withAddresses(each, addresses) });
    }
    if (plans.length === 0) await write(context, fence, records([]));
    else await plan.refresh();
    return made;
  } catch (error) {
    for (const { network, endpoint } of made) {
      await ipam.releaseAddresses({ holder: endpoint.id, addresses: heldBy(network, endpoint) });
    }
    throw asNetworkError(caller, "", error);
  }
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
