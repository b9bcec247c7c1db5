// Where the published ports of a sandbox lead: to the network that has its default route.

import { getSysctl, setSysctl } from "../rtnl/forwarding.ts";
import { findLink, setLink } from "../rtnl/link.ts";
import { allEnded } from "../values/all-ended.ts";
import type { Context } from "./context.ts";
import { driverOf } from "./context.ts";
import { addressOf, type EndpointPlan } from "./endpoints.ts";
import { type Connection, familyOf, gatewayConnection } from "./gateway.ts";
import type { Network, Sandbox } from "./model.ts";
import type { PublishedPort } from "./nat/firewall.ts";
import type { PortRequest } from "./ports.ts";

/** Whether ports are published on a network: the host has to lead into it. */
export function canPublish(context: Context, network: Network): boolean {
  return !network.internal && driverOf(context, "publish", network).traits.routed;
}

/**
 * The addresses of the host that a port is published on: the named one; or all IPv4 ones, or the one
 * that the network's option says, and all IPv6 ones if the sandbox is to have IPv6.
 */
export function hostAddresses(
  context: Context,
  request: PortRequest,
  plans: readonly EndpointPlan[],
): readonly string[] {
  if (request.hostAddress !== undefined) return [request.hostAddress];
  const networks = plans
    .map(({ network }) => network)
    .filter((network) => canPublish(context, network));
  const binding = networks.map(({ settings }) => settings.hostBinding).find(Boolean);
  const four = typeof binding === "string" ? binding : "0.0.0.0";
  return networks.some(({ ipv6 }) => ipv6) && four === "0.0.0.0" ? [four, "::"] : [four];
}

/** The ports of a sandbox with the addresses to which they lead. */
export function publishedPorts(
  context: Context,
  { ports }: Sandbox,
  connections: readonly Connection[],
): PublishedPort[] {
  return ports.flatMap(({ protocol, hostAddress, hostPort, port }) => {
    const family = familyOf(hostAddress);
    const leading = gatewayConnection(connections, family);
    const own = leading?.endpoint.addresses.find((one) => familyOf(one) === family);
    if (leading === undefined || own === undefined) return [];
    if (!canPublish(context, leading.network)) return [];
    const network = leading.network.id;
    return [{ protocol, hostAddress, hostPort, address: addressOf(own), port, network }];
  });
}

/** Whether what comes to the host's loopback addresses is led on. */
function isLoopback(hostAddress: string): boolean {
  return hostAddress === "0.0.0.0" || hostAddress.startsWith("127.");
}

/** The setting of a bridge by which the kernel routes answers to 127.0.0.0/8. */
function loopbackSetting({ plan }: Context, network: string): string | undefined {
  const link = plan.networks.get(network)?.value.settings.link;
  return typeof link === "string" ? `net/ipv4/conf/${link}/route_localnet` : undefined;
}

function loopbackNetworks(ports: readonly PublishedPort[]): Set<string> {
  const some = ports.filter(({ hostAddress }) => isLoopback(hostAddress));
  return new Set(some.map(({ network }) => network));
}

/**
 * Has the kernel route answers to 127.0.0.0/8; the firewall lets no others in from there. What was
 * set once is not set again: among many namespaces, a setting takes the kernel long to find.
 */
async function routeLoopback(context: Context, ports: readonly PublishedPort[]): Promise<void> {
  const { host, loopbackRouted } = context;
  await Promise.all(
    Array.from(loopbackNetworks(ports), async (id) => {
      const setting = loopbackSetting(context, id);
      if (setting === undefined || loopbackRouted.has(id)) return;
      await setSysctl(host, setting, 1);
      loopbackRouted.add(id);
    }),
  );
}

/**
 * Lets packets go back by the bridge's port by which they came: where the kernel translates bridged
 * packets, those of an endpoint to itself by way of the host's address do.
 */
async function reflect(
  { host }: Context,
  ports: readonly PublishedPort[],
  connections: readonly Connection[],
): Promise<void> {
  const links = leadingLinks(ports, connections);
  const port = { portKind: "bridge", port: { hairpin: true } } as const;
  await Promise.all(links.map(({ name }) => setLink(host, { name }, port)));
}

/** The links on the host by which published ports lead into a sandbox. */
function leadingLinks(
  ports: readonly PublishedPort[],
  connections: readonly Connection[],
): NonNullable<Connection["endpoint"]["hostLink"]>[] {
  const networks = new Set(ports.map(({ network }) => network));
  return connections.flatMap(({ network, endpoint: { hostLink } }) =>
    networks.has(network.id) && hostLink !== undefined ? [hostLink] : [],
  );
}

/**
 * Whether links are as {@link publishPorts} sets them; what is in the firewall it tells itself. Links
 * that are gone, or are no ports any more, are what their network or endpoint lacks.
 */
export async function leadsBack(
  context: Context,
  sandbox: Sandbox,
  connections: readonly Connection[],
): Promise<boolean> {
  const { host } = context;
  const ports = publishedPorts(context, sandbox, connections);
  const settings = await Promise.all(
    Array.from(loopbackNetworks(ports), async (id) => {
      const setting = loopbackSetting(context, id);
      return setting === undefined ? "1" : await getSysctl(host, setting).catch(() => "1");
    }),
  );
  const links = await Promise.all(
    leadingLinks(ports, connections).map(({ name }) => findLink(host, { name })),
  );
  return (
    settings.every((value) => value === "1") &&
    links.every((link) => link?.portKind !== "bridge" || link.port.hairpin)
  );
}

/**
 * Publishes a sandbox's ports by its connections, beside these being attached: until they are, what
 * comes for them is dropped as before.
 */
export async function publishPorts(
  context: Context,
  sandbox: Sandbox,
  connections: readonly Connection[],
  attached: Promise<unknown> = Promise.resolve(),
): Promise<void> {
  const ports = publishedPorts(context, sandbox, connections);
  if (ports.length === 0) return;
  context.lock.check("publish");
  await allEnded([
    routeLoopback(context, ports),
    attached.then(() => reflect(context, ports, connections)),
    context.firewall.publish(ports),
  ]);
}

/** Takes them back. */
export async function unpublishPorts(
  context: Context,
  sandbox: Sandbox,
  connections: readonly Connection[],
): Promise<void> {
  const ports = publishedPorts(context, sandbox, connections);
  if (ports.length > 0) await context.firewall.unpublish(ports);
}

/** Publishes them by other connections, if these lead elsewhere. */
export async function movePorts(
  context: Context,
  sandbox: Sandbox,
  before: readonly Connection[],
  after: readonly Connection[],
  attached?: Promise<unknown>,
): Promise<void> {
  const textsOf = (connections: readonly Connection[]) =>
    JSON.stringify(publishedPorts(context, sandbox, connections));
  if (textsOf(before) === textsOf(after)) return;
  await unpublishPorts(context, sandbox, before);
  await publishPorts(context, sandbox, after, attached);
}
