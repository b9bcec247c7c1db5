// The codec against messages that another program once exchanged with the kernel.

import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Namespace, openNamespace } from "../../lib/index.ts";
import { native, type SchemaRow } from "../../lib/native.ts";
import type { OperationName } from "../../lib/rtnl/operations.ts";
import { canonical, encodeGolden, type Golden, readGolden } from "../support/golden.ts";

const goldenDirectory = fileURLToPath(new URL("../golden", import.meta.url));
const headerLength = 16; // struct nlmsghdr

const get = 0x1; // NLM_F_REQUEST alone: the answer is the acknowledgement
const query = 0x1; // NLM_F_REQUEST; the answer is acknowledgement enough
const request = query | 0x4; // NLM_F_ACK
const create = request | 0x200 | 0x400; // NLM_F_EXCL | NLM_F_CREATE
const replace = request | 0x100 | 0x400; // NLM_F_REPLACE | NLM_F_CREATE
const dump = request | 0x300; // NLM_F_DUMP
const echo = 0x8; // NLM_F_ECHO
const append = 0x800; // NLM_F_APPEND

/** include/uapi/linux/rtnetlink.h: the message of each operation, its flags, and its noun. */
const messages = {
  createLink: [16, create | echo, "link"],
  setLink: [16, request, "link"],
  moveLink: [16, request, "link"],
  deleteLink: [17, request, "link"],
  getLink: [18, get, "link"],
  listLinks: [18, dump, "link"],
  addAlternativeNames: [108, create | append, "link"],
  removeAlternativeNames: [109, request, "link"],
  addAddress: [20, create, "address"],
  replaceAddress: [20, replace, "address"],
  removeAddress: [21, request, "address"],
  listAddresses: [22, dump, "address"],
  addRoute: [24, create, "route"],
  replaceRoute: [24, replace, "route"],
  removeRoute: [25, request, "route"],
  listRoutes: [26, dump, "route"],
  getRoute: [26, get, "route"],
  addNeighbour: [28, create, "neighbour"],
  replaceNeighbour: [28, replace, "neighbour"],
  removeNeighbour: [29, request, "neighbour"],
  listNeighbours: [30, dump, "neighbour"],
  addFdbEntry: [28, create, "fdbEntry"],
  replaceFdbEntry: [28, replace, "fdbEntry"],
  removeFdbEntry: [29, request, "fdbEntry"],
  listFdbEntries: [30, dump, "fdbEntry"],
  addRule: [32, create, "rule"],
  removeRule: [33, request, "rule"],
  listRules: [34, dump, "rule"],
  setNamespaceId: [88, request, "namespaceId"],
  getNamespaceId: [90, get, "namespaceId"],
  getCounters: [94, get, "statistics"],
  listCounters: [94, dump, "statistics"],
} as const satisfies Record<OperationName, readonly [number, number, string]>;

const change = request | 0x400; // NLM_F_CREATE
const table = "netfilter.nftTable";
const chain = "netfilter.nftChain";
const set = "netfilter.nftSet";
const elements = "netfilter.nftElements";
const rule = "netfilter.nftRule";
const connection = "netfilter.connection";

/** The same of netfilter: include/uapi/linux/netfilter/nf_tables.h, nfnetlink_conntrack.h. */
const netfilterMessages: Readonly<Record<string, readonly [number, number, string]>> = {
  "netfilter.addTable": [0xa00, change, table],
  "netfilter.createTable": [0xa00, create, table],
  "netfilter.listTables": [0xa01, dump, table],
  "netfilter.deleteTable": [0xa02, request, table],
  "netfilter.addChain": [0xa03, change, chain],
  "netfilter.listChains": [0xa04, dump, chain],
  "netfilter.deleteChain": [0xa05, request, chain],
  "netfilter.addRule": [0xa06, change | append, rule],
  "netfilter.listRules": [0xa07, dump, rule],
  "netfilter.deleteRules": [0xa08, request, rule],
  "netfilter.addSet": [0xa09, change, set],
  "netfilter.listSets": [0xa0a, dump, set],
  "netfilter.deleteSet": [0xa0b, request, set],
  "netfilter.addElements": [0xa0c, change, elements],
  "netfilter.listElements": [0xa0d, dump, elements],
  "netfilter.deleteElements": [0xa0e, request, elements],
  "netfilter.getGeneration": [0xa10, request, "netfilter.nftGeneration"],
  "netfilter.listConnections": [0x101, dump, connection],
  "netfilter.deleteConnection": [0x102, request, connection],
};

/** The same of XFRM: include/uapi/linux/xfrm.h; a list's answers are of another noun than the question. */
const xfrmMessages: Readonly<Record<string, readonly [number, number, string]>> = {
  "xfrm.addState": [0x10, create, "xfrm.state"],
  "xfrm.deleteState": [0x11, request, "xfrm.stateId"],
  "xfrm.listStates": [0x12, dump, "xfrm.state"],
  "xfrm.addPolicy": [0x13, create, "xfrm.policy"],
  "xfrm.deletePolicy": [0x14, request, "xfrm.policyId"],
  "xfrm.listPolicies": [0x15, dump, "xfrm.policy"],
  "xfrm.replacePolicy": [0x19, replace, "xfrm.policy"],
};

