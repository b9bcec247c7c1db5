// Golden messages: what another program once sent to the kernel, as text.
//
//     # ip link add br0 type bridge stp_state 1
//     operation: createLink
//     record: {"kind":"bridge","name":"br0","stp":true}
//     header: 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
//     3: 62 72 30 00                    # IFLA_IFNAME "br0"
//     18:                               # IFLA_LINKINFO
//       1: 62 72 69 64 67 65            # IFLA_INFO_KIND "bridge"
//       2:                              # IFLA_INFO_DATA
//         5: 01 00 00 00                # IFLA_BR_STP_STATE
//
// `header` is the family header: what follows nlmsghdr. A nest that begins with a family header of
// its own (a veth's peer) has a `header` line, too. In a record, "123n" is a bigint and
// {"hex":"00 01"} are bytes. A quoted text in a comment says that the value is text. Nothing here
// uses the native code, which these files are to judge.

import { readFileSync } from "node:fs";

/** One attribute; its type is without flag bits. */
export type GoldenAttribute =
  | { readonly type: number; readonly value: Uint8Array; readonly text: boolean }
  | {
      readonly type: number;
      /** Empty for nests of attributes alone. */
      readonly header: Uint8Array;
      readonly nested: readonly GoldenAttribute[];
    };

/** One golden file. */
export interface Golden {
  /** The first comment: the command, as a rule. */
  readonly command: string;
  readonly operation: string;
  readonly record: Readonly<Record<string, unknown>>;
  readonly header: Uint8Array;
  readonly attributes: readonly GoldenAttribute[];
}

interface Line {
  readonly indent: number;
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly text: boolean;
}

/** Reads a golden file. */
export function readGolden(path: string | URL): Golden {
  const lines = readFileSync(path, "utf8").split("\n");
  const attributeLines = lines
    .filter((line) => /^ *(?:header|\d+):/.test(line))
    .map((line) => parseLine(line));
  const { header, attributes } = parseLevel(attributeLines, 0, { next: 0 });
  return {
    command: (lines[0] ?? "").replace(/^# ?/, ""),
    operation: field(lines, "operation"),
    record: JSON.parse(field(lines, "record"), revive),
    header,
    attributes,
  };
}

/** The golden message after its nlmsghdr: header and attributes, padded. */
export function encodeGolden(golden: Golden): Uint8Array {
  return encodeLevel(golden.header, golden.attributes);
}

/**
 * The bytes of a message after its nlmsghdr as text: a line for each attribute, sorted by number
 * within its nest; those of a list stay in their order. Nests are what the golden message has as nests, and what is marked as one (NLA_F_NESTED);
 * the NUL behind a text is left out.
 */
export function canonical(golden: Golden, bytes: Uint8Array): string {
  return canonicalLevel(bytes, golden.header.length, golden.attributes, "").join("\n");
}

function field(lines: readonly string[], name: string): string {
  const line = lines.find((candidate) => candidate.startsWith(`${name}: `));
  if (line === undefined) throw new Error(`golden file without ${name}`);
  return line.slice(name.length + 2);
}

function revive(_key: string, value: unknown): unknown {
  if (typeof value === "string" && /^-?\d+n$/.test(value)) return BigInt(value.slice(0, -1));
  if (typeof value === "object" && value !== null && "hex" in value) {
    return parseHex(String(value.hex));
  }
  return value;
}

function parseHex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/[0-9a-f]{2}/g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function parseLine(line: string): Line {
  const match = /^( *)(\w+):((?: [0-9a-f]{2})*) *(#.*)?$/.exec(line);
  if (match === null) throw new Error(`not a line of a golden file: ${line}`);
  const [, indent = "", key = "", hex = "", comment = ""] = match;
  return { indent: indent.length, key, bytes: parseHex(hex), text: /".*"/.test(comment) };
}

function parseLevel(
  lines: readonly Line[],
  indent: number,
  cursor: { next: number },
): { header: Uint8Array; attributes: GoldenAttribute[] } {
  let header = new Uint8Array();
  const attributes: GoldenAttribute[] = [];
  for (let line = lines[cursor.next]; line?.indent === indent; line = lines[cursor.next]) {
    cursor.next += 1;
    const inside = lines[cursor.next]?.indent ?? 0;
    if (line.key === "header") {
      header = Uint8Array.from(line.bytes);
    } else if (inside > indent) {
      const level = parseLevel(lines, inside, cursor);
      attributes.push({
        type: Number(line.key),
        header: level.header,
        nested: level.attributes,
      });
    } else {
      attributes.push({ type: Number(line.key), value: line.bytes, text: line.text });
    }
  }
  return { header, attributes };
}

function align(length: number): number {
  return (length + 3) & ~3;
}

function encodeLevel(header: Uint8Array, attributes: readonly GoldenAttribute[]): Uint8Array {
  const parts = [padded(header), ...attributes.map((attribute) => encodeAttribute(attribute))];
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function encodeAttribute(attribute: GoldenAttribute): Uint8Array {
  const value =
    "nested" in attribute ? encodeLevel(attribute.header, attribute.nested) : attribute.value;
  const bytes = new Uint8Array(4 + value.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, bytes.length, true);
  view.setUint16(2, attribute.type, true);
  bytes.set(value, 4);
  return padded(bytes);
}

function padded(bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(align(bytes.length));
  result.set(bytes);
  return result;
}

function canonicalLevel(
  bytes: Uint8Array,
  headerLength: number,
  golden: readonly GoldenAttribute[],
  indent: string,
): string[] {
  const header = bytes.subarray(0, headerLength);
  const lines = headerLength === 0 ? [] : [`${indent}header:${formatHex(header)}`];
  const blocks: { type: number; text: string }[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = align(headerLength);
  while (offset < bytes.length) {
    const length = view.getUint16(offset, true);
    if (length < 4 || offset + length > bytes.length) throw new Error(`malformed at ${offset}`);
    const type = view.getUint16(offset + 2, true);
    const value = bytes.subarray(offset + 4, offset + length);
    const alike = golden.filter((attribute) => attribute.type === (type & 0x3fff));
    const before = blocks.filter((block) => block.type === (type & 0x3fff)).length;
    const expected = alike[before] ?? alike[0];
    blocks.push({ type: type & 0x3fff, text: canonicalAttribute(type, value, expected, indent) });
    offset += align(length);
  }
  blocks.sort((a, b) => a.type - b.type);
  return [...lines, ...blocks.map((block) => block.text)];
}

function canonicalAttribute(
  flaggedType: number,
  value: Uint8Array,
  expected: GoldenAttribute | undefined,
  indent: string,
): string {
  const type = flaggedType & 0x3fff;
  const line = `${indent}${type}:`;
  if (expected !== undefined && "nested" in expected) {
    const { header, nested } = expected;
    return [line, ...canonicalLevel(value, header.length, nested, `${indent}  `)].join("\n");
  }
  if ((flaggedType & 0x8000) !== 0) {
    return [line, ...canonicalLevel(value, 0, [], `${indent}  `)].join("\n");
  }
  const text = expected?.text === true && value.at(-1) === 0;
  return line + formatHex(text ? value.subarray(0, -1) : value);
}

function formatHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => ` ${byte.toString(16).padStart(2, "0")}`).join("");
}
