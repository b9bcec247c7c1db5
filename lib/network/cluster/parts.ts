// This host's parts of networks across hosts: each made with its first endpoint here, and removed
// after the last.

import { type Context, driverOf } from "../context.ts";
import { NetworkError } from "../errors.ts";
import type { Network, NetworkSubnet } from "../model.ts";
import { bringUp, checkLink, removeIfUnused } from "../networks.ts";
import { madeOf } from "../reconcile.ts";
import type { Condition } from "../store/store.ts";
import { leaseBlocks, returnBlocks } from "./blocks.ts";
import type { Whole } from "./records.ts";
import { wholeUnchanged } from "./wholes.ts";

/** This host's parts of networks across hosts. */
export function parts({ plan }: Pick<Context, "plan">): Network[] {
  return madeOf(plan.networks.values()).filter(({ scope }) => scope === "cluster");
}

/** Without gateways: nothing leaves by this network. */
function withoutGateway({ gateway: _, ...subnet }: NetworkSubnet): NetworkSubnet {
  return subnet;
}

function checkName({ plan }: Context, caller: string, { id, name }: Network): void {
  const other = plan.network(name)?.value;
  if (other === undefined || other.id === id) return;
  const reason = "this host has a network of its own of that name";
  const details = { operation: caller, subject: name, reason, conflict: other.id };
  throw new NetworkError("NETWORK_EXISTS", details);
}

/**
 * This host's part of a network across hosts, made if it is not there.
 *
 * @throws {NetworkError} `HOST_ABSENT`, `NETWORK_EXISTS` if the host has another network of the name,
 *   `NETWORK_MISSING` if it is just removed, `POOL_EXHAUSTED`, `DRIVER_FAILED`
 */
export async function partOf(
  context: Context,
  fence: Condition,
  caller: string,
  { network: whole }: Whole,
): Promise<Network> {
  return await context.turns.take([`network ${whole.name}`], async () => {
    const existing = context.plan.networks.get(whole.id);
    if (existing?.state === "made") return existing.value;
    checkName(context, caller, whole);
    return await makePart(context, fence, caller, whole);
  });
}

async function makePart(
  context: Context,
  fence: Condition,
  caller: string,
  whole: Network,
): Promise<Network> {
  const { cluster, host } = context;
  const { across } = driverOf(context, caller, whole);
  if (across === undefined) throw new Error(`${whole.driver} does not span hosts`);
  const { address } = await cluster.here(caller);
  wholeUnchanged(context, caller, whole);
  const own = await across.planPart(host, whole, address);
  const settings = { ...whole.settings, ...own, address };
  const { link } = settings as { readonly link?: string };
  const turn = link === undefined ? [] : [`link ${link}`];
  return await context.turns.take(turn, async () => {
    if (link !== undefined) checkLink(context, whole.name, link);
    const inBlocks = across.remotes === "blocks";
    const subnets = inBlocks
      ? await leaseBlocks(context, fence, caller, whole)
      : whole.subnets.map(withoutGateway);
    return await bringUp(context, fence, { ...whole, subnets, settings });
  });
}

/** How often a part goes while something is to be connected to it. */
const mostAttempts = 10;

/**
 * Does work for which parts of some networks are made, if these span hosts: anew, if one was just
 * dropped because nobody was connected to it. What the work made in vain goes again.
 */
export async function onParts<T>(
  context: Context,
  fence: Condition,
  references: readonly string[],
  work: () => Promise<T>,
): Promise<T> {
  const { view } = context.cluster;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const wholes = references.flatMap((reference) => view.whole(reference) ?? []);
      if (wholes.length === 0) throw error;
      await dropUnused(
        context,
        fence,
        wholes.map(({ network }) => network),
      ).catch(() => undefined);
      const isMissing = error instanceof NetworkError && error.code === "NETWORK_MISSING";
      if (!isMissing || attempt === mostAttempts) throw error;
      await view.refresh();
      if (wholes.some(({ network }) => view.whole(network.id)?.state !== "made")) throw error;
    }
  }
}

/** Gives back what a part that is gone had of the network. */
export async function returnPart(context: Context, fence: Condition, part: Network): Promise<void> {
  const { across } = driverOf(context, "deleteNetwork", part);
  if (part.scope !== "cluster" || across?.remotes !== "blocks") return;
  const blocks = part.subnets.map(({ subnet }) => subnet);
  await returnBlocks(context, fence, part.id, blocks);
}

/** Removes those of some parts that nobody is connected to any more. Returns what failed. */
export async function dropUnused(
  context: Context,
  fence: Condition,
  networks: readonly Network[],
): Promise<unknown[]> {
  const parts = networks.filter(({ scope }) => scope === "cluster");
  const failures = await Promise.all(
    parts.map(({ id, name }) =>
      context.turns.take([`network ${name}`], async () => {
        const planned = context.plan.networks.get(id);
        if (planned?.state !== "made" || context.plan.countOn(id) > 0) return [];
        return (await removeIfUnused(context, fence, planned.value)) ?? [];
      }),
    ),
  );
  return failures.flat();
}