/** The attribute that holds a descriptor, IFLA_NET_NS_FD or NETNSA_FD. */
const descriptorAttributes: Readonly<Record<string, number>> = {
  createLink: 28,
  moveLink: 28,
  getNamespaceId: 3,
  setNamespaceId: 3,
};

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".golden"))
    .sort()
    .map((path) => `${directory}/${path}`);
}

interface NamedGolden {
  readonly file: string;
  readonly golden: Golden;
}

const goldens: NamedGolden[] = filesBelow(goldenDirectory).map((path) => ({
  file: path.slice(goldenDirectory.length + 1),
  golden: readGolden(path),
}));
const requests = goldens.filter(({ file }) => !file.startsWith("replies/"));
const replies = goldens.filter(({ file }) => file.startsWith("replies/"));

function messageOf(golden: Golden): readonly [number, number, string] {
  const message = new Map<string, readonly [number, number, string]>(
    Object.entries({ ...messages, ...netfilterMessages, ...xfrmMessages }),
  );
  const found = message.get(golden.operation);
  if (found === undefined) throw new Error(`unknown operation ${golden.operation}`);
  return found;
}

/** A descriptor's number is chance, so both sides have the same one instead. */
function masked(golden: Golden, text: string): string {
  const type = descriptorAttributes[golden.operation];
  return type === undefined
    ? text
    : text.replace(new RegExp(`^${type}:(?: [0-9a-f]{2}){4}$`, "m"), `${type}: descriptor`);
}

let namespace: Namespace;
beforeAll(async () => {
  namespace = await openNamespace();
});
afterAll(async () => {
  await namespace.close();
});

/** The golden record; the text "current" stands for the namespace of the process. */
function recordOf(golden: Golden): Record<string, unknown> {
  const record = { ...golden.record };
  return record.namespace === "current" ? { ...record, namespace } : record;
}

describe("encoding makes the message that ip, bridge, nft or conntrack sends", () => {
  test.each(requests)("$file", ({ golden }) => {
    const message = native().encode(golden.operation, recordOf(golden));
    const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
    const [type, flags] = messageOf(golden);
    expect(view.getUint32(0, true)).toBe(message.length);
    expect(view.getUint16(4, true)).toBe(type);
    expect(view.getUint16(6, true)).toBe(flags);
    const ours = masked(golden, canonical(golden, message.subarray(headerLength)));
    expect(ours).toBe(masked(golden, canonical(golden, encodeGolden(golden))));
  });
});

function rowsOf(record: Readonly<Record<string, unknown>>, noun: string): SchemaRow[] {
  const schema = native().schema();
  const [room, name = ""] = noun.split(".");
  if (room === "netfilter" || room === "xfrm") return [...(schema[room].nouns[name] ?? [])];
  return [...(schema.nouns[noun] ?? []), ...(schema.kinds[String(record.kind)] ?? [])];
}

/** What reading a message should give of the record that it was made from. */
function readable(
  record: Readonly<Record<string, unknown>>,
  rows: readonly SchemaRow[],
): Record<string, unknown> {
  const link = typeof record.link === "number" ? { index: record.link } : {};
  return { ...link, ...Object.fromEntries(reported(record, rows).map(readableEntry)) };
}

/** Without what is only given, in records inside, too. */
function reported(record: object, rows: readonly SchemaRow[]): [string, unknown][] {
  return Object.entries(record).flatMap(([name, value]): [string, unknown][] => {
    const row = rows.find((candidate) => candidate.name === name && candidate.access !== "given");
    if (row === undefined) return [];
    const isRecord = Object.getPrototypeOf(value) === Object.prototype;
    if (row.fields === undefined || !isRecord) return [[name, value]];
    return [[name, Object.fromEntries(reported(value, row.fields))]];
  });
}

/** Single addresses come back as prefixes of full length; what is only given stays out. */
function readableEntry([name, value]: [string, unknown]): [string, unknown] {
  if ((name === "to" || name === "from") && typeof value === "string" && /^[\d.]+$/.test(value)) {
    return [name, `${value}/32`];
  }
  return [name, name === "port" || name === "expressions" ? withoutGiven(value) : value];
}

/** Without what is only given in ports and expressions, whose tables the schema has elsewhere. */
function withoutGiven(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutGiven);
  if (typeof value !== "object" || value === null) return value;
  const given = ["flushFdb", "setId"];
  return Object.fromEntries(Object.entries(value).filter(([key]) => !given.includes(key)));
}

describe("decoding that message gives back the record", () => {
  // Of what asks, the kernel reads other things than it tells; a rule without action has no table.
  const told = /^(?:netfilter\.|xfrm\.)?(add|replace|create|set|move|delete|remove(?!Rule))/;
  const readBack = requests.filter(({ golden }) => told.test(golden.operation));
  test.each(readBack)("$file", ({ golden }) => {
    const [, , noun] = messageOf(golden);
    const record = native().decode(noun, encodeGolden(golden));
    expect(record).toMatchObject(readable(golden.record, rowsOf(golden.record, noun)));
  });
});

