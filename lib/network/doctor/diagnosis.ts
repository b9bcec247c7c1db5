// What a diagnosis says.

/**
 * What is wrong.
 *
 * - `CAPABILITY_MISSING`: the process may not do what networks need; nothing that needs it was looked at.
 * - `NOT_WRITABLE`: the process cannot write where networks write.
 * - `FORWARDING_OFF`: a setting of the host that networks need was turned back.
 * - `TABLE_DIFFERS`: our table of nftables is gone, or somebody has changed it.
 * - `PLAN_DIFFERS`: something else is not as the plan says.
 * - `FOREIGN_DROP`: a chain of somebody else drops what networks send; an error if it accepts nothing.
 * - `BRIDGE_FILTERED`: what stays on a bridge goes through the host's firewalls.
 * - `NAMES_UNSERVED`: sandboxes ask for names, and no process answers.
 * - `ROUTE_OVERLAP`: a route of the host takes packets for a network, an error, or loses some to it.
 * - `HOST_ABSENT`: the host has something on networks across hosts, and nobody keeps its place there.
 * - `ADDRESS_MISSING`: the host does not have the address by which other hosts are to reach it.
 * - `MTU_EXCEEDED`: packets of a network do not fit between the hosts.
 * - `VXLAN_MISSING`: the kernel knows no VXLANs.
 * - `VXLAN_TAKEN`: the host has another VXLAN of a network's number and port.
 * - `PORT_TAKEN`: a program has the UDP port of a network.
 * - `ORPHAN`: a link or a namespace of this library is in no plan.
 */
export type DiagnosisCode =
  | "CAPABILITY_MISSING"
  | "NOT_WRITABLE"
  | "FORWARDING_OFF"
  | "TABLE_DIFFERS"
  | "PLAN_DIFFERS"
  | "FOREIGN_DROP"
  | "BRIDGE_FILTERED"
  | "NAMES_UNSERVED"
  | "ROUTE_OVERLAP"
  | "HOST_ABSENT"
  | "ADDRESS_MISSING"
  | "MTU_EXCEEDED"
  | "VXLAN_MISSING"
  | "VXLAN_TAKEN"
  | "PORT_TAKEN"
  | "ORPHAN";

/** Something that is wrong with a host. */
export interface Diagnosis {
  readonly code: DiagnosisCode;
  /** Whether something does not work now, or only may not. */
  readonly level: "error" | "warning";
  /** `network "web"`, `the firewall` */
  readonly subject: string;
  /** A sentence. */
  readonly problem: string;
  /** What helps, a sentence; commands in it can be copied. */
  readonly fix: string;
}

/** `network "web"` */
export function quoted(kind: string, name: string): string {
  return `${kind} ${JSON.stringify(name)}`;
}

/** A word of a command that is copied into a shell, whatever others have named their things. */
export function word(text: string): string {
  return /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
