// Captures what `ip`, `nft` or `conntrack` send to the kernel, as a golden file (see
// test/support/golden.ts).
//
//     node scripts/golden.mjs COMMAND [RECORD [OPERATION]] > test/golden/link/KIND.golden
//     node scripts/golden.mjs COMMAND RECORD netfilter.addRule > test/golden/netfilter/rule/….golden
//     node scripts/golden.mjs COMMAND RECORD netfilter.listRules nftRule > test/golden/replies/….golden
//     node scripts/golden.mjs COMMAND RECORD xfrm.addPolicy > test/golden/xfrm/policy/….golden
//
// COMMAND runs in a shell inside a network namespace of its own, under strace. Its last message about
// links that is no query is printed, whether the kernel took it or not, or its last one of an OPERATION
// of netfilter or XFRM; with a NOUN, the longest answer to that. RECORD is the JSON of the record that
// should make the same message, or that it is read as. Needs the Debian packages strace, iproute2,
// nftables, conntrack and linux-libc-dev, whose headers name the attributes.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const headerLength = 16; // struct nlmsghdr
const linkHeaderLength = 16; // struct ifinfomsg
const netfilterHeaderLength = 4; // struct nfgenmsg

/**
 * Which messages are looked for, how long their family header is, and how their attributes' names
 * begin.
 *
 * @typedef {{ types: number[], header: number, prefix: string }} Dialect
 * @type {Dialect}
 */
const links = {
  types: [16, 17, 19], // RTM_NEWLINK, RTM_DELLINK, RTM_SETLINK
  header: linkHeaderLength,
  prefix: "IFLA_",
};

/**
 * The numbers of the messages of each netfilter operation, and of the answers to those that list.
 *
 * @type {Record<string, [asked: number, answered: number, prefix: string]>}
 */
const netfilterMessages = {
  addTable: [0xa00, 0, "NFTA_TABLE_"],
  createTable: [0xa00, 0, "NFTA_TABLE_"],
  deleteTable: [0xa02, 0, "NFTA_TABLE_"],
  listTables: [0xa01, 0xa00, "NFTA_TABLE_"],
  addChain: [0xa03, 0, "NFTA_CHAIN_"],
  deleteChain: [0xa05, 0, "NFTA_CHAIN_"],
  listChains: [0xa04, 0xa03, "NFTA_CHAIN_"],
  addRule: [0xa06, 0, "NFTA_RULE_"],
  deleteRules: [0xa08, 0, "NFTA_RULE_"],
  listRules: [0xa07, 0xa06, "NFTA_RULE_"],
  addSet: [0xa09, 0, "NFTA_SET_"],
  deleteSet: [0xa0b, 0, "NFTA_SET_"],
  listSets: [0xa0a, 0xa09, "NFTA_SET_"],
  addElements: [0xa0c, 0, "NFTA_SET_ELEM_LIST_"],
  deleteElements: [0xa0e, 0, "NFTA_SET_ELEM_LIST_"],
  listElements: [0xa0d, 0xa0c, "NFTA_SET_ELEM_LIST_"],
  getGeneration: [0xa10, 0xa0f, "NFTA_GEN_"],
  listConnections: [0x101, 0x100, "CTA_"],
  deleteConnection: [0x102, 0, "CTA_"],
};

/**
 * Of each operation of XFRM the message and its header's length, and those of the answers
 * (include/uapi/linux/xfrm.h).
 *
 * @type {Record<string, [asked: number, header: number, answered: number, answer: number]>}
 */
const xfrmMessages = {
  addState: [0x10, 224, 0, 0],
  deleteState: [0x11, 24, 0, 0],
  listStates: [0x12, 0, 0x10, 224],
  addPolicy: [0x13, 168, 0, 0],
  deletePolicy: [0x14, 64, 0, 0],
  listPolicies: [0x15, 0, 0x13, 168],
  replacePolicy: [0x19, 168, 0, 0],
};

/**
 * @param {string} operation
 * @param {boolean} answers
 * @returns {Dialect}
 */
function dialectOf(operation, answers) {
  const [room, name = ""] = operation.split(".");
  const messages = room === "xfrm" ? xfrmMessages[name] : undefined;
  if (messages !== undefined) {
    const [asked, askedHeader, answered, answeredHeader] = messages;
    const [type, header] = answers ? [answered, answeredHeader] : [asked, askedHeader];
    return { types: [type], header, prefix: "XFRMA_" };
  }
  const message = room === "netfilter" ? netfilterMessages[name] : undefined;
  if (message === undefined) return links;
  const [asked, answered, prefix] = message;
  return { types: [answers ? answered : asked], header: netfilterHeaderLength, prefix };
}

/**
 * What is inside a nest: the prefix of its attributes' names, that of what is inside those, the
 * length of its family header.
 *
 * @type {Record<string, { prefix: string | undefined, element?: string, header?: number }>}
 */
