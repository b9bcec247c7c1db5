// What keeps the networks of a host from working, and what helps; nothing is changed.

import type { Context } from "../context.ts";
import { servesNames } from "../names.ts";
import {
  inspectFirewall,
  inspectNetworks,
  inspectSandboxes,
  inspectSettings,
  madeOf,
  type PlannedRepair,
} from "../reconcile.ts";
import { placeAmongHosts } from "./across.ts";
import { type Diagnosis, type DiagnosisCode, quoted } from "./diagnosis.ts";
import { orphans } from "./orphans.ts";
import { bridgeFilters, drops, overlaps } from "./others.ts";
import { missingCapabilities, unwritablePlaces } from "./permissions.ts";
import { vxlans } from "./vxlan.ts";

const mending = "vethwork serve, or vethwork doctor --repair, mends it";

function differing(code: DiagnosisCode, differences: readonly PlannedRepair[]): Diagnosis[] {
  return differences.map(({ subject, problem, remedy }) => {
    const fix = remedy.startsWith("none: ") ? remedy.slice(6) : `${mending}: ${remedy}`;
    return { code, level: "error", subject, problem, fix };
  });
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

/** All that is wrong, errors first. */
export async function diagnose(context: Context): Promise<Diagnosis[]> {
  await Promise.all([context.plan.refresh(), context.cluster.view.refresh()]);
  const missing = await missingCapabilities(context);
  if (missing.length > 0) return missing;
  const all = [
    await unwritablePlaces(),
    differing("FORWARDING_OFF", await inspectSettings(context)),
    differing("TABLE_DIFFERS", await inspectFirewall(context)),
    differing("PLAN_DIFFERS", await inspectNetworks(context)),
    differing("PLAN_DIFFERS", await inspectSandboxes(context)),
    await drops(context),
    await unserved(context),
    await overlaps(context),
    await bridgeFilters(context),
    await placeAmongHosts(context),
    await vxlans(context),
    await orphans(context),
  ].flat();
  return all.toSorted(
    (one, other) => Number(one.level > other.level) - Number(one.level < other.level),
  );
}
