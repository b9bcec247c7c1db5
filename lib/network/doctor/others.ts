// What others on the host do to what the networks send: their firewalls, their settings, their routes.

import { NetlinkError } from "../../errors.ts";
import { getSysctl } from "../../rtnl/forwarding.ts";
import { listLinks } from "../../rtnl/link.ts";
import { listRoutes } from "../../rtnl/route.ts";
import { cidrContains, cidrsOverlap } from "../../values/cidr.ts";
import { type Context, driverOf } from "../context.ts";
import type { Network } from "../model.ts";
import { type ForeignDrop, foreignDrops } from "../nat/firewall.ts";
import { madeOf } from "../reconcile.ts";
import { type Diagnosis, quoted, word } from "./diagnosis.ts";

function routedOnes(context: Context): Network[] {
  const networks = madeOf(context.plan.networks.values());
  return networks.filter((network) => driverOf(context, "doctor", network).traits.routed);
}

function linkOf({ settings }: Network): string {
  return String(settings.link);
}

function dropOf(drop: ForeignDrop, links: readonly string[]): Diagnosis {
  const { family, table, chain, hook, priority, empty } = drop;
  const place = [family, table, chain].join(" ");
  const set = `{ ${links.map((link) => JSON.stringify(link)).join(", ")} }`;
  const rules = ["iifname", "oifname"].map(
    (name) => `nft ${word(`insert rule ${place} ${name} ${set} accept`)}`,
  );
  return {
    code: "FOREIGN_DROP",
    level: empty ? "error" : "warning",
    subject: `the chain ${place}`,
    problem: `it drops what ${empty ? "comes to it" : "no rule of its own accepts"}, at ${hook} with priority ${priority}, whatever our table accepts`,
    fix: `let it accept what comes from networks and goes to them: ${rules.join("; ")}`,
  };
}

/** Chains of others that drop. */
export async function drops(context: Context): Promise<Diagnosis[]> {
  const networks = routedOnes(context);
  if (networks.length === 0) return [];
  const matters = ({ family }: ForeignDrop) =>
    family !== "ip6" || networks.some(({ ipv6 }) => ipv6);
  const found = await foreignDrops(context.host, context.firewall.table);
  return found.filter(matters).map((drop) => dropOf(drop, networks.map(linkOf)));
}

/** Firewalls of the host that see what stays on a bridge. */
export async function bridgeFilters(context: Context): Promise<Diagnosis[]> {
  const networks = routedOnes(context);
  const settings = networks.length === 0 ? [] : ["iptables"];
  if (networks.some(({ ipv6 }) => ipv6)) settings.push("ip6tables");
  const all = await Promise.all(
    settings.map(async (setting): Promise<Diagnosis[]> => {
      const name = `net.bridge.bridge-nf-call-${setting}`;
      const value = await getSysctl(context.host, name).catch((error: unknown) => {
        // The module is not loaded.
        if (error instanceof NetlinkError && error.code === "ENOENT") return "0";
        throw error;
      });
      if (value === "0") return [];
      return [
        {
          code: "BRIDGE_FILTERED",
          level: "warning",
          subject: "the host's settings",
          problem: `${name} is ${value}: packets between sandboxes of one network go through the host's firewalls`,
          fix: `sysctl ${name}=0, unless a firewall of the host is meant to part them`,
        },
      ];
    }),
  );
  return all.flat();
}

function overlapOf(network: Network, subnet: string, route: string, link: string): Diagnosis {
  const [, length] = subnet.split("/");
  const wins = cidrContains(subnet, route);
  return {
    code: "ROUTE_OVERLAP",
    level: wins ? "error" : "warning",
    subject: quoted("network", network.name),
    problem: wins
      ? `the host's route to ${route} by ${link} takes packets for its subnet ${subnet}`
      : `its subnet ${subnet} hides a part of what the host's route to ${route} by ${link} leads to`,
    fix: `make the network anew with --subnet, a prefix of ${length} bits that no route leads to, or remove the route`,
  };
}

/** Routes of the host that lead where a network is. */
export async function overlaps(context: Context): Promise<Diagnosis[]> {
  const [routes, links] = await Promise.all([listRoutes(context.host), listLinks(context.host)]);
  const names = new Map(links.map(({ index, name }) => [index, name]));
  const unicast = routes.filter(({ to, type }) => to !== "default" && type === "unicast");
  return routedOnes(context).flatMap((network) =>
    network.subnets.flatMap(({ subnet }) =>
      unicast.flatMap(({ to, device, nexthops = [] }) => {
        const devices = device === undefined ? nexthops.map((hop) => hop.device) : [device];
        const by = devices.map((one) => names.get(Number(one)) ?? "another way").join(" and ");
        if (by === linkOf(network) || !cidrsOverlap(subnet, to)) return [];
        return [overlapOf(network, subnet, to, by)];
      }),
    ),
  );
}