const nests = {
  NFTA_CHAIN_HOOK: { prefix: "NFTA_HOOK_" },
  NFTA_SET_DESC: { prefix: "NFTA_SET_DESC_" },
  NFTA_SET_ELEM_LIST_ELEMENTS: { prefix: "NFTA_LIST_", element: "NFTA_SET_ELEM_" },
  NFTA_SET_ELEM_KEY: { prefix: "NFTA_DATA_" },
  NFTA_SET_ELEM_DATA: { prefix: "NFTA_DATA_" },
  NFTA_DATA_VERDICT: { prefix: "NFTA_VERDICT_" },
  NFTA_RULE_EXPRESSIONS: { prefix: "NFTA_LIST_", element: "NFTA_EXPR_" },
  NFTA_LIST_ELEM: { prefix: undefined },
  NFTA_EXPR_DATA: { prefix: undefined },
  NFTA_CMP_DATA: { prefix: "NFTA_DATA_" },
  NFTA_BITWISE_MASK: { prefix: "NFTA_DATA_" },
  NFTA_BITWISE_XOR: { prefix: "NFTA_DATA_" },
  NFTA_IMMEDIATE_DATA: { prefix: "NFTA_DATA_" },
  CTA_TUPLE_ORIG: { prefix: "CTA_TUPLE_" },
  CTA_TUPLE_REPLY: { prefix: "CTA_TUPLE_" },
  CTA_TUPLE_IP: { prefix: "CTA_IP_" },
  CTA_TUPLE_PROTO: { prefix: "CTA_PROTO_" },
  IFLA_LINKINFO: { prefix: "IFLA_INFO_" },
  IFLA_INFO_DATA: { prefix: undefined },
  IFLA_INFO_SLAVE_DATA: { prefix: undefined },
  IFLA_MACVLAN_MACADDR_DATA: { prefix: "IFLA_MACVLAN_" },
  IFLA_VLAN_EGRESS_QOS: { prefix: "IFLA_VLAN_QOS_" },
  IFLA_VLAN_INGRESS_QOS: { prefix: "IFLA_VLAN_QOS_" },
  IFLA_BOND_ARP_IP_TARGET: { prefix: "" },
  IFLA_BOND_NS_IP6_TARGET: { prefix: "" },
  VETH_INFO_PEER: { prefix: "IFLA_", header: linkHeaderLength },
};

/**
 * The prefix of a kind's attributes, and of its ports', for whom `ip` says "bridge_slave".
 *
 * @type {Record<string, string>}
 */
const kindPrefixes = {
  veth: "VETH_INFO_",
  bridge: "IFLA_BR_",
  macvlan: "IFLA_MACVLAN_",
  macvtap: "IFLA_MACVLAN_",
  ipvlan: "IFLA_IPVLAN_",
  vlan: "IFLA_VLAN_",
  vxlan: "IFLA_VXLAN_",
  vrf: "IFLA_VRF_",
  bond: "IFLA_BOND_",
  geneve: "IFLA_GENEVE_",
  gretap: "IFLA_GRE_",
  ipip: "IFLA_IPTUN_",
  sit: "IFLA_IPTUN_",
};
/** @type {Record<string, string>} */
const portPrefixes = { bridge: "IFLA_BRPORT_", bond: "IFLA_BOND_SLAVE_" };

const texts = new Set([
  ...["IFLA_IFNAME", "IFLA_IFALIAS", "IFLA_INFO_KIND"],
  ...["NFTA_TABLE_NAME", "NFTA_CHAIN_TABLE", "NFTA_CHAIN_NAME", "NFTA_CHAIN_TYPE"],
  ...["NFTA_RULE_TABLE", "NFTA_RULE_CHAIN", "NFTA_EXPR_NAME", "NFTA_LOOKUP_SET"],
  ...["NFTA_SET_TABLE", "NFTA_SET_NAME", "NFTA_VERDICT_CHAIN", "NFTA_GEN_PROC_NAME"],
  ...["NFTA_SET_ELEM_LIST_TABLE", "NFTA_SET_ELEM_LIST_SET"],
]);

/** Attribute names by prefix and number, from the kernel's headers. */
function readNames() {
  /** @type {Map<string, string>} */
  const names = new Map();
  const netfilter = ["netfilter/nf_tables.h", "netfilter/nfnetlink_conntrack.h"];
  for (const file of ["if_link.h", "if_tunnel.h", "veth.h", "xfrm.h", ...netfilter]) {
    const source = readFileSync(join("/usr/include/linux", file), "utf8").replace(
      /\/\*[\s\S]*?\*\/|^#.*$/gm,
      "",
    );
    for (const [, body = ""] of source.matchAll(/enum[^{;]*\{([^}]*)\}/g)) addEnum(names, body);
  }
  return names;
}

/**
 * @param {Map<string, string>} names
 * @param {string} body
 */
function addEnum(names, body) {
  const entries = body
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
  if (!entries[0]?.endsWith("_UNSPEC")) return;
  const prefix = entries[0].slice(0, -"UNSPEC".length);
  let number = 0;
  for (const entry of entries) {
    if (entry.includes("=")) continue; // an alias of the entry before
    names.set(`${prefix} ${number}`, entry);
    number += 1;
  }
}

/**
 * What the command sent, or what it was answered, of some sorts, as bytes.
 *
 * @param {string} command
 * @param {number[]} types
 * @param {boolean} answers
 */
