// What this host's part of a network has to know of other hosts, and how the driver is told: one thing
// after another.

import type { Context } from "../context.ts";
import type { AcrossHosts, Remote } from "../drivers/driver.ts";
import { addressOf } from "../endpoints.ts";
import type { Network } from "../model.ts";
import type { LeasedBlock, Member } from "./records.ts";

/** What other hosts have to know of a record; `undefined` if it is this host's own. */
export function remoteOf({ cluster }: Context, record: Member | LeasedBlock): Remote | undefined {
  if (record.host === cluster.name) return undefined;
  const { hostAddress: host } = record;
  if ("subnet" in record) return { id: record.subnet, host, addresses: [record.subnet] };
  const { id, mac, addresses } = record;
  return { id, host, mac, addresses: addresses.map(addressOf) };
}

/** What a part of a network has to know of other hosts. */
export function remotesOf(context: Context, part: Network): Remote[] {
  const { view } = context.cluster;
  const inBlocks = context.drivers.get(part.driver)?.across?.remotes === "blocks";
  const records = inBlocks ? view.blocks(part.id) : view.members(part.id);
  return records.flatMap((record) => remoteOf(context, record) ?? []);
}

async function tell(
  { drivers, host, turns }: Context,
  part: Network,
  work: (across: AcrossHosts, host: Context["host"]) => Promise<void>,
): Promise<void> {
  const across = drivers.get(part.driver)?.across;
  if (across === undefined) return;
  // What is told later is newer: it must not be overtaken.
  await turns.take([`remotes ${part.id}`], () => work(across, host));
}

/** Has a part know what the view says of other hosts when its turn comes, and nothing else. */
export async function tellAll(context: Context, part: Network): Promise<void> {
  await tell(context, part, (across, host) =>
    across.setRemotes(host, part, remotesOf(context, part)),
  );
}

/** Has a part know of a change. */
export async function tellChange(
  context: Context,
  part: Network,
  change: { readonly come: readonly Remote[]; readonly gone: readonly Remote[] },
): Promise<void> {
  await tell(context, part, (across, host) => across.changeRemotes(host, part, change));
}
