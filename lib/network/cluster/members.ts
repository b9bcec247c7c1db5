// This host's endpoints as other hosts have to know them: announced, and taken back.

import type { Context } from "../context.ts";
import { heldBy } from "../endpoints.ts";
import type { Connection } from "../gateway.ts";
import type { AllocateAddressOptions } from "../ipam/options.ts";
import type { Endpoint, Network, Sandbox } from "../model.ts";
import type { Put } from "../store/store.ts";
import { type Host, holderOf, places, written } from "./records.ts";

/** Whether addresses of a network are given one by one to all hosts, and not by blocks. */
export function sharesAddresses(
  { drivers }: Pick<Context, "drivers">,
  { scope, driver }: Pick<Network, "scope" | "driver">,
): boolean {
  return scope === "cluster" && drivers.get(driver)?.across?.remotes === "endpoints";
}

/** An endpoint of this host as the others are to know it. */
export function memberRecord(
  here: Host,
  { id, name, hostname }: Pick<Sandbox, "id" | "name" | "hostname">,
  endpoint: Endpoint,
): Put {
  return {
    key: places.member(endpoint),
    value: written({
      ...{ id: endpoint.id, network: endpoint.network },
      ...{ host: here.name, hostAddress: here.address, sandbox: { id, name, hostname } },
      ...{ mac: endpoint.mac, addresses: endpoint.addresses, aliases: endpoint.aliases },
    }),
    lease: here.lease,
  };
}

/**
 * The addresses that endpoints have of subnets which all hosts share, asked for again: under the lease
 * that the host has now.
 */
export function againUnder(
  context: Context,
  here: Host,
  connections: readonly Connection[],
): AllocateAddressOptions[] {
  return connections
    .filter(({ network }) => sharesAddresses(context, network))
    .flatMap(({ network, endpoint }) =>
      heldBy(network, endpoint).map(({ subnet, address }) => ({
        ...{ subnet, address, holder: holderOf(here.name, endpoint.id) },
        ...{ again: true, lease: here.lease },
      })),
    );
}

/** Where the records of endpoints are that others may know. */
export function memberKeys({ plan }: Context, endpoints: readonly Endpoint[]): string[] {
  return endpoints
    .filter(({ network }) => plan.networks.get(network)?.value.scope === "cluster")
    .map((endpoint) => places.member(endpoint));
}
