// Plan and kernel compared, and the kernel mended.

import { remotesOf, tellAll } from "./cluster/remotes.ts";
import { connectionsOf } from "./connections.ts";
import { asNetworkError, type Context, driverOf } from "./context.ts";
import type { Finding } from "./drivers/driver.ts";
import { attach, detach, missingOf, repairSettings } from "./endpoints.ts";
import type { Connection } from "./gateway.ts";
import type { Network, Sandbox } from "./model.ts";
import { ensureSettings, firewalled, neededSettings } from "./networks.ts";
import { leadsBack, publishedPorts, publishPorts } from "./publishing.ts";
import { staleFiles, writeFiles } from "./sandbox-files.ts";
import { missingRoutes, sandboxRoutes, setSandboxRoutes } from "./sandbox-routes.ts";
import { build } from "./sandboxes.ts";
import type { Condition } from "./store/store.ts";

/** Something that is not as the plan says, and what would be done about it. */
export type PlannedRepair = Omit<Finding, "repair">;

/** What was done about something. */
export interface Repair extends PlannedRepair {
  /** Why it could not be mended; absent if it was. */
  readonly error?: Error;
}

/** The nouns of the plan that are made. */
export function madeOf<T>(
  all: Iterable<{ readonly state: string; readonly value: T }>,
): readonly T[] {
  return Array.from(all)
    .filter(({ state }) => state === "made")
    .map(({ value }) => value);
}

/** All that is not as the plan says, in the order in which it is to be mended. */
export async function inspectHost(context: Context): Promise<Finding[]> {
  await context.plan.refresh();
  return [
    ...(await inspectNetworks(context)),
    ...(await inspectFirewall(context)),
    ...(await inspectSettings(context)),
    ...(await inspectSandboxes(context)),
  ];
}

/** What a driver finds; that it cannot look is a finding, too, so that all else can be mended. */
async function findingsOf(
  subject: string,
  look: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await look();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const problem = `its driver could not look at it: ${message}`;
    return [{ subject, problem, remedy: "none", repair: () => Promise.reject(error) }];
  }
}

/** What of the networks' own links, and of what they know of other hosts, is not as planned. */
export async function inspectNetworks(context: Context): Promise<Finding[]> {
  const networks = madeOf(context.plan.networks.values());
  if (networks.some(({ scope }) => scope === "cluster")) await context.cluster.view.refresh();
  const findings = networks.map((network) => {
    const { inspectNetwork } = driverOf(context, "plan", network);
    const look = async () => [
      ...(await inspectNetwork(context.host, network)),
      ...(await inspectRemotes(context, network)),
    ];
    return findingsOf(`network ${JSON.stringify(network.name)}`, look);
  });
  return (await Promise.all(findings)).flat();
}

/** What is found can have changed until it is mended: then all is told that is so by then. */
async function inspectRemotes(context: Context, network: Network): Promise<readonly Finding[]> {
  const { across } = driverOf(context, "plan", network);
  if (across === undefined) return [];
  const remotes = remotesOf(context, network);
  const findings = await across.inspectRemotes(context.host, network, remotes);
  const repair = () => tellAll(context, network);
  return findings.map((one) => (one.remedy.startsWith("none") ? one : { ...one, repair }));
}

/** What of the sandboxes is not as the plan says. */
export async function inspectSandboxes(context: Context): Promise<Finding[]> {
  const sandboxes = madeOf(context.plan.sandboxes.values());
  return (await Promise.all(sandboxes.map((sandbox) => inspectSandbox(context, sandbox)))).flat();
}

/** What of our table is not as the plan says. */
export async function inspectFirewall(context: Context): Promise<Finding[]> {
  const networks = madeOf(context.plan.networks.values());
  const sandboxes = madeOf(context.plan.sandboxes.values());
  const plan = {
    networks: networks.flatMap((network) => firewalled(context, network) ?? []),
    ports: sandboxes.flatMap((sandbox) =>
      publishedPorts(context, sandbox, connectionsOf(context, sandbox)),
    ),
  };
  const problems = await context.firewall.differences(plan);
  if (problems.length === 0) return [];
  const shown = problems.slice(0, 5).join("; ");
  const rest = problems.length > 5 ? `; and ${problems.length - 5} more` : "";
  return [
    {
      subject: "the firewall",
      problem: `${shown}${rest}`,
      remedy: "our table is made anew, in one step",
      repair: () => context.firewall.restore(plan),
    },
  ];
}

/** Settings are mended under the lock, which the finding's repair does not have: see `repairHost`. */
export async function inspectSettings(context: Context): Promise<Finding[]> {
  const missing = await context.settings.missing(neededSettings(context));
  return missing.map(({ name, before, value }) => ({
    subject: "the host's settings",
    problem: `${name} is ${before}`,
    remedy: `it is set to ${value}`,
    repair: async () => {},
  }));
}

