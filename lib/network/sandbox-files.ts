// The hosts file and resolv.conf of a sandbox, as they follow from the plan.

import { readResolvConf } from "../inside/resolver-files.ts";
import type { ResolvConf } from "../values/resolv-conf.ts";
import { connectionsOf } from "./connections.ts";
import type { Context } from "./context.ts";
import { readSandboxFile, removeSandboxFiles, writeSandboxFiles } from "./dns/files.ts";
import { type HostsEntry, renderHosts } from "./dns/hosts.ts";
import { isHostOnly, renderResolvConf, sandboxResolvConf } from "./dns/resolv-conf.ts";
import { addressOf } from "./endpoints.ts";
import type { Connection } from "./gateway.ts";
import type { NameSettings, Network, Sandbox } from "./model.ts";
import { servesNames } from "./names.ts";

/** Where a sandbox asks for names, if any of its networks has them. */
export const nameServer = "127.0.0.11";

/**
 * The resolv.conf of a sandbox: the server at 127.0.0.11 if it is on a network with names, and
 * otherwise what the host has, but servers that only the host can reach.
 */
function resolvConfOf(
  context: Context,
  host: ResolvConf,
  { servers, search, options }: NameSettings,
  networks: readonly Network[],
): ResolvConf {
  const wishes = { ...(search && { search }), ...(options && { options }) };
  if (networks.some((network) => servesNames(context, network))) {
    return sandboxResolvConf(nameServer, host, wishes);
  }
  return {
    nameservers: servers ?? host.nameservers.filter((address) => !isHostOnly(address)),
    search: search ?? host.search,
    options: options ?? host.options,
  };
}

/** The lines that stand for others on networks without names, and which a sandbox is linked to. */
function linkedEntries(context: Context, { endpoint, network }: Connection): HostsEntry[] {
  if (servesNames(context, network)) return [];
  return Object.entries(endpoint.links).flatMap(([alias, reference]) => {
    const { plan } = context;
    const target = (plan.sandbox(reference) ?? plan.sandboxes.get(reference))?.value;
    const other = target && plan.endpoint(target.id, network.id);
    if (target === undefined || other?.state !== "made") return [];
    const names = [alias, target.hostname, target.name];
    return other.value.addresses.map((cidr) => ({ address: addressOf(cidr), names }));
  });
}

function hostsOf(
  context: Context,
  { hostname, names }: Sandbox,
  connections: readonly Connection[],
): HostsEntry[] {
  const own = connections.flatMap(({ endpoint }) =>
    endpoint.addresses.map((cidr) => ({ address: addressOf(cidr), names: [hostname] })),
  );
  const given = Object.entries(names.hosts ?? {});
  return [
    ...own,
    ...given.map(([name, address]) => ({ address, names: [name] })),
    ...connections.flatMap((connection) => linkedEntries(context, connection)),
  ];
}

/** The name of the namespace whose files are written; `undefined` if it has none. */
function namespaceName({ namespace }: Sandbox): string | undefined {
  return namespace !== undefined && "name" in namespace ? namespace.name : undefined;
}

/** The files of a sandbox with these connections. */
export function filesOf(
  context: Context,
  sandbox: Sandbox,
  connections: readonly Connection[],
): { readonly "resolv.conf": string; readonly hosts: string } {
  const host = readResolvConf(context.host);
  const networks = connections.map(({ network }) => network);
  return {
    "resolv.conf": renderResolvConf(resolvConfOf(context, host, sandbox.names, networks)),
    hosts: renderHosts(hostsOf(context, sandbox, connections)),
  };
}

/**
 * Writes them at once, as the plan is now, so that the last of several calls says what stands. A
 * namespace without a name has no files: there is no place for them. What fails rejects, as all else
 * does that is done beside it.
 */
export async function writeFiles(context: Context, { id }: Pick<Sandbox, "id">): Promise<void> {
  const planned = context.plan.sandboxes.get(id);
  if (planned === undefined || planned.state === "deleting") return;
  const name = namespaceName(planned.value);
  if (name === undefined) return;
  const connections = connectionsOf(context, planned.value, ["making", "made"]);
  context.lock.check("writeFiles");
  writeSandboxFiles(name, filesOf(context, planned.value, connections));
}

/**
 * Writes the files of those anew that are linked to a sandbox on networks without names: whether it
 * is there, and by which address, is in them.
 */
export async function writeFilesOfLinked(
  context: Context,
  { id, name }: Pick<Sandbox, "id" | "name">,
  networks: readonly Network[],
): Promise<void> {
  const { plan } = context;
  const nameless = networks.filter((network) => !servesNames(context, network));
  const linked = nameless.flatMap((network) =>
    plan
      .endpointsOn(network.id)
      .filter(({ value: { links } }) =>
        Object.values(links).some((target) => target === name || id.startsWith(target)),
      )
      .map(({ value: { sandbox } }) => sandbox),
  );
  await Promise.all(Array.from(new Set(linked), (one) => writeFiles(context, { id: one })));
}

/** The files that are not what they should be, by their names. */
export function staleFiles(
  context: Context,
  sandbox: Sandbox,
  connections: readonly Connection[],
): string[] {
  const name = namespaceName(sandbox);
  if (name === undefined) return [];
  const files = filesOf(context, sandbox, connections);
  return (["resolv.conf", "hosts"] as const).filter(
    (file) => readSandboxFile(name, file) !== files[file],
  );
}

/** Takes them away. */
export async function removeFiles(sandbox: Sandbox): Promise<void> {
  const name = namespaceName(sandbox);
  if (name !== undefined) removeSandboxFiles(name);
}
