// What keeps the networks of a host from working, and what helps; nothing is changed.

import { NetlinkError } from "../errors.ts";
import { getSysctl } from "../rtnl/forwarding.ts";
import { listLinks } from "../rtnl/link.ts";
import { createNamespace, listNamespaces } from "../rtnl/namespace.ts";
import { listRoutes } from "../rtnl/route.ts";
import { cidrContains, cidrsOverlap } from "../values/cidr.ts";
import { type Context, driverOf } from "./context.ts";
import { isMarked } from "./dns/files.ts";
import { markedNetwork } from "./drivers/links.ts";
import { everyHost } from "./keys.ts";
import type { Network } from "./model.ts";
import { servesNames } from "./names.ts";
import { type ForeignDrop, foreignDrops } from "./nat/firewall.ts";
import {
  inspectFirewall,
  inspectNetworks,
  inspectSandboxes,
  inspectSettings,
  madeOf,
  type PlannedRepair,
} from "./reconcile.ts";

/**
 * What is wrong.
 *
 * - `CAPABILITY_MISSING`: the process may not do what networks need; nothing that needs it was looked at.
 * - `FORWARDING_OFF`: a setting of the host that networks need was turned back.
 * - `TABLE_DIFFERS`: our table of nftables is gone, or somebody has changed it.
 * - `PLAN_DIFFERS`: something else is not as the plan says.
 * - `FOREIGN_DROP`: a chain of somebody else drops what networks send; an error if it accepts nothing.
 * - `BRIDGE_FILTERED`: what stays on a bridge goes through the host's firewalls.
 * - `NAMES_UNSERVED`: sandboxes ask for names, and no process answers.
 * - `ROUTE_OVERLAP`: a route of the host takes packets for a network, an error, or loses some to it.
 * - `ORPHAN`: a link or a namespace of this library is in no plan.
 */
export type DiagnosisCode =
  | "CAPABILITY_MISSING"
  | "FORWARDING_OFF"
  | "TABLE_DIFFERS"
  | "PLAN_DIFFERS"
  | "FOREIGN_DROP"
  | "BRIDGE_FILTERED"
  | "NAMES_UNSERVED"
  | "ROUTE_OVERLAP"
  | "ORPHAN";

/** Something that is wrong with a host. */
export interface Diagnosis {
  readonly code: DiagnosisCode;
  /** Whether something does not work now, or only may not. */
  readonly level: "error" | "warning";
  /** `network "web"`, `the firewall` */
  readonly subject: string;
  /** A sentence. */
  readonly problem: string;
  /** What helps, a sentence; commands in it can be copied. */
  readonly fix: string;
}

function quoted(kind: string, name: string): string {
  return `${kind} ${JSON.stringify(name)}`;
}

/** A word of a command that is copied into a shell, whatever others have named their things. */
function word(text: string): string {
  return /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof NetlinkError && codes.includes(error.code);
}

/** Whether something is permitted, by trying it. */
async function permitted(attempt: () => Promise<unknown>): Promise<boolean> {
  try {
    await attempt();
    return true;
  } catch (error) {
    if (isCode(error, "EPERM", "EACCES")) return false;
    throw error;
  }
}

/** The capabilities count in the user namespaces that own the things, so nothing but trying tells. */
async function missingCapabilities({ host }: Context): Promise<Diagnosis[]> {
  const may = {
    CAP_NET_ADMIN: await permitted(() => foreignDrops(host)),
    CAP_SYS_ADMIN: await permitted(async () =>
      (await createNamespace({ loopback: false })).close(),
    ),
  };
  return Object.entries(may).flatMap(([capability, has]) => {
    if (has) return [];
    return {
      code: "CAPABILITY_MISSING",
      level: "error",
      subject: "this process",
      problem: `it does not have ${capability}`,
      fix: "run it as root, or in namespaces of its own: unshare -Urnm",
    };
  });
}

const mending = "vethwork serve, or vethwork doctor --repair, mends it";

