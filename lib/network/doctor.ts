// What is wrong with a host, and what mends it: more than a reconciliation could mend.

import { readFileSync } from "node:fs";
import { listRoutes } from "../rtnl/route.ts";
import { parseBlock } from "../values/block.ts";
import type { Context } from "./context.ts";
import { overlap } from "./ipam/blocks.ts";
import type { Network } from "./model.ts";
import { servesNames } from "./names.ts";
import { foreignDrops } from "./nat/firewall.ts";
import { firewalled } from "./networks.ts";
import { inspectHost } from "./reconcile.ts";

/** Something that is wrong, and what mends it. */
export interface Diagnosis {
  /** `"error"`: something does not work. `"warning"`: it will not, or not for long. */
  readonly level: "error" | "warning";
  /** `network "web"`, `the host` */
  readonly subject: string;
  /** A sentence. */
  readonly problem: string;
  /** What to do, a sentence. */
  readonly fix: string;
}

/** Capabilities by their bits. @see include/uapi/linux/capability.h */
const capabilities = [
  { name: "CAP_NET_ADMIN", bit: 12n, use: "links, addresses, routes and rules are changed" },
  { name: "CAP_SYS_ADMIN", bit: 21n, use: "namespaces are made and entered" },
] as const;

function missingCapabilities(): Diagnosis[] {
  const status = readFileSync("/proc/self/status", "utf8");
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return capabilities
    .filter(({ bit }) => ((effective >> bit) & 1n) === 0n)
    .map(({ name, use }) => ({
      ...{ level: "error", subject: "the process", problem: `it lacks ${name}, by which ${use}` },
      fix: "run it as root, or in a container that has the capability",
    }));
}

/** What a reconciliation would mend. */
async function deviations(context: Context): Promise<Diagnosis[]> {
  const findings = await inspectHost(context);
  return findings.map(({ subject, problem, remedy }) => ({
    ...{ level: "error", subject, problem },
    fix: `reconcile, as \`vethwork serve\` does: ${remedy}`,
  }));
}

/** Chains of others that drop what our table lets through. */
async function drops({ host, firewall }: Context): Promise<Diagnosis[]> {
  const chains = await foreignDrops(host, firewall.table);
  return chains.map(({ family, table, chain, hook }) => ({
    level: "error",
    subject: `table ${family} ${table}`,
    problem: `its chain ${chain} at ${hook} drops what no rule of it accepts, also of our networks`,
    fix: `accept there what comes from and goes to the networks' bridges, or set the policy to accept`,
  }));
}

/** Sandboxes with names whom no controller serves. */
async function unserved({ plan, store, keys, drivers }: Context): Promise<Diagnosis[]> {
  const named = [...plan.networks.values()].filter(({ value }) => servesNames({ drivers }, value));
  const waiting = named.some(({ value: { id } }) => plan.countOn(id) > 0);
  if (!waiting || (await store.get(keys.names)) !== undefined) return [];
  const problem = "no controller serves the names of its sandboxes";
  const fix = "keep `vethwork serve` running, or a controller open";
  return [{ level: "error", subject: "the host", problem, fix }];
}

/** Routes of others that lead where a network is. */
async function contested(context: Context, networks: readonly Network[]): Promise<Diagnosis[]> {
  const routes = await listRoutes(context.host);
  const ours = networks.flatMap((network) => {
    const behind = firewalled(context, network);
    return behind === undefined ? [] : [{ network, ...behind }];
  });
  const foreign = routes.filter(({ to, via }) => to !== "default" && via !== undefined);
  return ours.flatMap(({ network, subnets }) =>
    subnets.flatMap((subnet) =>
      foreign
        .filter(({ to }) => overlap(parseBlock(subnet), parseBlock(to)))
        .map(({ to, via }) => ({
          level: "warning" as const,
          subject: `network ${JSON.stringify(network.name)}`,
          problem: `the host's route to ${to} via ${via} overlaps its subnet ${subnet}`,
          fix: "remove that route, or make the network with another subnet",
        })),
    ),
  );
}

/** Everything that is wrong, errors first. */
export async function diagnose(context: Context): Promise<Diagnosis[]> {
  const missing = missingCapabilities();
  if (missing.length > 0) return missing;
  await context.plan.refresh();
  const networks = [...context.plan.networks.values()].map(({ value }) => value);
  const routed = networks.some((network) => firewalled(context, network) !== undefined);
  const all = await Promise.all([
    deviations(context),
    routed ? drops(context) : [],
    unserved(context),
    contested(context, networks),
  ]);
  return all.flat().toSorted((one, other) => one.level.localeCompare(other.level));
}
