// One VLAN of a parent.

import type { Reported } from "./reported.ts";

/** The tag that a VLAN is marked with. */
export type VlanProtocol = "802.1Q" | "802.1ad";

/** One priority becomes another. */
export interface VlanQosMapping {
  readonly from: number;
  readonly to: number;
}

/** Options of one VLAN of a parent. @see net/8021q/vlan_netlink.c, `vlan_policy` */
export interface VlanOptions {
  /** 0 to 4094. */
  readonly vlanId: number;
  /** Default "802.1Q". */
  readonly vlanProtocol?: VlanProtocol;
  /** Whether received headers look as if never tagged; default true. */
  readonly reorderHeader?: boolean;
  /** Whether the VLAN is announced by GVRP; default false. */
  readonly gvrp?: boolean;
  /** Whether the VLAN is announced by MVRP; default false. */
  readonly mvrp?: boolean;
  /** Whether the VLAN stays up when its parent goes down; default false. */
  readonly looseBinding?: boolean;
  /** Whether carrier follows the ports of this VLAN, if the parent is a bridge; default false. */
  readonly bridgeBinding?: boolean;
  /** Packet priority (`from`, 32 bits) to priority of the tag (`to`, 0 to 7). */
  readonly egressQos?: readonly VlanQosMapping[];
  /** Priority of the tag (`from`, 0 to 7) to packet priority (`to`, 32 bits). */
  readonly ingressQos?: readonly VlanQosMapping[];
}

/** What a listing says of a VLAN. */
export type VlanFacts = Reported<VlanOptions>;
