// This host's endpoints as other hosts have to know them: announced, and taken back.

import type { Context } from "../context.ts";
import type { Remote } from "../drivers/driver.ts";
import { addressOf } from "../endpoints.ts";
import type { Connection } from "../gateway.ts";
import type { Endpoint, Network, Sandbox } from "../model.ts";
import type { Put } from "../store/store.ts";
import { type LeasedBlock, type Member, places, written } from "./records.ts";

/** Whether addresses of a network are given one by one to all hosts, and not by blocks. */
export function sharesAddresses(
  { drivers }: Pick<Context, "drivers">,
  { scope, driver }: Pick<Network, "scope" | "driver">,
): boolean {
  return scope === "cluster" && drivers.get(driver)?.across?.remotes === "endpoints";
}

/**
 * The records of endpoints on networks across hosts; none for those of this host alone.
 *
 * @throws {NetworkError} `HOST_ABSENT`
 */
export function memberRecords(
  { cluster }: Context,
  { id, name, hostname }: Pick<Sandbox, "id" | "name" | "hostname">,
  connections: readonly Connection[],
): Put[] {
  const wide = connections.filter(({ network }) => network.scope === "cluster");
  if (wide.length === 0) return [];
  const here = cluster.known("connect");
  return wide.map(({ endpoint }) => ({
    key: places.member(endpoint),
    value: written({
      ...{ id: endpoint.id, network: endpoint.network },
      ...{ host: here.name, hostAddress: here.address, sandbox: { id, name, hostname } },
      ...{ mac: endpoint.mac, addresses: endpoint.addresses, aliases: endpoint.aliases },
    }),
    lease: here.lease,
  }));
}

/** Where the records of endpoints are that others may know. */
export function memberKeys({ plan }: Context, endpoints: readonly Endpoint[]): string[] {
  return endpoints
    .filter(({ network }) => plan.networks.get(network)?.value.scope === "cluster")
    .map((endpoint) => places.member(endpoint));
}

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
