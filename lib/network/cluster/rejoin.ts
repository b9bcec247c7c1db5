// What a host has of networks across hosts, claimed again: by a controller that takes its place after
// another one, or after it was cut off for so long that others took it for gone.

import { undoEndpoint } from "../connecting.ts";
import { type Context, driverOf, write, writeState } from "../context.ts";
import { addressOf, heldBy } from "../endpoints.ts";
import { NetworkError } from "../errors.ts";
import type { Connection } from "../gateway.ts";
import type { Network } from "../model.ts";
import { madeOf, repairHost } from "../reconcile.ts";
import type { Condition } from "../store/store.ts";
import { retakeBlocks } from "./blocks.ts";
import { memberRecords, sharesAddresses } from "./members.ts";
import { dropUnused } from "./parts.ts";
import type { Host } from "./records.ts";

/** So many endpoints fit into one commit, each with its record and its addresses. */
const together = 12;

/** What is refused when something was lost to others, and not for the time being. */
const losses: readonly NetworkError["code"][] = [
  "ADDRESS_TAKEN",
  "ADDRESS_OUTSIDE",
  "ADDRESS_RESERVED",
  "SUBNET_MISSING",
  "NETWORK_MISSING",
];

/** A connection of a sandbox, with the sandbox. */
interface Claim extends Connection {
  readonly sandbox: { readonly id: string; readonly name: string; readonly hostname: string };
}

function claimsOn({ plan }: Context, network: Network): Claim[] {
  return madeOf(plan.endpointsOn(network.id)).flatMap((endpoint) => {
    const sandbox = plan.sandboxes.get(endpoint.sandbox)?.value;
    return sandbox === undefined ? [] : [{ endpoint, network, sandbox }];
  });
}

/**
 * Tells other hosts of everything again, under the lease that the host has now. Endpoints whose
 * addresses others have by now, or whose network is gone, are disconnected.
 */
export async function rejoin(context: Context, fence: Condition): Promise<void> {
  const here = await context.cluster.here("join");
  for (const part of parts(context)) await move(context, fence, here, part);
  for (const part of parts(context)) {
    const lost = await claimPart(context, fence, here, part);
    for (const { endpoint } of lost) await undoEndpoint(context, fence, endpoint);
  }
  await dropUnused(context, fence, parts(context));
}

/** This host's parts of networks across hosts. */
export function parts({ plan }: Context): Network[] {
  return madeOf(plan.networks.values()).filter(({ scope }) => scope === "cluster");
}

/** Whether others know everything of this host. */
export async function isTold(context: Context): Promise<boolean> {
  const { plan, cluster } = context;
  const claims = parts(context).flatMap((part) => claimsOn(context, part));
  await cluster.view.refresh();
  const told = new Set(
    parts(context).flatMap(({ id }) => cluster.view.members(id).map((member) => member.id)),
  );
  const untold = claims.filter(({ endpoint }) => !told.has(endpoint.id));
  if (untold.length === 0) return true;
  // What is just being disconnected is told no more, and the plan may have been behind.
  await plan.refresh();
  return untold.every(({ endpoint }) => plan.endpoints.get(endpoint.id)?.state !== "made");
}

/** Makes a part anew for another address of the host, with all that is connected to it. */
async function move(
  context: Context,
  fence: Condition,
  { address }: Host,
  part: Network,
): Promise<void> {
  if (part.settings.address === address) return;
  const { host } = context;
  const driver = driverOf(context, "join", part);
  const own = await driver.across?.planPart(host, part, address);
  const moved = { ...part, settings: { ...part.settings, ...own, address } };
  await driver.deleteNetwork(host, part, []);
  await writeState(context, fence, "networks", "made", moved);
  await repairHost(context, fence);
}

/** Claims what there is of a part. Returns the connections that were lost. */
async function claimPart(
  context: Context,
  fence: Condition,
  here: Host,
  part: Network,
): Promise<Claim[]> {
  const claims = claimsOn(context, part);
  const isThere = context.cluster.view.whole(part.id)?.state === "made";
  const isShared = sharesAddresses(context, part);
  if (!isThere) return claims;
  if (!isShared && !(await retakeBlocks(context, fence, here, part))) return claims;
  const lost: Claim[] = [];
  for (let at = 0; at < claims.length; at += together) {
    lost.push(...(await claim(context, fence, here, claims.slice(at, at + together))));
  }
  return lost;
}

/** Claims some in one commit, or else one by one. Returns those that were lost. */
async function claim(
  context: Context,
  fence: Condition,
  here: Host,
  claims: readonly Claim[],
): Promise<Claim[]> {
  const { cluster } = context;
  const put = claims.flatMap((one) => memberRecords(context, one.sandbox, [one]));
  const requests = claims
    .filter(({ network }) => sharesAddresses(context, network))
    .flatMap(({ network, endpoint }) =>
      heldBy(network, endpoint).map(({ subnet, address }) => ({
        ...{ subnet, address: addressOf(address), holder: endpoint.id },
        ...{ again: true, lease: here.lease },
      })),
    );
  try {
    if (requests.length === 0) await write(context, fence, { put });
    else await cluster.ipam.allocateAddresses({ requests, with: () => ({ if: [fence], put }) });
    return [];
  } catch (error) {
    if (!(error instanceof NetworkError) || !losses.includes(error.code)) throw error;
    if (claims.length === 1) return [...claims];
    const each = claims.map((one) => claim(context, fence, here, [one]));
    return (await Promise.all(each)).flat();
  }
}
