// The names of one network, and the addresses of those who hold them.

import { isIPv6 } from "node:net";
import { invalidArgument, refuseUnknown } from "../../errors.ts";
import { writeRecord } from "../../values/dns-message.ts";
import { checkDnsName, checkEach, checkIpAddress, reverseNameOf } from "./name.ts";

/** Who is to be found in a network, and by which names. */
export interface HolderSpec {
  /** The name that reverse look-ups answer. */
  readonly name: string;
  /** Further names; others may hold the same ones. Default: none. */
  readonly aliases?: readonly string[];
  /** IPv4 and IPv6 addresses; at least one. */
  readonly addresses: readonly string[];
  /** Whether the names stand for this one alone, whoever else holds them. Default: false. */
  readonly alone?: boolean;
}

/** One that was added to a {@link Zone}: what {@link Zone.remove} takes. */
export interface Holder {
  /** In the form in which names are compared. */
  readonly name: string;
  readonly addresses: readonly string[];
  readonly alone: boolean;
}

/** The types of records that there are. */
type RecordType = "A" | "AAAA" | "PTR";

/** Records of one type, and the place of the one to begin with. */
export interface Turn {
  readonly records: readonly Buffer[];
  readonly first: number;
}

/** Seconds for which an answer may be kept: Docker's. */
const ttl = 600;

/** Records of one holder, ready to be sent. */
type Records = { readonly [Type in RecordType]?: readonly Buffer[] };

/** Records of several holders, and whose turn it is to come first. */
interface Answers {
  readonly records: readonly Buffer[];
  turn: number;
}

/** What a name stands for. */
export class Name {
  readonly #holders = new Map<Holder, Records>();
  readonly #answers = new Map<RecordType, Answers>();

  /** True if nobody holds it. */
  get free(): boolean {
    return this.#holders.size === 0;
  }

  /** @internal */
  add(holder: Holder, records: Records): void {
    this.#holders.set(holder, records);
    this.#answers.clear();
  }

  /** @internal */
  remove(holder: Holder): void {
    this.#holders.delete(holder);
    this.#answers.clear();
  }

  /**
   * The records of a type, none if the name has none of it, beginning with the next one each time.
   * Each type has turns of its own, because resolvers ask for A and AAAA in
   * pairs, and would find the same holder first for ever.
   */
  take(type: RecordType): Turn {
    const answers = this.#answers.get(type) ?? this.#collect(type);
    const { records, turn: first } = answers;
    answers.turn = first + 1 < records.length ? first + 1 : 0;
    return { records, first };
  }

  #collect(type: RecordType): Answers {
    const all = [...this.#holders];
    const alone = all.filter(([holder]) => holder.alone);
    const answering = alone.length > 0 ? alone : all;
    const records = answering.flatMap(([, held]) => held[type] ?? []);
    const answers = { records, turn: 0 };
    this.#answers.set(type, answers);
    return answers;
  }
}

/**
 * The names of one network: each holder's name, its aliases, both also with the network's name
 * behind (`"web.backend"`), and the names of reverse look-ups. Case does not matter.
 *
 * Adding and removing take the same time however many there are.
 */
export class Zone {
  /** The network's name, in the form in which names are compared. */
  readonly network: string;
  readonly #names = new Map<string, Name>();
  readonly #holders = new Map<Holder, readonly string[]>();

  /** @throws {RangeError} `ERR_OUT_OF_RANGE` if the network's name is no host name. */
  constructor(network: string) {
    this.network = checkDnsName(network, "network");
  }

  /** How many names there are, those of reverse look-ups included. */
  get size(): number {
    return this.#names.size;
  }

  /** What the name stands for, if anybody holds it. The name is in lower case. */
  find(name: string): Name | undefined {
    return this.#names.get(name);
  }

  /**
   * Adds one who is found by its names from now on. Two may have names in common: those are answered
   * with the addresses of both, beginning with the next holder each time.
   *
   * @throws {RangeError} `ERR_OUT_OF_RANGE` if a name is no host name, an address none, or a name
   *   and the network's together are too long. Nothing is added then.
   */
  add(spec: HolderSpec): Holder {
    refuseUnknown("spec", spec, ["name", "aliases", "addresses", "alone"]);
    const name = checkDnsName(spec.name, "name");
    const names = [name, ...checkEach(spec.aliases ?? [], "aliases", checkDnsName)];
    const addresses = checkEach(spec.addresses, "addresses", checkIpAddress);
    if (addresses.length === 0) throw invalidArgument("range", "addresses", "must not be empty");
    const holder = { name, addresses, alone: spec.alone === true };
    const forward = recordsOf(addresses);
    const reverse = { PTR: [writeRecord("PTR", this.#qualified(name, "name"), ttl)] };
    const records = new Map<string, Records>();
    for (const [n, one] of names.entries()) {
      records.set(one, forward);
      records.set(this.#qualified(one, n === 0 ? "name" : `aliases[${n - 1}]`), forward);
    }
    for (const address of addresses) records.set(reverseNameOf(address), reverse);
    for (const [key, held] of records) this.#nameAt(key).add(holder, held);
    this.#holders.set(holder, [...records.keys()]);
    return holder;
  }

  /** Takes one away, at once. Nothing happens if it is gone. */
  remove(holder: Holder): void {
    for (const key of this.#holders.get(holder) ?? []) {
      const name = this.#nameAt(key);
      name.remove(holder);
      if (name.free) this.#names.delete(key);
    }
    this.#holders.delete(holder);
  }

  #nameAt(key: string): Name {
    const name = this.#names.get(key) ?? new Name();
    this.#names.set(key, name);
    return name;
  }

  #qualified(name: string, property: string): string {
    return checkDnsName(`${name}.${this.network}`, property);
  }
}

function recordsOf(addresses: readonly string[]): Records {
  const write = (type: "A" | "AAAA", some: readonly string[]) =>
    some.map((address) => writeRecord(type, address, ttl));
  return {
    A: write(
      "A",
      addresses.filter((address) => !isIPv6(address)),
    ),
    AAAA: write(
      "AAAA",
      addresses.filter((address) => isIPv6(address)),
    ),
  };
}