describe("decoding a kernel's answer gives the whole record", () => {
  test.each(replies)("$file", ({ golden }) => {
    const [, , noun] = messageOf(golden);
    expect(native().decode(noun, encodeGolden(golden))).toEqual(golden.record);
  });
});

describe("keys are never read", () => {
  const keyed = requests.filter(({ golden }) => "aead" in golden.record);
  test.each(keyed)("of a state: $file", ({ golden }) => {
    const { aead } = golden.record as { aead: { name: string; key: Uint8Array } };
    expect(aead.key).toHaveLength(36);
    const record = native().decode("xfrm.state", encodeGolden(golden)) as { aead: object };
    expect(Object.keys(record.aead)).toEqual(["name", "keyBits", "icvBits"]);
  });
});

/** Of rtnetlink, netfilter and XFRM. */
function everyNoun(): string[] {
  const { nouns, netfilter, xfrm } = native().schema();
  return [
    ...Object.keys(nouns),
    ...Object.keys(netfilter.nouns).map((name) => `netfilter.${name}`),
    ...Object.keys(xfrm.nouns).map((name) => `xfrm.${name}`),
  ];
}

/** Those that only ask. */
const questions = ["xfrm.stateId", "xfrm.policyId", "xfrm.query"];

describe("the golden messages leave nothing out", () => {
  const covered = (property: string): Set<unknown> =>
    new Set(requests.map(({ golden }) => golden.record[property]));

  test("every operation has one", () => {
    const made = new Set(requests.map(({ golden }) => golden.operation));
    const { operations, netfilter, xfrm } = native().schema();
    const all = [
      ...operations,
      ...netfilter.operations.map((name) => `netfilter.${name}`),
      ...xfrm.operations.map((name) => `xfrm.${name}`),
    ];
    expect(all.filter((name) => !made.has(name))).toEqual([]);
  });

  test("every kind of link has one", () => {
    const kinds = covered("kind");
    expect(Object.keys(native().schema().kinds).filter((kind) => !kinds.has(kind))).toEqual([]);
  });

  test("every kind of port has one", () => {
    const kinds = covered("portKind");
    expect(Object.keys(native().schema().portKinds).filter((kind) => !kinds.has(kind))).toEqual([]);
  });

  test("every noun has an answer", () => {
    const nouns = new Set(replies.map(({ golden }) => messageOf(golden)[2]));
    expect(everyNoun().filter((noun) => !nouns.has(noun))).toEqual(questions);
  });
});

describe("hostile bytes are refused or read, and never harm", () => {
  const nouns = everyNoun();

  /** True if the bytes were read or refused as decode() promises; printing has to survive, too. */
  function survives(noun: string, bytes: Uint8Array): boolean {
    const record = native().decode(noun, bytes);
    const text = native().print(noun, bytes);
    return (record === undefined || typeof record === "object") && typeof text === "string";
  }

  test("messages cut short at every length", () => {
    for (const { golden } of goldens) {
      const bytes = encodeGolden(golden);
      const [, , noun] = messageOf(golden);
      for (let length = 0; length <= bytes.length; length += 1) {
        expect(survives(noun, bytes.slice(0, length))).toBe(true);
      }
    }
  });

  test("headers cut short are refused", () => {
    for (const { golden } of goldens.filter(({ golden }) => golden.header.length > 1)) {
      const [, , noun] = messageOf(golden);
      expect(native().decode(noun, golden.header.slice(0, -1))).toBeUndefined();
    }
  });

  test("flipped bits", () => {
    const flipped = fc.record({
      golden: fc.constantFrom(...goldens.map(({ golden }) => golden)),
      flips: fc.array(fc.nat(), { minLength: 1, maxLength: 16 }),
    });
    fc.assert(
      fc.property(flipped, ({ golden, flips }) => {
        const bytes = encodeGolden(golden);
        for (const flip of flips) {
          const bit = flip % (bytes.length * 8);
          bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        }
        return survives(messageOf(golden)[2], bytes);
      }),
      { seed: 20_251_120, numRuns: 20_000 },
    );
  });

  test("bytes of any kind", () => {
    fc.assert(fc.property(fc.constantFrom(...nouns), fc.uint8Array({ maxLength: 256 }), survives), {
      seed: 20_251_121,
      numRuns: 5_000,
    });
  });

  test.each([0, 1, 3, 0xffff])(
    "attributes that say they are %i bytes long are refused",
    (length) => {
      for (const { golden } of goldens.filter(({ golden }) => golden.attributes.length > 0)) {
        const bytes = encodeGolden(golden);
        const start = (golden.header.length + 3) & ~3;
        new DataView(bytes.buffer).setUint16(start, length, true);
        expect(native().decode(messageOf(golden)[2], bytes)).toBeUndefined();
      }
    },
  );
});
