// Endpoints: planned, and brought into the kernel: link and addresses.

import { NetlinkError } from "../errors.ts";
import { addAddress, listAddresses } from "../rtnl/address.ts";
import { setSysctl } from "../rtnl/forwarding.ts";
import { deleteLink, findLink, setLink } from "../rtnl/link.ts";
import type { Namespace } from "../rtnl/namespace.ts";
import { allEnded } from "../values/all-ended.ts";
import { cidrContains } from "../values/cidr.ts";
import { macOfAddress, randomMac } from "../values/mac.ts";
import { type Context, driverOf, newId } from "./context.ts";
import { prefixLengthOf } from "./drivers/links.ts";
import { NetworkError } from "./errors.ts";
import { type Connection, familyOf } from "./gateway.ts";
import type { Endpoint, Network, Sandbox } from "./model.ts";
import type { ConnectRequest } from "./sandbox-options.ts";

/** An endpoint without what follows from its addresses, and which of those are to be asked for. */
export interface EndpointPlan {
  readonly network: Network;
  /** How many endpoints the network takes. */
  readonly most: number;
  readonly endpoint: Omit<Endpoint, "addresses" | "mac">;
  /** The MAC address that was asked for. */
  readonly mac: string | undefined;
  readonly requests: readonly { readonly subnet: string; readonly address?: string }[];
}

/** One address of each family that the network has: the named one, or any. */
export function addressRequests(
  caller: string,
  network: Network,
  addresses: readonly string[],
): EndpointPlan["requests"] {
  const left = new Set(addresses);
  const requests = network.subnets.map(({ subnet }) => {
    const address = addresses.find((one) => familyOf(one) === familyOf(subnet));
    if (address === undefined) return { subnet };
    left.delete(address);
    return { subnet, address };
  });
  for (const address of left) {
    const reason = `network ${JSON.stringify(network.name)} has no subnet for it`;
    throw new NetworkError("ADDRESS_OUTSIDE", { operation: caller, subject: address, reason });
  }
  return requests;
}

/** The lowest number that none of the links with this prefix has. */
function freeLinkName(prefix: string, taken: ReadonlySet<string>): string {
  for (let n = 0; ; n += 1) if (!taken.has(`${prefix}${n}`)) return `${prefix}${n}`;
}

/**
 * Plans the connection of a sandbox with a network.
 *
 * @throws {NetworkError} `ENDPOINT_EXISTS`, `NETWORK_FULL`, `ADDRESS_OUTSIDE`, `MODE_CONFLICT`
 */
export function planEndpoint(
  context: Context,
  caller: string,
  {
    sandbox,
    network,
    request,
    taken,
  }: {
    readonly sandbox: Pick<Sandbox, "id" | "name">;
    readonly network: Network;
    readonly request: ConnectRequest;
    /** The names of the links that the sandbox has. */
    readonly taken: ReadonlySet<string>;
  },
): EndpointPlan {
  const { plan } = context;
  const driver = driverOf(context, caller, network);
  const refuse = (code: NetworkError["code"], reason: string) => {
    throw new NetworkError(code, { operation: caller, subject: sandbox.name, reason });
  };
  const on = `network ${JSON.stringify(network.name)}`;
  if (plan.endpoint(sandbox.id, network.id)) refuse("ENDPOINT_EXISTS", `it is connected to ${on}`);
  const most = driver.mostEndpoints?.(network) ?? Number.POSITIVE_INFINITY;
  context.places.check(caller, { network, most });
  if (network.predefined && request.aliases.length > 0) {
    refuse("MODE_CONFLICT", `${on} is predefined and has no aliases`);
  }
  if (network.predefined && request.addresses.length > 0) {
    refuse("MODE_CONFLICT", `${on} is predefined and gives no fixed addresses`);
  }
  const id = newId();
  const link = freeLinkName(driver.linkPrefix?.(network) ?? "eth", taken);
  const hostName = driver.hostLink?.({ id });
  return {
    ...{ network, most },
    endpoint: {
      ...{ id, network: network.id, sandbox: sandbox.id, link },
      ...(hostName === undefined ? {} : { hostLink: { name: hostName, mac: randomMac() } }),
      aliases: request.aliases,
      links: request.links,
      gatewayPriority: request.gatewayPriority,
    },
    mac: request.mac,
    requests: addressRequests(caller, network, request.addresses),
  };
}

/** The endpoint with the addresses that were given for its requests. */
export function withAddresses(plan: EndpointPlan, addresses: readonly string[]): Endpoint {
  const { endpoint, requests } = plan;
  // Whoever has the address next has the MAC address, too, that neighbours still know it by.
  const [four] = addresses.filter((address) => familyOf(address) === "inet");
  const mac = plan.mac ?? (four === undefined ? randomMac() : macOfAddress(four));
  const lengths = requests.map(({ subnet }) => prefixLengthOf(subnet));
  return { ...endpoint, mac, addresses: addresses.map((one, n) => `${one}/${lengths[n]}`) };
}

