// What a host has of networks across hosts, claimed again: by a controller that takes its place after
// another one, or after it was cut off for so long that others took it for gone.

import { giveUp } from "../connecting.ts";
import { type Context, driverOf, writeState } from "../context.ts";
import { NetworkError } from "../errors.ts";
import type { Connection } from "../gateway.ts";
import type { Network, Planned } from "../model.ts";
import { onShared, othersOf } from "../networks.ts";
import { repairHost } from "../reconcile.ts";
import type { Condition } from "../store/store.ts";
import { retakeBlocks } from "./blocks.ts";
import { againUnder, memberRecord, sharesAddresses } from "./members.ts";
import { dropUnused, parts } from "./parts.ts";
import { type Host, places } from "./records.ts";
import type { Seen } from "./view.ts";

/** So many endpoints fit into one commit, each with its record and its addresses. */
const together = 9;

/** How often things change while they are claimed. */
const mostAttempts = 100;

/** What is refused when something was lost to others, and not for the time being. */
const losses: readonly NetworkError["code"][] = [
  "ADDRESS_TAKEN",
  "ADDRESS_OUTSIDE",
  "ADDRESS_RESERVED",
  "SUBNET_MISSING",
];

/** A connection of a sandbox, with the sandbox, as of a revision. */
interface Claim extends Connection {
  readonly sandbox: { readonly id: string; readonly name: string; readonly hostname: string };
  readonly revision: number;
}

function claimsOn({ plan }: Context, network: Network): Claim[] {
  const made = plan.endpointsOn(network.id).filter(({ state }) => state === "made");
  return made.flatMap(({ value: endpoint, revision }: Planned<Connection["endpoint"]>) => {
    const sandbox = plan.sandboxes.get(endpoint.sandbox)?.value;
    return sandbox === undefined ? [] : [{ endpoint, network, sandbox, revision }];
  });
}

/**
 * Tells other hosts of everything again, under the lease that the host has now. Endpoints whose
 * addresses others have by now, or whose network is gone, are disconnected.
 *
 * The lock is taken only where something is to be changed here: a controller that was killed may have
 * it for as long as others know of the host's endpoints.
 *
 * @throws {NetworkError} `HOST_ABSENT` if the place was lost meanwhile; the errors of the store.
 */
export async function rejoin(context: Context): Promise<void> {
  const { lock, cluster } = context;
  const lost = await claimAll(context);
  const { address } = await cluster.here("join");
  const isMoved = parts(context).some(({ settings }) => settings.address !== address);
  if (lost.length === 0 && !isMoved) return;
  await lock.use("join", async (fence) => {
    for (const part of parts(context)) await move(context, fence, address, part);
    for (const { endpoint } of await claimAll(context)) await giveUp(context, fence, endpoint);
    await dropUnused(context, fence, parts(context));
  });
}

/** Whether others know everything of this host. */
export async function isTold(context: Context): Promise<boolean> {
  const { cluster, plan } = context;
  const { view } = cluster;
  await Promise.all([plan.refresh(), view.refresh()]);
  return parts(context).every((part) => {
    const told = new Set(view.members(part.id).map(({ id }) => id));
    const blocks = view.blocks(part.id).filter(({ host }) => host === cluster.name);
    const leased = new Set(blocks.map(({ subnet }) => subnet));
    const hasBlocks =
      sharesAddresses(context, part) || part.subnets.every(({ subnet }) => leased.has(subnet));
    return hasBlocks && claimsOn(context, part).every(({ endpoint }) => told.has(endpoint.id));
  });
}

/**
 * Makes a part anew for another address of the host, with all that is connected to it. It has the new
 * address only when that is done: whoever comes after a process that ended in the midst does it again.
 */
async function move(
  context: Context,
  fence: Condition,
  address: string,
  part: Network,
): Promise<void> {
  if (part.settings.address === address) return;
  const { host } = context;
  const driver = driverOf(context, "join", part);
  const own = await driver.across?.planPart(host, part, address);
  const moving = { ...part, settings: { ...part.settings, ...own } };
  await onShared(context, part, () => driver.deleteNetwork(host, part, othersOf(context, part)));
  await writeState(context, fence, "networks", "made", moving);
  await repairHost(context, fence);
  const moved = { ...moving, settings: { ...moving.settings, address } };
  await writeState(context, fence, "networks", "made", moved);
}

/** Claims all there is. Returns the connections that were lost. */
async function claimAll(context: Context): Promise<Claim[]> {
  await context.plan.refresh();
  const lost: Claim[] = [];
  for (const part of parts(context)) lost.push(...(await claimPart(context, part)));
  return lost;
}

/** Claims what there is of a part; anew, while it changes. Returns the connections that were lost. */
async function claimPart(context: Context, part: Network): Promise<Claim[]> {
  for (let attempt = 1; ; attempt += 1) {
    const here = await context.cluster.here("join");
    const claims = claimsOn(context, part);
    if (context.cluster.view.whole(part.id)?.state !== "made") return claims;
    try {
      if (!sharesAddresses(context, part) && !(await retakeBlocks(context, here, part))) {
        return claims;
      }
      const lost: Claim[] = [];
      for (let at = 0; at < claims.length; at += together) {
        lost.push(...(await claim(context, here, part, claims.slice(at, at + together))));
      }
      return lost;
    } catch (error) {
      if (!isCode(error, "STORE_CONFLICT") || attempt === mostAttempts) throw error;
      // Of what has changed, the present controller may have made a part, and others another.
      await context.plan.refresh();
    }
  }
}

function isCode(error: unknown, ...codes: readonly NetworkError["code"][]): boolean {
  return error instanceof NetworkError && codes.includes(error.code);
}

/**
 * Claims some in one commit, or else one by one, as long as they are as known. Returns those that were
 * lost.
 */
async function claim(
  context: Context,
  here: Seen<Host>,
  part: Network,
  claims: readonly Claim[],
): Promise<Claim[]> {
  const { cluster, keys } = context;
  const whole = cluster.view.whole(part.id);
  const conditions = [
    cluster.unchanged(here),
    { key: places.network(part.id), revision: whole?.revision ?? 0 },
    ...claims.map(({ endpoint, revision }) => ({ key: keys.of("endpoints", endpoint), revision })),
  ];
  const put = claims.map(({ sandbox, endpoint }) => memberRecord(here, sandbox, endpoint));
  const requests = againUnder(context, here, claims);
  try {
    await cluster.ipam.allocateAddresses({ requests, with: () => ({ if: conditions, put }) });
    return [];
  } catch (error) {
    if (!isCode(error, ...losses)) throw error;
    if (claims.length === 1) return [...claims];
    const each = claims.map((one) => claim(context, here, part, [one]));
    return (await Promise.all(each)).flat();
  }
}
