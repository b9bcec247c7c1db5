// The firewall of a host: its table, kept as the plan wants it.

import { isIPv6 } from "node:net";
import { NetlinkError } from "../../errors.ts";
import { type Connection, deleteConnections, type Tuple } from "../../netfilter/connections.ts";
import { protocols } from "../../netfilter/data.ts";
import {
  addChain,
  addElements,
  addRule,
  addSet,
  type Chain,
  type Change,
  changeRuleset,
  createTable,
  deleteChain,
  deleteElements,
  deleteTable,
  type Element,
  flushChain,
  listChains,
  listElements,
  listRules,
  listTables,
  reportedElement,
  rulesetGeneration,
  type SetShape,
  type TablePlace,
} from "../../netfilter/ruleset.ts";
import type { Namespace } from "../../rtnl/namespace.ts";
import { Batch } from "../../values/batch.ts";
import { groupBy } from "../../values/group.ts";
import { NetworkError } from "../errors.ts";
import { covers } from "./covers.ts";
import {
  type ChainShape,
  chainsOf,
  commonChains,
  elementOf,
  elementsOf,
  type FirewalledNetwork,
  isEveryAddress,
  type PlacedElement,
  type PublishedPort,
  portMaps,
  sets,
} from "./table.ts";

export type { FirewalledNetwork, PublishedPort } from "./table.ts";

/** All that the firewall is to know. */
export interface FirewallPlan {
  readonly networks: readonly FirewalledNetwork[];
  readonly ports: readonly PublishedPort[];
}

/** How the table is named, if not `vethwork`. */
export interface FirewallOptions {
  readonly table?: string;
}

/** Whose a table is: people who list the ruleset read it, and another one of its name has it not. */
const comment = "made by vethwork, which keeps it as it is";

/** What belongs to one set, together. */
function byShape(placed: readonly PlacedElement[]): Map<SetShape, PlacedElement[]> {
  return groupBy(placed, ({ shape }) => shape);
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof NetlinkError && error.code === code;
}

/**
 * The firewall of one host. It keeps no state of its own: what there is, the kernel tells. Its table
 * is its alone; tables of others it never touches.
 */
export class Firewall {
  readonly #host: Namespace;
  readonly #place: TablePlace;
  /** A batch that deletes takes the kernel a grace period, however much it deletes. */
  readonly #changes: Batch<readonly Change[]>;
  /** Looking through all connections takes as long for one question as for many. */
  readonly #forgetting: Batch<(connection: Connection) => boolean>;

  #last: Promise<void> = Promise.resolve();

