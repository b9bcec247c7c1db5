// The connections of sandboxes as the plan has them: looked up, written down, struck out.

import { againUnder, memberKeys, memberRecord, sharesAddresses } from "./cluster/members.ts";
import { places as clusterPlaces, holderOf } from "./cluster/records.ts";
import { wholeUnchanged } from "./cluster/wholes.ts";
import { asNetworkError, type Context, write } from "./context.ts";
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

/**
 * The records of a sandbox and its endpoints, in the order in which they come or go. Of those that go,
 * other hosts know no more.
 */
export function recordsOf(
  context: Context,
  state: State,
  sandbox: Sandbox,
  endpoints: readonly Endpoint[],
): Commit {
  const { keys } = context;
  const own = recordOf(keys, "sandboxes", state, sandbox);
  const theirs = endpoints.map((endpoint) => recordOf(keys, "endpoints", state, endpoint));
  if (state === "deleting")
    return { put: [...theirs, own], delete: memberKeys(context, endpoints) };
  return { put: [own, ...theirs] };
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

/** The addresses of those endpoints that have them of all hosts' subnets, under the host's lease. */
async function allocateShared(
  context: Context,
  caller: string,
  plans: readonly EndpointPlan[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const shared = plans.filter(({ network }) => sharesAddresses(context, network));
  if (shared.length === 0) return new Map();
  const { cluster } = context;
  const { lease } = await cluster.here(caller);
  const requests = shared.flatMap(({ endpoint: { id }, requests: own }) =>
    own.map((request) => ({ ...request, holder: holderOf(cluster.name, id), lease })),
  );
  const unchangedWholes = () =>
    shared.map(({ network }) => wholeUnchanged(context, caller, network));
  const addresses = await cluster.ipam
    .allocateAddresses({ requests, with: () => ({ if: unchangedWholes() }) })
    .catch((error: unknown) => {
      if (isCode(error, "LEASE_LOST")) throw cluster.absent(caller, error);
      // A network's subnets go with it, and before they do nobody can have their addresses.
      const { subject } = error as { readonly subject?: string };
      const gone = shared.find(({ network }) =>
        network.subnets.some((one) => one.subnet === subject),
      );
      throw isCode(error, "SUBNET_MISSING") && gone ? goes(caller, gone.network) : error;
    });
  const left = [...addresses];
  return new Map(
    shared.map(({ endpoint, requests: own }) => [endpoint.id, left.splice(0, own.length)]),
  );
}

function isCode(error: unknown, code: NetworkError["code"]): boolean {
  return error instanceof NetworkError && error.code === code;
}

/** Gives the addresses back that endpoints have of all hosts' subnets. */
async function releaseShared(
  { cluster }: Context,
  { endpoint, network }: Pick<EndpointPlan, "network"> & { readonly endpoint: { id: string } },
  addresses: readonly string[],
): Promise<void> {
  const held = heldBy(network, { addresses });
  const holder = holderOf(cluster.name, endpoint.id);
  await cluster.ipam.releaseAddresses({ holder, addresses: held });
}

/**
 * Gives the endpoints their addresses, and writes them down with what else is to be written, in one
 * commit; those of subnets that all hosts share in one before it, by a lease that takes them back.
 *
 * @throws {NetworkError} `NETWORK_FULL`, `HOST_ABSENT`, and what the address management says.
 */
export async function allocate(
  context: Context,
  caller: string,
  fence: Condition,
  plans: readonly EndpointPlan[],
  records: (endpoints: readonly Endpoint[]) => Commit,
): Promise<Connection[]> {
  const { ipam, plan, places } = context;
  const networks = plans.map(({ network }) => unchanged(context, caller, network));
  let connections: Connection[] = [];
  let shared: ReadonlyMap<string, readonly string[]> = new Map();
  const giveBack = places.take(caller, plans);
  try {
    shared = await allocateShared(context, caller, plans);
    const own = plans.filter(({ endpoint }) => !shared.has(endpoint.id));
    await ipam.allocateAddresses({
      requests: own.flatMap(({ endpoint: { id: holder }, requests }) =>
        requests.map((request) => ({ ...request, holder })),
      ),
      with: (addresses) => {
        const left = [...addresses];
        connections = plans.map((each) => {
          const given = shared.get(each.endpoint.id) ?? left.splice(0, each.requests.length);
          return { network: each.network, endpoint: withAddresses(each, given) };
        });
        const commit = records(connections.map(({ endpoint }) => endpoint));
        return { ...commit, if: [fence, ...networks, ...(commit.if ?? [])] };
      },
    });
    await plan.refresh();
    return connections;
  } catch (error) {
    for (const each of plans) {
      const given = shared.get(each.endpoint.id);
      // What cannot be given back goes with the lease.
      if (given !== undefined) await releaseShared(context, each, given).catch(() => undefined);
    }
    throw asNetworkError(caller, "", withoutConflict(context, caller, plans, error));
  } finally {
    giveBack();
  }
}

/** How often the host's place changes hands while something is told to others. */
const mostTakings = 100;

/**
 * Writes down that endpoints are made, and tells other hosts of those that are on networks of theirs.
 * Addresses that all hosts share are held again with it: the host may have another lease by now than
 * that by which they were given.
 *
 * @throws {NetworkError} `HOST_ABSENT`, `NETWORK_MISSING`, and what the address management says if others
 *   have got an address meanwhile.
 */
export async function announce(
  context: Context,
  caller: string,
  fence: Condition,
  sandbox: Sandbox,
  connections: readonly Connection[],
  commit: Commit,
): Promise<void> {
  const wide = connections.filter(({ network }) => network.scope === "cluster");
  if (wide.length === 0) {
    await write(context, fence, commit);
    return;
  }
  const { cluster, plan, lock } = context;
  for (let attempt = 1; ; attempt += 1) {
    const here = await cluster.here(caller);
    const requests = againUnder(context, here, wide);
    const told = wide.map(({ endpoint }) => memberRecord(here, sandbox, endpoint));
    const wholes = wide.map(({ network }) => wholeUnchanged(context, caller, network));
    const conditions = [fence, cluster.unchanged(here), ...wholes];
    const all = { ...commit, if: conditions, put: [...(commit.put ?? []), ...told] };
    try {
      await cluster.ipam.allocateAddresses({ requests, with: () => all });
      await plan.refresh();
      return;
    } catch (error) {
      // Nobody knows whether it was made, unless it was refused.
      if (!(error instanceof NetworkError) || error.code !== "STORE_CONFLICT") lock.retake();
      if (isCode(error, "LEASE_LOST")) throw cluster.absent(caller, error);
      const isTaken =
        isCode(error, "STORE_CONFLICT") &&
        (error as NetworkError).subject === clusterPlaces.host(cluster.name);
      if (!isTaken || attempt === mostTakings) {
        throw withoutConflict(context, caller, wide, error);
      }
    }
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
  const going = plans.find(({ network }) =>
    [keys.of("networks", network), clusterPlaces.network(network.id)].includes(error.subject ?? ""),
  );
  return going === undefined ? lockLost(caller) : goes(caller, going.network);
}

/** Gives an endpoint's addresses back and strikes it from the plan, in one commit. */
export async function release(
  context: Context,
  fence: Condition,
  { network, endpoint }: Connection,
): Promise<void> {
  const { ipam, keys, plan } = context;
  const isShared = sharesAddresses(context, network);
  if (isShared) await releaseShared(context, { network, endpoint }, endpoint.addresses);
  await ipam.releaseAddresses({
    holder: endpoint.id,
    addresses: isShared ? [] : heldBy(network, endpoint),
    with: { if: [fence], delete: [keys.of("endpoints", endpoint)] },
  });
  await plan.refresh();
}