async function inspectSandbox(context: Context, sandbox: Sandbox): Promise<Finding[]> {
  if (sandbox.namespace === undefined) return [];
  const connections = connectionsOf(context, sandbox);
  const subject = `sandbox ${JSON.stringify(sandbox.name)}`;
  const namespace = await context.namespaces.verify(sandbox);
  if (namespace === undefined) {
    const problem = "its namespace is gone";
    if (sandbox.adopted) {
      return [{ subject, problem, remedy: "none: it is not ours to make", repair: async () => {} }];
    }
    const repair = () => rebuild(context, sandbox, connections);
    return [{ subject, problem, remedy: "it is made anew, empty of processes", repair }];
  }
  const findings = (
    await Promise.all(connections.map((each) => inspectConnection(context, sandbox, each)))
  ).flat();
  const routes = await missingRoutes(namespace, sandboxRoutes(connections));
  if (routes.length > 0) {
    const problem = `it lacks a default route via ${routes.map(({ via }) => via).join(" and ")}`;
    const repair = () => setSandboxRoutes(namespace, [], sandboxRoutes(connections));
    findings.push({ subject, problem, remedy: "it is added", repair });
  }
  if (!(await leadsBack(context, sandbox, connections))) {
    const problem = "its bridge does not lead answers of published ports back";
    const repair = () => publishPorts(context, sandbox, connections);
    findings.push({ subject, problem, remedy: "it is set to", repair });
  }
  const services = await context.spreading.missing(sandbox, namespace);
  if (services.length > 0) {
    const problem = `it is not led to ${services.join(" and ")} as planned`;
    const repair = () => context.spreading.mend(sandbox);
    findings.push({ subject, problem, remedy: "its table is made anew", repair });
  }
  const files = staleFiles(context, sandbox, connections);
  if (files.length > 0) {
    const problem = `${files.join(" and ")} of it is not as planned`;
    const repair = () => writeFiles(context, sandbox);
    findings.push({ subject, problem, remedy: "it is written anew", repair });
  }
  if (await context.names.lacks(sandbox.id, namespace)) {
    const repair = () => context.names.retry(sandbox.id);
    const problem = "its name service is not reached";
    findings.push({ subject, problem, remedy: "it is opened again", repair });
  }
  return findings;
}

/** Makes a sandbox again of which everything is gone. */
async function rebuild(
  context: Context,
  sandbox: Sandbox,
  connections: readonly Connection[],
): Promise<void> {
  await context.namespaces.close(sandbox.id);
  for (const each of connections) await detach(context, undefined, each);
  const ports = publishedPorts(context, sandbox, connections);
  if (ports.length > 0) await context.firewall.unpublish(ports);
  await build(context, sandbox, connections);
  await context.names.retry(sandbox.id);
}

async function inspectConnection(
  context: Context,
  sandbox: Sandbox,
  connection: Connection,
): Promise<readonly Finding[]> {
  const { network, endpoint } = connection;
  const namespace = await context.namespaces.open(sandbox);
  const subject = `sandbox ${JSON.stringify(sandbox.name)} on network ${JSON.stringify(network.name)}`;
  const missing = await missingOf(context, namespace, connection);
  if (missing === "link") {
    const repair = async () => {
      await detach(context, namespace, connection);
      await attach(context, namespace, connection);
      const routes = sandboxRoutes(connectionsOf(context, sandbox));
      await setSandboxRoutes(namespace, [], routes);
      await publishPorts(context, sandbox, connectionsOf(context, sandbox));
    };
    const problem = `its link ${endpoint.link} is gone`;
    return [{ subject, problem, remedy: "it is connected anew", repair }];
  }
  const place = { host: context.host, sandbox: namespace, network, endpoint };
  const look = () => driverOf(context, "plan", network).inspectEndpoint(place);
  const findings = await findingsOf(subject, look);
  if (missing === undefined) return findings;
  const repair = () => repairSettings(namespace, endpoint);
  const problem = `${endpoint.link} is down or lacks addresses`;
  return [...findings, { subject, problem, remedy: "it gets them and is raised", repair }];
}

/** What was mended can show what else is to be mended: a bridge's ports once there is a bridge. */
const mostRounds = 4;

/** Mends what is not as the plan says, one thing after another, and tells of each. */
export async function repairHost(context: Context, fence: Condition): Promise<Repair[]> {
  // Bridges that are made anew know nothing of it.
  context.loopbackRouted.clear();
  const repairs: Repair[] = [];
  for (let round = 0; round < mostRounds; round += 1) {
    const findings = await inspectHost(context);
    for (const finding of findings) repairs.push(await mend(context, finding));
    await ensureSettings(context, fence);
    if (findings.length === 0 || repairs.some(({ error }) => error !== undefined)) break;
  }
  return repairs;
}

async function mend(
  { lock }: Context,
  { subject, problem, remedy, repair }: Finding,
): Promise<Repair> {
  lock.check("reconcile");
  try {
    await repair();
    return { subject, problem, remedy };
  } catch (error) {
    const cause = asNetworkError("reconcile", subject, error);
    return { subject, problem, remedy, error: cause };
  }
}
