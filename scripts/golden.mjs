// Captures what `ip` sends to the kernel, as a golden file (see test/support/golden.ts).
//
//     node scripts/golden.mjs COMMAND [RECORD [OPERATION]] > test/golden/link/KIND.golden
//
// COMMAND runs in a shell inside a network namespace of its own, under strace. Its last rtnetlink
// request that is no query is printed, whether the kernel took it or not. RECORD is the JSON of the
// record that should make the same message; OPERATION is createLink by default. Needs the Debian
// packages strace, iproute2 and linux-libc-dev, whose headers name the attributes.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const headerLength = 16; // struct nlmsghdr
const linkHeaderLength = 16; // struct ifinfomsg
const linkMessages = [16, 17, 19]; // RTM_NEWLINK, RTM_DELLINK, RTM_SETLINK

/**
 * What is inside a nest: the prefix of its attributes' names, the length of its family header.
 *
 * @type {Record<string, { prefix: string | undefined, header?: number }>}
 */
const nests = {
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

const texts = new Set(["IFLA_IFNAME", "IFLA_IFALIAS", "IFLA_INFO_KIND"]);

/** Attribute names by prefix and number, from the kernel's headers. */
function readNames() {
  /** @type {Map<string, string>} */
  const names = new Map();
  for (const file of ["if_link.h", "if_tunnel.h", "veth.h"]) {
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
 * The requests that the command sent, queries left out, as bytes.
 *
 * @param {string} command
 */
function capture(command) {
  const directory = mkdtempSync(join(tmpdir(), "golden-"));
  const trace = join(directory, "trace");
  try {
    const strace = ["strace", "-f", "-e", "trace=sendmsg", "-e", "write=all", "-o", trace];
    spawnSync("unshare", ["--map-root-user", "--net", ...strace, "sh", "-c", command], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    return readTrace(readFileSync(trace, "utf8"));
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
    else if (line.includes("sendmsg(")) messages.push([]);
  }
  return messages
    .map((pairs) => Buffer.from(pairs.join(""), "hex"))
    .filter((message) => linkMessages.includes(message.readUInt16LE(4)));
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
 * @returns {string[]}
 */
function describe(bytes, prefix, indent, names) {
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
      lines.push(...describe(inside, nest.prefix ?? kinds[name], `${indent}  `, names));
    }
    offset += (length + 3) & ~3;
  }
  return lines;
}

const [command, record = "{}", operation = "createLink"] = process.argv.slice(2);
if (command === undefined) {
  console.error("usage: node scripts/golden.mjs COMMAND [RECORD [OPERATION]]");
  process.exit(2);
}
const message = capture(command).at(-1);
if (message === undefined) {
  console.error("the command sent no request");
  process.exit(1);
}
const attributes = headerLength + linkHeaderLength;
const lines = [
  `# ${command}`,
  `operation: ${operation}`,
  `record: ${JSON.stringify(JSON.parse(record))}`,
  `header:${hex(message.subarray(headerLength, attributes))}`,
  ...describe(message.subarray(attributes), "IFLA_", "", readNames()),
];
console.log(lines.join("\n"));
