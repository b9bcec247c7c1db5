// The table of a sandbox: where its questions for names go, and its connections to virtual addresses.

import { isIPv6 } from "node:net";
import { isDeepStrictEqual } from "node:util";
import { NetlinkError } from "../../errors.ts";
import { deleteConnections } from "../../netfilter/connections.ts";
import { protocols } from "../../netfilter/data.ts";
import {
  destinationPort,
  type Expression,
  equals,
  ip6Destination,
  ipDestination,
  protocol,
  rule,
  spreadBy,
  translateTo,
} from "../../netfilter/rule.ts";
import {
  addChain,
  addElements,
  addRule,
  addSet,
  addTable,
  type Change,
  changeRuleset,
  createTable,
  deleteTable,
  listChains,
  listElements,
  listRules,
  reportedElement,
  type SetShape,
  type TablePlace,
} from "../../netfilter/ruleset.ts";
import type { Namespace } from "../../rtnl/namespace.ts";
import { covers } from "./covers.ts";

/** Where names are asked for. */
const nameServer = "127.0.0.11";
const namePort = 53;

const names: TablePlace = { family: "ip", table: "vethwork-names" };
const output = { type: "nat", hook: "output", priority: -100, policy: "accept" } as const;

function sendTo(name: "tcp" | "udp", port: number): Expression[] {
  return rule(
    equals(ipDestination, nameServer),
    equals(protocol, protocols[name]),
    equals(destinationPort, namePort),
    translateTo("ip", nameServer, port),
  );
}

/** Where a sandbox's name server listens, at its 127.0.0.11. */
export interface NamePorts {
  readonly udp: number;
  readonly tcp: number;
}

function redirections(ports: NamePorts): Expression[][] {
  return [sendTo("udp", ports.udp), sendTo("tcp", ports.tcp)];
}

/**
 * Sends what a sandbox asks 127.0.0.11 for names on to these ports there; port 53 itself stays free
 * for the sandbox's own use. Ports that were said before are forgotten.
 */
export async function redirectNames(sandbox: Namespace, ports: NamePorts): Promise<void> {
  await replaceTable(sandbox, names, [
    addChain(names, "output", output),
    ...redirections(ports).map((expressions) => addRule(names, "output", expressions)),
  ]);
}

/** Whether that is in force. */
export async function redirectsNames(sandbox: Namespace, ports: NamePorts): Promise<boolean> {
  const chains = await listChains(sandbox);
  const [chain] = chains.filter(({ family, table }) => isDeepStrictEqual({ family, table }, names));
  if (chain === undefined || !covers(chain, output)) return false;
  const rules = await listRules(sandbox, names);
  return covers(
    rules.map(({ expressions }) => expressions ?? []),
    redirections(ports),
  );
}

/**
 * Makes a table, in the place of one that is there. That one is not deleted on suspicion: a deletion
 * takes the kernel a grace period, and most sandboxes are new.
 */
async function replaceTable(
  sandbox: Namespace,
  place: TablePlace,
  content: readonly Change[],
): Promise<void> {
  try {
    await changeRuleset(sandbox, [createTable(place), ...content]);
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.code !== "EEXIST") throw error;
    await changeRuleset(sandbox, [deleteTable(place), createTable(place), ...content]);
  }
}

/** Has names asked for at 127.0.0.11 reach nobody in particular any more. */
export async function stopRedirecting(sandbox: Namespace): Promise<void> {
  await changeRuleset(sandbox, [addTable(names), deleteTable(names)]);
}

/** Which table spreads connections to a virtual address. */
function spreadingPlace(virtual: string): TablePlace {
  // nft(8) takes no colons in the names of tables.
  const table = `vethwork-${virtual.replaceAll(":", "-")}`;
  return { family: isIPv6(virtual) ? "ip6" : "ip", table };
}

/** The holders as elements of a map, by their numbers. */
function spreadingElements(virtual: string, holders: readonly string[]) {
  const data = [isIPv6(virtual) ? "ipv6_addr" : "ipv4_addr"] as const;
  const shape: SetShape = { set: "holders", key: ["mark"], data };
  return { shape, elements: holders.map((holder, n) => ({ key: [n], data: [holder] })) };
}

function spreadingRule(virtual: string, count: number): Expression[] {
  const six = isIPv6(virtual);
  return rule(
    equals(six ? ip6Destination : ipDestination, virtual),
    spreadBy(six ? "ip6" : "ip", count, "holders"),
  );
}

/**
 * Spreads a sandbox's connections to a virtual address over those who hold it, by chance; without
 * holders it is nobody's. What was said before is forgotten, in the same step, and then connections
 * with those who hold it no more.
 */
export async function spreadAddress(
  sandbox: Namespace,
  virtual: string,
  holders: readonly string[],
): Promise<void> {
  const place = spreadingPlace(virtual);
  if (holders.length === 0) {
    // Added first, so that there is one to delete.
    await changeRuleset(sandbox, [addTable(place), deleteTable(place)]);
  } else {
    const { shape, elements } = spreadingElements(virtual, holders);
    await replaceTable(sandbox, place, [
      addSet(place, shape),
      addChain(place, "output", output),
      ...addElements(place, shape, elements),
      addRule(place, "output", spreadingRule(virtual, holders.length)),
    ]);
  }
  const present = new Set<string | undefined>(holders);
  await deleteConnections(sandbox, ({ original, reply }) => {
    const isMeant = (original.destination ?? original.destination6) === virtual;
    return isMeant && !present.has(reply.source ?? reply.source6);
  });
}

/** Whether that is in force. */
export async function spreadsAddress(
  sandbox: Namespace,
  virtual: string,
  holders: readonly string[],
): Promise<boolean> {
  const place = spreadingPlace(virtual);
  const chains = await listChains(sandbox);
  const [chain] = chains.filter(({ family, table }) => isDeepStrictEqual({ family, table }, place));
  if (chain === undefined || holders.length === 0)
    return chain === undefined && holders.length === 0;
  const { shape, elements } = spreadingElements(virtual, holders);
  const rules = await listRules(sandbox, place);
  const reported = await listElements(sandbox, place, shape.set);
  const byKey = new Map(reported.map((element) => [String(element.key), element]));
  const expected = elements.map((element) => reportedElement(shape, element));
  return (
    covers(chain, output) &&
    covers(
      rules.map(({ expressions }) => expressions ?? []),
      [spreadingRule(virtual, holders.length)],
    ) &&
    reported.length === expected.length &&
    expected.every((element) => covers(byKey.get(String(element.key)), element))
  );
}
