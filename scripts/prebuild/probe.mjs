// Loads an addon, and has it encode and decode the golden messages of the tests; runs in whatever
// engine loads that addon.
//
//   ENGINE probe.mjs ADDON GOLDEN-READER GOLDEN-DIRECTORY

import { deepStrictEqual } from "node:assert";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const headerLength = 16; // struct nlmsghdr

const [addonPath = "", readerPath = "", directory = ""] = process.argv.slice(2);
/** @type {import("../../lib/native.ts").Native} */
const addon = createRequire(import.meta.url)(addonPath);
/** @type {typeof import("../../test/support/golden.ts")} */
const { canonical, encodeGolden, readGolden } = await import(pathToFileURL(readerPath).href);

const nouns = new Map(
  Object.entries({
    Link: "link",
    Address: "address",
    Route: "route",
    Rule: "rule",
    Neighbour: "neighbour",
    FdbEntr: "fdbEntry",
    Counters: "statistics",
    NamespaceId: "namespaceId",
  }),
);

/** The noun that an answer to an operation is about. @param {string} operation */
function nounOf(operation) {
  const found = [...nouns].find(([part]) => operation.includes(part));
  return operation.startsWith("netfilter.") ? undefined : found?.[1];
}

let encoded = 0;
let decoded = 0;
for (const file of readdirSync(directory, { recursive: true, encoding: "utf8" })) {
  if (!file.endsWith(".golden")) continue;
  const golden = readGolden(join(directory, file));
  if (file.startsWith("replies/")) {
    const noun = nounOf(golden.operation);
    if (noun === undefined) continue;
    deepStrictEqual(addon.decode(noun, encodeGolden(golden)), golden.record, file);
    decoded += 1;
  } else if (golden.record.namespace !== "current") {
    const message = addon.encode(golden.operation, golden.record).subarray(headerLength);
    const theirs = canonical(golden, encodeGolden(golden));
    deepStrictEqual(canonical(golden, message), theirs, file);
    encoded += 1;
  }
}
if (encoded < 50 || decoded < 5) throw new Error(`only ${encoded} and ${decoded} messages`);
const { bun } = process.versions;
const version = bun === undefined ? `Node ${process.version}` : `Bun ${bun}`;
console.log(`encodes ${encoded} messages and decodes ${decoded} in ${version}, ${process.arch}`);
