// The subnets of a network that is to be made: what is asked for is checked, and given.

import { listRoutes } from "../rtnl/route.ts";
import type { Context } from "./context.ts";
import { routeProtocol } from "./drivers/routed/standing.ts";
import { NetworkError } from "./errors.ts";
import type { Ipam } from "./ipam/ipam.ts";
import type { Occupied } from "./ipam/options.ts";
import type { SubnetPool } from "./ipam/pools.ts";
import type { NetworkSubnet } from "./model.ts";
import type { NetworkSpec, SubnetOptions } from "./network-options.ts";

const operation = "createNetwork";

/** The host's own routes, which no network is to take over. */
async function occupiedOn(context: Context): Promise<Occupied[]> {
  const routes = await listRoutes(context.host);
  return routes
    .filter(({ to, type, protocol }) => {
      const isWay = (type ?? "unicast") === "unicast" || protocol === routeProtocol;
      return to !== "default" && isWay;
    })
    .map(({ to }) => ({ subnet: to, name: `the host's route to ${to}` }));
}

/** The least that IPv6 takes. @see RFC 8200, 5 */
const leastIpv6Mtu = 1280;

/** Refuses an MTU that is too small for what the network has. @throws {NetworkError} `OPTION_INVALID` */
export function checkMtu(name: string, { ipv6 }: NetworkSpec, mtu: unknown): void {
  if (!ipv6 || typeof mtu !== "number" || mtu >= leastIpv6Mtu) return;
  const reason = `an MTU of ${mtu} is less than the ${leastIpv6Mtu} that IPv6 needs`;
  throw new NetworkError("OPTION_INVALID", { operation, subject: name, reason });
}

/** Who gives subnets, and where from if none is named. */
export interface SubnetSource {
  readonly ipam: Ipam;
  /** For IPv4. Default: those of the address management. */
  readonly pools?: readonly SubnetPool[];
}

/**
 * Gives a network its subnets, all or none.
 *
 * @throws {NetworkError} what the address management says.
 */
export async function allocateSubnets(
  context: Context,
  id: string,
  spec: NetworkSpec,
  source: SubnetSource,
): Promise<NetworkSubnet[]> {
  const occupied = spec.allowOverlap ? [] : await occupiedOn(context);
  const given: NetworkSubnet[] = [];
  try {
    for (const [position, subnet] of spec.subnets.entries()) {
      given.push(await allocateSubnet(source, id, spec, { subnet, position, occupied }));
    }
    return given;
  } catch (error) {
    for (const { subnet } of given) await source.ipam.releaseSubnet({ subnet, holder: id });
    throw overlapByName(context, error);
  }
}

/** The address management knows networks by their ids: users know them by their names. */
function overlapByName({ plan, cluster }: Context, error: unknown): unknown {
  if (!(error instanceof NetworkError) || error.code !== "POOL_OVERLAP") return error;
  const id = error.conflict ?? "";
  const other = plan.networks.get(id)?.value ?? cluster.view.whole(id)?.network;
  if (other === undefined) return error;
  const { subject, cause } = error;
  const subnets = other.subnets.map(({ subnet }) => subnet).join(" and ");
  const reason = `it overlaps network ${JSON.stringify(other.name)}, which has ${subnets}`;
  return new NetworkError("POOL_OVERLAP", {
    ...{ operation, subject, reason, conflict: other.name, cause },
  });
}

async function allocateSubnet(
  { ipam, pools }: SubnetSource,
  id: string,
  spec: NetworkSpec,
  {
    subnet,
    position,
    occupied,
  }: { subnet: SubnetOptions; position: number; occupied: readonly Occupied[] },
): Promise<NetworkSubnet> {
  const {
    subnet: text,
    range,
    gateway,
    auxiliary,
  } = await ipam.allocateSubnet({
    ...subnet,
    holder: id,
    ...(subnet.subnet === undefined &&
      (position === 0 && pools !== undefined
        ? { pools }
        : { family: position === 0 ? "inet" : "inet6" })),
    strategy: spec.addressing,
    allowUnusable: spec.allowOverlap,
    occupied,
  });
  return { subnet: text, range, auxiliary, ...(gateway === undefined ? {} : { gateway }) };
}
