// What a controller does before its first change: it undoes what others have left half-made.

import { returnBlocks } from "./cluster/blocks.ts";
import { dropUnused, parts } from "./cluster/parts.ts";
import { holderOf } from "./cluster/records.ts";
import { recoverWholes } from "./cluster/wholes.ts";
import { undoEndpoint } from "./connecting.ts";
import type { Context } from "./context.ts";
import { removeNetwork } from "./networks.ts";
import { writeFiles } from "./sandbox-files.ts";
import { removeSandbox } from "./sandboxes.ts";
import { removeService } from "./services.ts";
import type { Condition } from "./store/store.ts";

/**
 * Catches up with the plan, and undoes what is `making` or `deleting`: nobody works on it, as this
 * controller has the lock. What cannot be undone now stays as it is for the next time.
 */
export async function recover(context: Context, fence: Condition): Promise<void> {
  const { plan } = context;
  await plan.refresh();
  const isLeft = ({ state }: { readonly state: string }) => state !== "made";
  for (const { value } of [...plan.sandboxes.values()].filter(isLeft)) {
    await removeSandbox(context, fence, value);
  }
  for (const { value } of [...plan.endpoints.values()].filter(isLeft)) {
    await undoEndpoint(context, fence, value);
  }
  for (const { value } of [...plan.services.values()].filter(isLeft)) {
    await removeService(context, fence, value);
  }
  for (const { value } of [...plan.networks.values()].filter(isLeft)) {
    await removeNetwork(context, fence, value);
  }
  await recoverWide(context, fence);
  await sweepAddresses(context, fence);
  await writeLinkedFiles(context);
}

/** Networks across hosts that this host has begun to make or remove, and parts that nobody needs. */
async function recoverWide(context: Context, fence: Condition): Promise<void> {
  await context.cluster.view.refresh();
  await recoverWholes(context, fence);
  await dropUnused(context, fence, parts(context));
  await sweepShared(context, fence);
}

/** Gives back what this host has of all hosts' subnets for endpoints and parts that it does not have. */
async function sweepShared(context: Context, fence: Condition): Promise<void> {
  const { plan, cluster } = context;
  const own = holderOf(cluster.name, "");
  for (const { subnet, address, holder } of await cluster.ipam.listHeld()) {
    if (!holder.startsWith(own) || plan.endpoints.has(holder.slice(own.length))) continue;
    const addresses = [{ subnet, address }];
    await cluster.ipam.releaseAddresses({ holder, addresses, with: { if: [fence] } });
  }
  for (const { network, subnet } of cluster.view.blocksOf(cluster.name)) {
    if (!plan.networks.has(network)) await returnBlocks(context, fence, network, [subnet]);
  }
}

/** Whose files follow others, who may have come or gone just before the end of a process. */
async function writeLinkedFiles(context: Context): Promise<void> {
  const { endpoints } = context.plan;
  const linked = [...endpoints.values()].filter(({ value }) => Object.keys(value.links).length > 0);
  const ids = new Set(linked.map(({ value }) => value.sandbox));
  await Promise.all(Array.from(ids, (id) => writeFiles(context, { id })));
}

/** Gives back the addresses and subnets of holders that the plan does not know. */
async function sweepAddresses(context: Context, fence: Condition): Promise<void> {
  const { plan, ipam } = context;
  for (const subnet of await ipam.listSubnets()) {
    const { held } = await ipam.describe(subnet.subnet);
    const isLost = (holder: string) => !plan.endpoints.has(holder) && !plan.services.has(holder);
    const lost = held.filter(({ holder }) => isLost(holder));
    for (const { address, holder } of lost) {
      const addresses = [{ subnet: subnet.subnet, address }];
      await ipam.releaseAddresses({ holder, addresses, with: { if: [fence] } });
    }
    if (plan.networks.has(subnet.holder)) continue;
    await ipam.releaseSubnet({ subnet: subnet.subnet, holder: subnet.holder });
  }
}