function differing(code: DiagnosisCode, differences: readonly PlannedRepair[]): Diagnosis[] {
  return differences.map(({ subject, problem, remedy }) => {
    const fix = remedy.startsWith("none: ") ? remedy.slice(6) : `${mending}: ${remedy}`;
    return { code, level: "error", subject, problem, fix };
  });
}

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

async function drops(context: Context): Promise<Diagnosis[]> {
  const networks = routedOnes(context);
  if (networks.length === 0) return [];
  const matters = ({ family }: ForeignDrop) =>
    family !== "ip6" || networks.some(({ ipv6 }) => ipv6);
  const found = await foreignDrops(context.host, context.firewall.table);
  return found.filter(matters).map((drop) => dropOf(drop, networks.map(linkOf)));
}

async function bridgeFilters(context: Context): Promise<Diagnosis[]> {
  const networks = routedOnes(context);
  const settings = networks.length === 0 ? [] : ["iptables"];
  if (networks.some(({ ipv6 }) => ipv6)) settings.push("ip6tables");
  const all = await Promise.all(
    settings.map(async (setting): Promise<Diagnosis[]> => {
      const name = `net.bridge.bridge-nf-call-${setting}`;
      const value = await getSysctl(context.host, name).catch((error: unknown) => {
        if (isCode(error, "ENOENT")) return "0"; // the module is not loaded
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

async function unserved(context: Context): Promise<Diagnosis[]> {
  const { plan, store, keys } = context;
  const asking = madeOf(plan.sandboxes.values()).filter(({ id }) =>
    plan.endpointsOf(id).some(({ value }) => {
      const network = plan.networks.get(value.network)?.value;
      return network !== undefined && servesNames(context, network);
    }),
  );
  if (asking.length === 0 || (await store.get(keys.names)) !== undefined) return [];
  const [first] = asking;
  const others = asking.length > 1 ? ` and ${asking.length - 1} more` : "";
  return [
    {
      code: "NAMES_UNSERVED",
      level: "error",
      subject: "names",
      problem: `no process answers ${quoted("sandbox", first?.name ?? "")}${others} that ask for them`,
      fix: "vethwork serve answers, as long as it runs",
    },
  ];
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

async function overlaps(context: Context): Promise<Diagnosis[]> {
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

/** What the plans of all hosts of the store know: they can share a namespace, and `/run/netns`. */
async function knownToStore({ store }: Context): Promise<ReadonlySet<string>> {
  const { entries } = await store.list(everyHost);
  const known = entries.flatMap(({ key, value }) => {
    const [, , noun] = key.split("/");
    const named = (value as { value?: { id?: string; name?: string } } | null)?.value;
    return [`${noun} ${named?.id}`, `${noun} ${named?.name}`];
  });
  return new Set(known);
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
    if (network !== undefined && !known.has(`networks ${network}`)) {
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
      if (!isMarked(name)) return [];
      const command = `ip netns delete ${word(name)} && rm -r ${word(`/etc/netns/${name}`)}`;
      return [orphan(`the namespace ${name}`, "it is that of no sandbox", command)];
    }),
  );
  return all.flat();
}

/** All that is wrong, errors first. */
export async function diagnose(context: Context): Promise<Diagnosis[]> {
  await context.plan.refresh();
  const missing = await missingCapabilities(context);
  if (missing.length > 0) return missing;
  const known = await knownToStore(context);
  const all = [
    differing("FORWARDING_OFF", await inspectSettings(context)),
    differing("TABLE_DIFFERS", await inspectFirewall(context)),
    differing("PLAN_DIFFERS", await inspectNetworks(context)),
    differing("PLAN_DIFFERS", await inspectSandboxes(context)),
    await drops(context),
    await unserved(context),
    await overlaps(context),
    await bridgeFilters(context),
    await orphanedLinks(context, known),
    await orphanedNamespaces(known),
  ].flat();
  return all.toSorted(
    (one, other) => Number(one.level > other.level) - Number(one.level < other.level),
  );
}
