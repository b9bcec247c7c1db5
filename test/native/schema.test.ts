// The native tables and the TypeScript facade say the same.

import { describe, expect, test } from "vitest";
import { linkKinds, portKinds } from "../../lib/index.ts";
import { native, type SchemaRow } from "../../lib/native.ts";
import type { OperationName } from "../../lib/rtnl/operations.ts";
import { furtherSamples, kindSamples, portSamples } from "../rtnl/kinds.samples.ts";

const operationNames = {
  createLink: true,
  setLink: true,
  moveLink: true,
  deleteLink: true,
  getLink: true,
  listLinks: true,
  addAlternativeNames: true,
  removeAlternativeNames: true,
  addAddress: true,
  replaceAddress: true,
  removeAddress: true,
  listAddresses: true,
  addRoute: true,
  replaceRoute: true,
  removeRoute: true,
  listRoutes: true,
  getRoute: true,
  addNeighbour: true,
  replaceNeighbour: true,
  removeNeighbour: true,
  listNeighbours: true,
  addFdbEntry: true,
  replaceFdbEntry: true,
  removeFdbEntry: true,
  listFdbEntries: true,
  addRule: true,
  removeRule: true,
  listRules: true,
  getNamespaceId: true,
  setNamespaceId: true,
  getCounters: true,
  listCounters: true,
} satisfies Record<OperationName, true>;

/** The properties that can be given, each once: some have a row for each direction. */
function givable(rows: readonly SchemaRow[] | undefined): string[] {
  const names = (rows ?? []).filter((row) => row.access !== "reported").map((row) => row.name);
  return [...new Set(names)].sort();
}

function keysOf(...samples: readonly object[]): string[] {
  return [...new Set(samples.flatMap((sample) => Object.keys(sample)))].sort();
}

test("the native operations are those of the facade", () => {
  expect([...native().schema().operations].sort()).toEqual(Object.keys(operationNames).sort());
});

test("the native kinds of links are those of the facade", () => {
  expect(Object.keys(native().schema().kinds).sort()).toEqual([...linkKinds].sort());
});

test("the native kinds of ports are those of the facade", () => {
  expect(Object.keys(native().schema().portKinds).sort()).toEqual([...portKinds].sort());
});

describe("the options of a kind are the native table's", () => {
  test.each(linkKinds)("%s", (kind) => {
    const keys = keysOf(kindSamples[kind], ...(furtherSamples[kind] ?? []));
    expect(keys).toEqual(givable(native().schema().kinds[kind]));
  });
});

describe("the options of a port are the native table's", () => {
  test.each(portKinds)("%s", (kind) => {
    expect(keysOf(portSamples[kind])).toEqual(givable(native().schema().portKinds[kind]));
  });
});

test("no option of a kind is named like a property that every link has", () => {
  const schema = native().schema();
  const common = new Set((schema.nouns.link ?? []).map((row) => row.name));
  for (const [kind, rows] of Object.entries(schema.kinds)) {
    const shared = rows.map((row) => row.name).filter((name) => common.has(name));
    expect(shared, kind).toEqual([]);
  }
});
