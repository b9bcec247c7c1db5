// Every kind of link, and of port: what it takes, and what it reports back.

import type { BondFacts, BondOptions, BondPortFacts, BondPortOptions } from "./bond.ts";
import type { BridgeFacts, BridgeOptions, BridgePortFacts, BridgePortOptions } from "./bridge.ts";
import type {
  GretapFacts,
  GretapOptions,
  IpipFacts,
  IpipOptions,
  SitFacts,
  SitOptions,
} from "./ip-tunnel.ts";
import type { IpvlanFacts, IpvlanOptions } from "./ipvlan.ts";
import type { MacvlanFacts, MacvlanOptions, MacvtapFacts, MacvtapOptions } from "./macvlan.ts";
import type { NetkitFacts, NetkitOptions } from "./netkit.ts";
import type {
  DummyFacts,
  DummyOptions,
  IfbFacts,
  IfbOptions,
  VrfFacts,
  VrfOptions,
  WireguardFacts,
  WireguardOptions,
} from "./plain.ts";
import type { GeneveFacts, GeneveOptions, VxlanFacts, VxlanOptions } from "./udp-tunnel.ts";
import type { VethFacts, VethOptions } from "./veth.ts";
import type { VlanFacts, VlanOptions } from "./vlan.ts";

export type * from "./bond.ts";
export type * from "./bridge.ts";
export type * from "./ip-tunnel.ts";
export type * from "./ipvlan.ts";
export type * from "./macvlan.ts";
export type * from "./netkit.ts";
export type * from "./pair.ts";
export type * from "./plain.ts";
export type * from "./reported.ts";
export type * from "./udp-tunnel.ts";
export type * from "./veth.ts";
export type * from "./vlan.ts";

/** Every link kind: what it takes and what it reports back. A new kind is one row here. */
export interface LinkKinds {
  veth: { options: VethOptions; facts: VethFacts };
  bridge: { options: BridgeOptions; facts: BridgeFacts };
  macvlan: { options: MacvlanOptions; facts: MacvlanFacts };
  macvtap: { options: MacvtapOptions; facts: MacvtapFacts };
  ipvlan: { options: IpvlanOptions; facts: IpvlanFacts };
  vlan: { options: VlanOptions; facts: VlanFacts };
  vxlan: { options: VxlanOptions; facts: VxlanFacts };
  dummy: { options: DummyOptions; facts: DummyFacts };
  ifb: { options: IfbOptions; facts: IfbFacts };
  vrf: { options: VrfOptions; facts: VrfFacts };
  bond: { options: BondOptions; facts: BondFacts };
  geneve: { options: GeneveOptions; facts: GeneveFacts };
  gretap: { options: GretapOptions; facts: GretapFacts };
  ipip: { options: IpipOptions; facts: IpipFacts };
  sit: { options: SitOptions; facts: SitFacts };
  wireguard: { options: WireguardOptions; facts: WireguardFacts };
  netkit: { options: NetkitOptions; facts: NetkitFacts };
}

/** The name of a kind. */
export type LinkKind = keyof LinkKinds;

/** Every kind, in the order of the native tables. */
export const linkKinds: readonly LinkKind[] = [
  "veth",
  "bridge",
  "macvlan",
  "macvtap",
  "ipvlan",
  "vlan",
  "vxlan",
  "dummy",
  "ifb",
  "vrf",
  "bond",
  "geneve",
  "gretap",
  "ipip",
  "sit",
  "wireguard",
  "netkit",
];

/** What a master takes for its ports, and reports of them, by the kind of the master. */
export interface PortKinds {
  bridge: { options: BridgePortOptions; facts: BridgePortFacts };
  bond: { options: BondPortOptions; facts: BondPortFacts };
}

/** The name of a kind of port. */
export type PortKind = keyof PortKinds;

/** Every kind of port, in the order of the native tables. */
export const portKinds: readonly PortKind[] = ["bridge", "bond"];