function capture(command, types, answers) {
  const directory = mkdtempSync(join(tmpdir(), "golden-"));
  const trace = join(directory, "trace");
  const sent = ["-e", "trace=sendmsg,sendto", "-e", "write=all"];
  const received = ["-e", "trace=recvmsg,recvfrom", "-e", "read=all"];
  try {
    const strace = ["strace", "-f", ...(answers ? received : sent), "-o", trace];
    spawnSync("unshare", ["--map-root-user", "--net", ...strace, "sh", "-c", command], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const messages = readTrace(readFileSync(trace, "utf8")).flatMap(split);
    return messages.filter((message) => types.includes(message.readUInt16LE(4)));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** @param {string} trace */
function readTrace(trace) {
  /** @type {string[][]} */
  const messages = [];
  for (const line of trace.split("\n")) {
    const dump = /^ \| [0-9a-f]{5} {2}(.{49})/.exec(line);
    if (dump !== null) messages.at(-1)?.push(...(dump[1]?.match(/[0-9a-f]{2}/g) ?? []));
    else if (/(?:send|recv)(?:msg|to|from)\(/.test(line)) messages.push([]);
  }
  return messages.map((pairs) => Buffer.from(pairs.join(""), "hex"));
}

/**
 * The messages that were sent together, each by itself.
 *
 * @param {Buffer} bytes
 * @returns {Buffer[]}
 */
function split(bytes) {
  const length = bytes.length < headerLength ? 0 : bytes.readUInt32LE(0);
  if (length < headerLength || length > bytes.length) return [];
  return [bytes.subarray(0, length), ...split(bytes.subarray((length + 3) & ~3))];
}

/** @param {string} expression */
function expressionPrefix(expression) {
  return `NFTA_${expression === "numgen" ? "NG" : expression.toUpperCase()}_`;
}

/** @param {Buffer} bytes */
function hex(bytes) {
  return [...bytes].map((byte) => ` ${byte.toString(16).padStart(2, "0")}`).join("");
}

/**
 * @param {string} line
 * @param {string} comment
 */
function commented(line, comment) {
  return comment === "" ? line : `${line.padEnd(33)} # ${comment}`;
}

/**
 * The lines of attributes.
 *
 * @param {Buffer} bytes
 * @param {string | undefined} prefix
 * @param {string} indent
 * @param {Map<string, string>} names
 * @param {string} [element] what is inside the attributes
 * @returns {string[]}
 */
function describe(bytes, prefix, indent, names, element) {
  /** @type {Record<string, string | undefined>} What the siblings say of the nests. */
  const kinds = {};
  const lines = [];
  for (let offset = 0; offset < bytes.length; ) {
    const length = bytes.readUInt16LE(offset);
    const type = bytes.readUInt16LE(offset + 2) & 0x3fff;
    const value = bytes.subarray(offset + 4, offset + length);
    const name = names.get(`${prefix} ${type}`) ?? "";
    const text = value.toString("latin1").replace(/\0$/, "");
    if (name === "IFLA_INFO_KIND") kinds.IFLA_INFO_DATA = kindPrefixes[text];
    if (name === "NFTA_EXPR_NAME") kinds.NFTA_EXPR_DATA = expressionPrefix(text);
    if (text.endsWith("_slave")) kinds.IFLA_INFO_SLAVE_DATA = portPrefixes[text.slice(0, -6)];
    const nest = nests[name];
    if (nest === undefined) {
      const comment = texts.has(name) ? `${name} "${text}"` : name;
      lines.push(commented(`${indent}${type}:${hex(value)}`, comment));
    } else {
      const header = value.subarray(0, nest.header ?? 0);
      lines.push(commented(`${indent}${type}:`, name));
      if (header.length > 0) lines.push(`${indent}  header:${hex(header)}`);
      const inside = value.subarray(header.length);
      const inner = nest.prefix ?? kinds[name] ?? element;
      lines.push(...describe(inside, inner, `${indent}  `, names, nest.element));
    }
    offset += (length + 3) & ~3;
  }
  return lines;
}

const [command, record = "{}", operation = "createLink", noun] = process.argv.slice(2);
if (command === undefined) {
  console.error("usage: node scripts/golden.mjs COMMAND [RECORD [OPERATION [NOUN]]]");
  process.exit(2);
}
const { types, header, prefix } = dialectOf(operation, noun !== undefined);
const messages = capture(command, types, noun !== undefined);
// A list may end with an empty message.
if (noun !== undefined) messages.sort((one, other) => one.length - other.length);
const message = messages.at(-1);
if (message === undefined) {
  console.error("no such message was seen");
  process.exit(1);
}
const attributes = headerLength + header;
const lines = [
  `# ${command}`,
  `operation: ${operation}`,
  ...(noun === undefined ? [] : [`noun: ${noun}`]),
  `record: ${JSON.stringify(JSON.parse(record))}`,
  `header:${hex(message.subarray(headerLength, attributes))}`,
  ...describe(message.subarray(attributes), prefix, "", readNames()),
];
console.log(lines.join("\n"));
