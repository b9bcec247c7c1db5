// What is left of this library and in no plan.

import { listLinks } from "../../rtnl/link.ts";
import { listNamespaces } from "../../rtnl/namespace.ts";
import { listRoutes, type Route } from "../../rtnl/route.ts";
import { cidrContains, parseCidr } from "../../values/cidr.ts";
import type { Context } from "../context.ts";
import { isMarked } from "../dns/files.ts";
import { markedNetwork } from "../drivers/links.ts";
import { announcedProtocol, routeProtocol } from "../drivers/routed/standing.ts";
import { everyHost } from "../keys.ts";
import { type Diagnosis, word } from "./diagnosis.ts";

/** What of a record is looked at. */
interface Known {
  readonly id?: string;
  readonly name?: string;
  readonly scope?: string;
  readonly settings?: {
    readonly namespace?: string;
    readonly mac?: string;
    readonly whole?: readonly string[];
  };
}

/** The names of the namespaces in which hosts have their parts of overlays. */
const rooms = /^vethwork-[0-9a-f]{12}-[0-9a-f]{8}$/;

/** What the plans of all hosts of the store know: they can share a namespace, and `/run/netns`. */
interface Plans {
  readonly names: ReadonlySet<string>;
  /** Routed networks, and the bridge by which each host has its part. */
  readonly routed: readonly { readonly whole: readonly string[]; readonly mac?: string }[];
}

async function readPlans({ store }: Context): Promise<Plans> {
  const { entries } = await store.list(everyHost);
  const all = entries.map(({ key, value }) => {
    const [, , noun] = key.split("/");
    return { noun, ...(value as { value?: Known } | null)?.value };
  });
  const names = all.flatMap(({ noun, id, name, scope, settings = {} }) => {
    // Of a network across hosts, each host that has a part of it has a bridge of its own.
    const own = scope === "cluster" ? `${id} ${settings.mac}` : id;
    return [`${noun} ${own}`, `${noun} ${name}`, `rooms ${settings.namespace}`];
  });
  const routed = all.flatMap(({ settings: { whole, mac } = {} }) =>
    Array.isArray(whole) ? [{ whole, ...(mac === undefined ? {} : { mac }) }] : [],
  );
  return { names: new Set(names), routed };
}

function orphan(subject: string, problem: string, command: string): Diagnosis {
  const fix = `unless a plan in another store has it: ${command}`;
  return { code: "ORPHAN", level: "warning", subject, problem, fix };
}

async function orphanedLinks(context: Context, known: ReadonlySet<string>): Promise<Diagnosis[]> {
  const links = await listLinks(context.host);
  const { plan } = context;
  const ports = new Set([...plan.endpoints.values()].map(({ value }) => value.hostLink?.name));
  const bridges = new Map(links.map((link) => [link.index, markedNetwork(link)]));
  return links.flatMap((link) => {
    const { name, kind, master } = link;
    const network = markedNetwork(link);
    const on = master === undefined ? undefined : bridges.get(master);
    const command = `ip link delete ${word(name)}`;
    const isKnown = [network, `${network} ${link.address}`].some((one) =>
      known.has(`networks ${one}`),
    );
    if (network !== undefined && !isKnown) {
      return [orphan(`the link ${name}`, "it is the bridge of no network", command)];
    }
    const isPort = kind === "veth" && /^veth[0-9a-f]{7}$/.test(name);
    if (on === undefined || !plan.networks.has(on) || !isPort || ports.has(name)) return [];
    return [orphan(`the link ${name}`, "it is on our bridge, and leads to no sandbox", command)];
  });
}

async function orphanedNamespaces(known: ReadonlySet<string>): Promise<Diagnosis[]> {
  const unknown = (await listNamespaces()).filter(({ name }) => !known.has(`sandboxes ${name}`));
  const all = await Promise.all(
    unknown.map(async ({ name }) => {
      if (rooms.test(name)) {
        if (known.has(`rooms ${name}`)) return [];
        const problem = "it is the part of no network across hosts";
        return [orphan(`the namespace ${name}`, problem, `ip netns delete ${word(name)}`)];
      }
      if (!isMarked(name)) return [];
      const command = `ip netns delete ${word(name)} && rm -r ${word(`/etc/netns/${name}`)}`;
      return [orphan(`the namespace ${name}`, "it is that of no sandbox", command)];
    }),
  );
  return all.flat();
}

/** Routes of routed networks of which no plan has a part here: what they lead to is not reached. */
async function orphanedRoutes(context: Context, { routed }: Plans): Promise<Diagnosis[]> {
  const { host, plan } = context;
  const protocols = [routeProtocol, announcedProtocol];
  const lists = protocols.map((protocol) => listRoutes(host, { protocol }));
  const routes = (await Promise.all(lists)).flat();
  if (routes.length === 0) return [];
  const macs = new Set((await listLinks(host)).map(({ address }) => address));
  const here = routed.filter(({ mac }) => mac !== undefined && macs.has(mac));
  // A bridge of ours that is gone is made anew.
  const own = [...plan.networks.values()].map(({ value }) => value.settings.whole ?? []);
  const wholes = [...here.map(({ whole }) => whole), ...own].flat().map(String);
  const isOf = (route: Route) => wholes.some((whole) => cidrContains(whole, route.to));
  const left = routes.filter((route) => route.to !== "default" && !isOf(route));
  const isBelow = (route: Route) =>
    left.some(({ to }) => to !== route.to && cidrContains(to, route.to));
  const widest = new Set(left.filter((route) => !isBelow(route)).map(({ to }) => to));
  return Array.from(widest, (to) => {
    const inside = left.filter((route) => cidrContains(to, route.to));
    const family = parseCidr(to).family === "inet6" ? " -6" : "";
    const commands = [...new Set(inside.map(({ protocol }) => protocol))].map(
      (protocol) => `ip${family} route flush root ${to} proto ${protocol}`,
    );
    const problem = `of protocol ${routeProtocol}, it is that of no network`;
    return orphan(`the route to ${to}`, problem, commands.join(" && "));
  });
}

/** Links and routes on the host, and named namespaces, that no plan of the store has. */
export async function orphans(context: Context): Promise<Diagnosis[]> {
  const plans = await readPlans(context);
  return [
    ...(await orphanedLinks(context, plans.names)),
    ...(await orphanedRoutes(context, plans)),
    ...(await orphanedNamespaces(plans.names)),
  ];
}