  constructor(host: Namespace, { table = "vethwork" }: FirewallOptions = {}) {
    this.#host = host;
    this.#place = { family: "inet", table };
    this.#changes = new Batch((changes) => changeRuleset(host, changes.flat()));
    this.#forgetting = new Batch(async (questions) => {
      await deleteConnections(host, (connection) =>
        questions.some((isMeant) => isMeant(connection)),
      );
    });
  }

  /** The table's name. */
  get table(): string {
    return this.#place.table;
  }

  /** A number that every change of the host's ruleset raises, whoever makes it. */
  async generation(): Promise<number> {
    return await rulesetGeneration(this.#host);
  }

  /** Lets a network in, and makes the table if it is not there. Does nothing if it is known. */
  async addNetwork(network: FirewalledNetwork): Promise<void> {
    await this.#inTurn(async () => {
      const found = await this.#find();
      if (found === "foreign") throw this.#taken("addNetwork");
      const common = found === "ours" ? [] : this.#building({ networks: [], ports: [] });
      await changeRuleset(this.#host, [...common, ...this.#addingNetwork(network)]);
    });
  }

  /** Takes a network out; the table goes with the last one. Does nothing if it is not known. */
  async removeNetwork(network: FirewalledNetwork): Promise<void> {
    await this.#inTurn(() => this.#removeNetwork(network));
  }

  async #removeNetwork(network: FirewalledNetwork): Promise<void> {
    if ((await this.#find()) !== "ours") return;
    const own = elementsOf(network);
    const present = await this.#present(own);
    const chains = new Set((await this.#chains()).map(({ chain }) => chain));
    const changes = [
      ...this.#deleting(present),
      ...chainsOf(network)
        .filter(({ chain }) => chains.has(chain))
        .flatMap(({ chain }) => [flushChain(this.#place, chain), deleteChain(this.#place, chain)]),
    ];
    await changeRuleset(this.#host, changes);
    await this.#deleteIfUnused(own);
  }

  /** Sends what comes to these ports on, in one batch. */
  async publish(ports: readonly PublishedPort[]): Promise<void> {
    await this.#changes.add(this.#adding(ports.map(elementOf)));
  }

  /**
   * Sends nothing on any more, and forgets the connections that were. What is not published is
   * passed over.
   */
  async unpublish(ports: readonly PublishedPort[]): Promise<void> {
    const placed = ports.map(elementOf);
    try {
      await this.#changes.add(this.#deleting(placed));
    } catch (error) {
      if (!isCode(error, "ENOENT")) throw error;
      const present = (await this.#find()) === "ours" ? await this.#present(placed) : [];
      await this.#changes.add(this.#deleting(present));
    }
    await this.#forgetting.add((connection) => ports.some(isOf(connection)));
  }

  /** Forgets the connections of addresses that were given back, which the next holder has not made. */
  async forget(addresses: readonly string[]): Promise<void> {
    if (addresses.length === 0) return;
    const gone = new Set(addresses);
    const isMeant = ({ original, reply }: Connection) =>
      [original, reply].some((tuple) =>
        [sourceOf(tuple), destinationOf(tuple)].some((one) => one !== undefined && gone.has(one)),
      );
    await this.#forgetting.add(isMeant);
  }

  /** What the kernel has other than the plan says, as sentences. */
  async differences(plan: FirewallPlan): Promise<readonly string[]> {
    const { table } = this.#place;
    const found = await this.#find();
    if (found !== "ours") {
      const what = found === "foreign" ? "is somebody else's" : "is gone";
      return plan.networks.length === 0 ? [] : [`the table ${table} ${what}`];
    }
    if (plan.networks.length === 0) return [`the table ${table} is there without a network`];
    return [...(await this.#chainDifferences(plan)), ...(await this.#elementDifferences(plan))];
  }

  /**
   * Makes the table what the plan says, in one step: no packet meets it half-made.
   *
   * @throws {NetworkError} `TABLE_TAKEN` if there is another one of its name.
   */
  async restore(plan: FirewallPlan): Promise<void> {
    await this.#inTurn(async () => {
      const found = await this.#find();
      if (found === "foreign") throw this.#taken("restore");
      const old = found === "ours" ? [deleteTable(this.#place)] : [];
      const made = plan.networks.length === 0 ? [] : this.#building(plan);
      await changeRuleset(this.#host, [...old, ...made]);
    });
  }

  /** Does what looks before it changes the table, and so must be alone with it. */
  async #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    await turn;
  }

  /** Whether there is a table of the firewall's name, and whose. */
  async #find(): Promise<"ours" | "foreign" | undefined> {
    const tables = await listTables(this.#host);
    const found = tables.find(
      ({ family, table }) => family === this.#place.family && table === this.#place.table,
    );
    return found && (found.comment === comment ? "ours" : "foreign");
  }

  #taken(operation: string): NetworkError {
    const { family, table: subject } = this.#place;
    const reason = `there is a table ${family} ${subject} that this library has not made`;
    return new NetworkError("TABLE_TAKEN", { operation, subject, reason });
  }

  async #chains(): Promise<Chain[]> {
    const { family, table } = this.#place;
    const chains = await listChains(this.#host);
    return chains.filter((one) => one.family === family && one.table === table);
  }

  /** Those of some elements that are there. */
  async #present(placed: readonly PlacedElement[]): Promise<PlacedElement[]> {
    const present: PlacedElement[] = [];
    for (const [shape, some] of byShape(placed)) {
      const reported = await listElements(this.#host, this.#place, shape.set);
      const keys = new Set(reported.map(({ key }) => String(key)));
      const isThere = ({ element }: PlacedElement) =>
        keys.has(String(reportedElement(shape, element).key));
      present.push(...some.filter(isThere));
    }
    return present;
  }

  async #deleteIfUnused([first]: readonly PlacedElement[]): Promise<void> {
    if (first === undefined) return;
    const left = await listElements(this.#host, this.#place, first.shape.set);
    if (left.length === 0) await changeRuleset(this.#host, [deleteTable(this.#place)]);
  }

  #adding(placed: readonly PlacedElement[]): Change[] {
    return [...byShape(placed)].flatMap(([shape, some]) => {
      const elements = some.map(({ element }) => element);
      return addElements(this.#place, shape, elements);
    });
  }

  #deleting(placed: readonly PlacedElement[]): Change[] {
    return [...byShape(placed)].flatMap(([shape, some]) => {
      const elements = some.map(({ element }) => element);
      return deleteElements(this.#place, shape, elements);
    });
  }

  #addingChains(chains: readonly ChainShape[]): Change[] {
    return chains.flatMap(({ chain, hook, rules }) => [
      addChain(this.#place, chain, hook),
      ...rules.map((expressions) => addRule(this.#place, chain, expressions)),
    ]);
  }

  #addingNetwork(network: FirewalledNetwork): Change[] {
    const chains = chainsOf(network);
    return [
      ...chains.map(({ chain }) => addChain(this.#place, chain)),
      // A network that is known gets its rules once more, in the place of those that it has.
      ...chains.map(({ chain }) => flushChain(this.#place, chain)),
      ...chains.flatMap(({ chain, rules }) =>
        rules.map((expressions) => addRule(this.#place, chain, expressions)),
      ),
      ...this.#adding(elementsOf(network)),
    ];
  }

  #building({ networks, ports }: FirewallPlan): Change[] {
    return [
      // Not one that has come meanwhile: it would get all rules once more.
      createTable(this.#place, comment),
      ...sets.map((shape) => addSet(this.#place, shape)),
      ...this.#addingChains(commonChains),
      ...this.#addingChains(networks.flatMap(chainsOf)),
      ...this.#adding([...networks.flatMap(elementsOf), ...ports.map(elementOf)]),
    ];
  }

  async #chainDifferences({ networks }: FirewallPlan): Promise<string[]> {
    const [present, rules] = await Promise.all([
      this.#chains(),
      listRules(this.#host, this.#place),
    ]);
    const ofChain = groupBy(rules, ({ chain }) => chain);
    const expected = [...commonChains, ...networks.flatMap(chainsOf)];
    const known = new Set(expected.map(({ chain }) => chain));
    const wrong = expected.flatMap(({ chain, hook, rules: wanted }) => {
      const found = present.find((one) => one.chain === chain);
      if (found === undefined) return [`the chain ${chain} is gone`];
      if (!covers(found, hook ?? {})) return [`the chain ${chain} is hooked elsewhere`];
      const reported = (ofChain.get(chain) ?? []).map(({ expressions }) => expressions ?? []);
      return covers(reported, wanted) ? [] : [`the chain ${chain} has other rules`];
    });
    const foreign = present.filter(({ chain }) => !known.has(chain));
    return [...wrong, ...foreign.map(({ chain }) => `the chain ${chain} is not of the plan`)];
  }

  async #elementDifferences({ networks, ports }: FirewallPlan): Promise<string[]> {
    const placed = byShape([...networks.flatMap(elementsOf), ...ports.map(elementOf)]);
    const reports = await Promise.all(
      sets.map(async (shape) => {
        const reported = await listElements(this.#host, this.#place, shape.set);
        return differencesIn(shape, reported, placed.get(shape) ?? []);
      }),
    );
    return reports.flat();
  }
}

function differencesIn(
  shape: SetShape,
  reported: readonly Element[],
  placed: readonly PlacedElement[],
): string[] {
  const byKey = new Map(reported.map((element) => [String(element.key), element]));
  const missing = placed.filter(({ element }) => {
    const expected = reportedElement(shape, element);
    return !covers(byKey.get(String(expected.key)), expected);
  });
  const extra = reported.length - (placed.length - missing.length);
  return [
    ...missing.map(({ element }) => `${shape.set} lacks ${element.key.join(" ")}`),
    ...(extra > 0 ? [`${shape.set} has ${extra} that are not of the plan`] : []),
  ];
}

function sourceOf({ source, source6 }: Tuple): string | undefined {
  return source ?? source6;
}

function destinationOf({ destination, destination6 }: Tuple): string | undefined {
  return destination ?? destination6;
}

/** Whether a connection was sent on by a published port. */
function isOf({ original, reply }: Connection): (port: PublishedPort) => boolean {
  return ({ protocol, hostAddress, hostPort, address, port }) =>
    original.protocol === protocols[protocol] &&
    original.destinationPort === hostPort &&
    sourceOf(reply) === address &&
    reply.sourcePort === port &&
    isIPv6(hostAddress) === (original.source6 !== undefined) &&
    (isEveryAddress(hostAddress) || destinationOf(original) === hostAddress);
}

/** The maps that published ports are in, for those who look at them. */
export const publishedMaps: readonly string[] = portMaps.map(({ set }) => set);

/** A chain of somebody else that may drop what networks need. */
export interface ForeignDrop {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly hook: string;
  readonly priority: number;
  /** Whether it has no rule, so that it accepts nothing. */
  readonly empty: boolean;
}

/**
 * Base chains of other tables that drop what no rule of theirs accepts: what our table accepts,
 * another one can still drop. At the hook `forward` it is the traffic of networks, at `input` and
 * `output` that between them and the host, which uses published ports, too.
 */
export async function foreignDrops(
  host: Namespace,
  table = "vethwork",
): Promise<readonly ForeignDrop[]> {
  const [tables, chains] = await Promise.all([listTables(host), listChains(host)]);
  const isOther = (of: TablePlace) => of.family !== "inet" || of.table !== table;
  const isAwake = (of: TablePlace) =>
    tables.some(
      (one) =>
        one.family === of.family && one.table === of.table && !one.flags?.includes("dormant"),
    );
  const drops = chains.filter((one) => one.policy === "drop" && isOther(one) && isAwake(one));
  return await Promise.all(
    drops.flatMap(({ family, table: of, chain, hook, priority = 0 }) => {
      if (hook === undefined) return [];
      return listRules(host, { family, table: of }).then((rules) => {
        const empty = !rules.some((rule) => rule.chain === chain);
        return { family, table: of, chain, hook, priority, empty };
      });
    }),
  );
}
