// What is left of this library and in no plan.

import { listLinks } from "../../rtnl/link.ts";
import { listNamespaces } from "../../rtnl/namespace.ts";
import type { Context } from "../context.ts";
import { isMarked } from "../dns/files.ts";
import { markedNetwork } from "../drivers/links.ts";
import { everyHost } from "../keys.ts";
import { type Diagnosis, word } from "./diagnosis.ts";

/** What of a record is looked at. */
interface Known {
  readonly id?: string;
  readonly name?: string;
  readonly settings?: { readonly namespace?: string };
}

/** The names of the namespaces in which hosts have their parts of overlays. */
const rooms = /^vethwork-[0-9a-f]{12}-[0-9a-f]{8}$/;

/** What the plans of all hosts of the store know: they can share a namespace, and `/run/netns`. */
async function knownToStore({ store }: Context): Promise<ReadonlySet<string>> {
  const { entries } = await store.list(everyHost);
  const known = entries.flatMap(({ key, value }) => {
    const [, , noun] = key.split("/");
    const named = (value as { value?: Known } | null)?.value;
    const room = named?.settings?.namespace;
    return [`${noun} ${named?.id}`, `${noun} ${named?.name}`, `rooms ${room}`];
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

/** Links on the host and named namespaces that no plan of the store has. */
export async function orphans(context: Context): Promise<Diagnosis[]> {
  const known = await knownToStore(context);
  return [...(await orphanedLinks(context, known)), ...(await orphanedNamespaces(known))];
}
