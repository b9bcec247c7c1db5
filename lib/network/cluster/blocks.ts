// Blocks of a network's addresses, which a host has to itself for as long as it is there.

import { type Block, boundsOf, parseBlock } from "../../values/block.ts";
import { type Context, write } from "../context.ts";
import { NetworkError } from "../errors.ts";
import { textOf } from "../ipam/blocks.ts";
import type { Network, NetworkSubnet } from "../model.ts";
import type { Condition, Put } from "../store/store.ts";
import { type Host, places, written } from "./records.ts";
import type { Seen } from "./view.ts";
import { wholeUnchanged } from "./wholes.ts";

/** How often a block is chosen that another host takes first. */
const mostAttempts = 1000;

/** The prefix length of the blocks of a subnet; `undefined` if the network has none. */
function sizeOf({ settings }: Network, { family }: Block): number | undefined {
  const size = family === "inet" ? settings.blockSize : settings.blockSize6;
  return typeof size === "number" ? size : undefined;
}

/**
 * Refuses blocks of which a subnet has less than two.
 *
 * @throws {NetworkError} `SUBNET_INVALID`
 */
export function checkBlocks(network: Network): void {
  for (const { subnet } of network.subnets) {
    const block = parseBlock(subnet);
    const size = sizeOf(network, block);
    if (size === undefined || block.prefixLength < size) continue;
    const reason = `it is too small for blocks of /${size}, of which each host has one`;
    throw new NetworkError("SUBNET_INVALID", {
      ...{ operation: "createNetwork", subject: subnet, reason },
    });
  }
}

/** The first block of a subnet that no host has. */
function freeBlock(
  { cluster }: Context,
  caller: string,
  { id, name }: Network,
  subnet: Block,
  prefixLength: number,
): string {
  const taken = new Set(cluster.view.blocks(id).map((leased) => leased.subnet));
  const { low, high } = boundsOf(subnet);
  const length = 1n << BigInt(subnet.bits - prefixLength);
  for (let value = low; value < high; value += length) {
    const block = textOf({ ...subnet, value, prefixLength });
    if (!taken.has(block)) return block;
  }
  const reason = `hosts have all blocks of ${textOf(subnet)}`;
  throw new NetworkError("POOL_EXHAUSTED", { operation: caller, subject: name, reason });
}

function record(here: Host, network: string, subnet: string): Put {
  const value = { network, subnet, host: here.name, hostAddress: here.address };
  return { key: places.block({ network, subnet }), value: written(value), lease: here.lease };
}

/**
 * Leases a block of each of a network's subnets to this host.
 *
 * @throws {NetworkError} `POOL_EXHAUSTED`, `NETWORK_MISSING`, `HOST_ABSENT`
 */
export async function leaseBlocks(
  context: Context,
  fence: Condition,
  caller: string,
  network: Network,
): Promise<NetworkSubnet[]> {
  const leased: string[] = [];
  try {
    for (const { subnet } of network.subnets) {
      leased.push(await leaseBlock(context, fence, caller, network, parseBlock(subnet)));
    }
    return await allocateBlocks(context, network, leased);
  } catch (error) {
    await returnBlocks(context, fence, network.id, leased);
    throw error;
  }
}

async function leaseBlock(
  context: Context,
  fence: Condition,
  caller: string,
  network: Network,
  subnet: Block,
): Promise<string> {
  for (let attempt = 0; attempt < mostAttempts; attempt += 1) {
    const here = await context.cluster.here(caller);
    const size = sizeOf(network, subnet) ?? subnet.prefixLength;
    const block = freeBlock(context, caller, network, subnet, size);
    const put = record(here, network.id, block);
    const conflict = await write(context, fence, {
      if: [wholeUnchanged(context, caller, network), { key: put.key, revision: 0 }],
      put: [put],
    });
    if (conflict === undefined) return block;
  }
  const reason = "other hosts took every block first";
  throw new NetworkError("STORE_BUSY", { operation: caller, subject: network.name, reason });
}

/** The blocks as subnets of this host, whose first addresses are the gateways. */
async function allocateBlocks(
  { ipam }: Context,
  { id }: Network,
  blocks: readonly string[],
): Promise<NetworkSubnet[]> {
  const subnets: NetworkSubnet[] = [];
  for (const subnet of blocks) {
    const { range, auxiliary, gateway } = await ipam.allocateSubnet({ subnet, holder: id });
    subnets.push({ subnet, range, auxiliary, ...(gateway === undefined ? {} : { gateway }) });
  }
  return subnets;
}

/** Gives blocks back that nobody has an address of. */
export async function returnBlocks(
  context: Context,
  fence: Condition,
  network: string,
  blocks: readonly string[],
): Promise<void> {
  for (const subnet of blocks) await context.ipam.releaseSubnet({ subnet, holder: network });
  const keys = blocks.map((subnet) => places.block({ network, subnet }));
  const isOwn = (subnet: string) =>
    context.cluster.view
      .blocks(network)
      .every((leased) => leased.subnet !== subnet || leased.host === context.cluster.name);
  await context.cluster.view.refresh();
  if (keys.length === 0) return;
  await write(context, fence, { delete: keys.filter((_, n) => isOwn(blocks[n] ?? "")) });
}

/**
 * Takes the blocks of a part of a network again, under the lease that the host has now. False if
 * another host has one of them by now.
 *
 * @throws {NetworkError} `STORE_CONFLICT` if something has changed meanwhile.
 */
export async function retakeBlocks(
  { store, cluster }: Context,
  here: Seen<Host>,
  { id, subnets }: Network,
): Promise<boolean> {
  const known = new Map(cluster.view.blocks(id).map((leased) => [leased.subnet, leased]));
  const blocks = subnets.map(({ subnet }) => ({ subnet, leased: known.get(subnet) }));
  if (blocks.some(({ leased }) => leased !== undefined && leased.host !== here.name)) return false;
  const outcome = await store.commit({
    if: [
      cluster.unchanged(here),
      { key: places.network(id), revision: cluster.view.whole(id)?.revision ?? 0 },
      ...blocks.map(({ subnet, leased }) => ({
        key: places.block({ network: id, subnet }),
        revision: leased?.revision ?? 0,
      })),
    ],
    put: blocks.map(({ subnet }) => record(here, id, subnet)),
  });
  if (outcome.committed) return true;
  const reason = "the network, its blocks or the host's place have changed meanwhile";
  throw new NetworkError("STORE_CONFLICT", { operation: "join", subject: id, reason });
}