/** What is to be given back of the addresses of an endpoint, or a service. */
export function heldBy(
  network: Network,
  { addresses }: Pick<Endpoint, "addresses">,
): { readonly subnet: string; readonly address: string }[] {
  return addresses.flatMap((cidr) => {
    const address = addressOf(cidr);
    const found = network.subnets.find(
      ({ subnet }) => familyOf(subnet) === familyOf(address) && cidrContains(subnet, address),
    );
    return found === undefined ? [] : [{ subnet: found.subnet, address }];
  });
}

/** The address without its prefix length, if it has one. */
export function addressOf(cidr: string): string {
  return cidr.split("/")[0] ?? cidr;
}

/** Brings an endpoint into the kernel: its link, then addresses, and raises it. */
export async function attach(
  context: Context,
  namespace: Namespace,
  { network, endpoint }: Connection,
): Promise<void> {
  const driver = driverOf(context, "connect", network);
  const place = { host: context.host, sandbox: namespace, network, endpoint };
  context.lock.check("connect");
  await driver.connect(place);
  context.lock.check("connect");
  await configure(namespace, endpoint);
}

/**
 * Gives a link its addresses and raises it, in the order in which a namespace's calls are carried
 * out: nothing waits for an answer in between.
 */
async function configure(namespace: Namespace, endpoint: Endpoint): Promise<void> {
  const link = { name: endpoint.link };
  const ipv6 = endpoint.addresses.some((one) => familyOf(one) === "inet6");
  const settings = `net/ipv6/conf/${endpoint.link}`;
  await allEnded([
    // Addresses are given to one alone: no time is lost in asking whether another has one.
    ipv6 && setSysctl(namespace, `${settings}/accept_dad`, 0),
    ipv6 && setSysctl(namespace, `${settings}/disable_ipv6`, 0),
    ...endpoint.addresses.map((address) =>
      familyOf(address) === "inet"
        ? addAddress(namespace, link, address)
        : addAddress(namespace, link, { address, flags: ["noDad"] }),
    ),
    setLink(namespace, link, { up: true }),
  ]);
}

/** Takes whatever there is of an endpoint out of the kernel. */
export async function detach(
  context: Context,
  namespace: Namespace | undefined,
  { network, endpoint }: Connection,
): Promise<void> {
  const driver = driverOf(context, "disconnect", network);
  const { host } = context;
  const place = { host, network, endpoint };
  await driver.disconnect(namespace === undefined ? place : { ...place, sandbox: namespace });
  // A link without a far end on the host, such as a macvlan, is still there.
  if (namespace === undefined || endpoint.hostLink !== undefined) return;
  const link = await findLink(namespace, { name: endpoint.link });
  if (link?.address === endpoint.mac) await ignoreGone(deleteLink(namespace, link));
}

/**
 * Takes away what of an endpoint was made after its controller had lost the lock: the next one has
 * undone it too early. By what is on its host alone, whose name nobody else's has; what is inside may
 * be another endpoint's by now.
 */
export async function detachLost(
  context: Context,
  { network, endpoint }: Connection,
): Promise<void> {
  await driverOf(context, "disconnect", network).disconnect({
    ...{ host: context.host, network, endpoint },
  });
}

async function ignoreGone(deletion: Promise<void>): Promise<void> {
  await deletion.catch((error: unknown) => {
    if (!(error instanceof NetlinkError) || error.code !== "ENODEV") throw error;
  });
}

/** What of an endpoint in its sandbox is not as planned. */
export async function missingOf(
  { host }: Pick<Context, "host">,
  namespace: Namespace,
  { endpoint }: Connection,
): Promise<"link" | "settings" | undefined> {
  const { hostLink } = endpoint;
  const [link, far] = await Promise.all([
    findLink(namespace, { name: endpoint.link }),
    hostLink && findLink(host, { name: hostLink.name }),
  ]);
  if (link === undefined || link.address !== endpoint.mac) return "link";
  if (hostLink !== undefined && far?.address !== hostLink.mac) return "link";
  const present = (await listAddresses(namespace, { link })).map(({ address }) => address);
  const complete = link.up && endpoint.addresses.every((address) => present.includes(address));
  return complete ? undefined : "settings";
}

/** Gives a link that is there the addresses that it lacks, and raises it. */
export async function repairSettings(namespace: Namespace, endpoint: Endpoint): Promise<void> {
  const link = { name: endpoint.link };
  const present = (await listAddresses(namespace, { link })).map(({ address }) => address);
  const addresses = endpoint.addresses.filter((address) => !present.includes(address));
  await configure(namespace, { ...endpoint, addresses });
}
