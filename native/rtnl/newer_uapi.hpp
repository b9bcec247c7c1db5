// Kernel constants that are newer than the oldest headers this builds with (Linux 6.1).
//
// They have names of our own, so that newer headers, which know them too, never clash. Each group
// names the release that brought it.
#pragma once

#include <cstdint>

namespace vethwork::rtnl {

// linux/if_link.h, IFLA_BR_*
inline constexpr std::uint16_t kBridgeFdbLearned = 48;     // IFLA_BR_FDB_N_LEARNED, 6.7
inline constexpr std::uint16_t kBridgeFdbMaxLearned = 49;  // IFLA_BR_FDB_MAX_LEARNED, 6.7

// linux/if_bridge.h, enum br_boolopt_id: numbers of bits
inline constexpr std::uint16_t kBridgeMdbOffloadFailNotification = 3;  // 6.16
inline constexpr std::uint16_t kBridgeFdbLocalVlan0 = 4;               // 6.18

// linux/if_link.h, IFLA_BRPORT_*
inline constexpr std::uint16_t kBridgePortMab = 40;                 // IFLA_BRPORT_MAB, 6.2
inline constexpr std::uint16_t kBridgePortMulticastGroups = 41;     // ..._MCAST_N_GROUPS, 6.3
inline constexpr std::uint16_t kBridgePortMulticastMaxGroups = 42;  // ..._MCAST_MAX_GROUPS, 6.3
inline constexpr std::uint16_t kBridgePortNeighVlanSuppress = 43;   // ..._NEIGH_VLAN_SUPPRESS, 6.4
inline constexpr std::uint16_t kBridgePortBackupNextHop = 44;       // ..._BACKUP_NHID, 6.6

// linux/if_link.h, IFLA_MACVLAN_*
inline constexpr std::uint16_t kMacvlanBroadcastCutoff = 9;  // IFLA_MACVLAN_BC_CUTOFF, 6.4

// linux/if_link.h, IFLA_VXLAN_*
inline constexpr std::uint16_t kVxlanLocalBypass = 31;     // IFLA_VXLAN_LOCALBYPASS, 6.5
inline constexpr std::uint16_t kVxlanLabelPolicy = 32;     // IFLA_VXLAN_LABEL_POLICY, 6.8
inline constexpr std::uint16_t kVxlanReservedBits = 33;    // IFLA_VXLAN_RESERVED_BITS, 6.14
inline constexpr std::uint16_t kVxlanMulticastRoute = 34;  // IFLA_VXLAN_MC_ROUTE, 6.17

// linux/if_link.h, enum ifla_vxlan_label_policy, 6.8
inline constexpr std::uint32_t kVxlanLabelFixed = 0;
inline constexpr std::uint32_t kVxlanLabelInherit = 1;

// linux/if_link.h, IFLA_GENEVE_*
inline constexpr std::uint16_t kGenevePortRange = 15;  // IFLA_GENEVE_PORT_RANGE, 6.15
inline constexpr std::uint16_t kGeneveGroHint = 16;    // IFLA_GENEVE_GRO_HINT, 7.0

// linux/if_link.h, IFLA_BOND_*
inline constexpr std::uint16_t kBondCoupledControl = 32;      // IFLA_BOND_COUPLED_CONTROL, 6.9
inline constexpr std::uint16_t kBondBroadcastNeighbour = 33;  // IFLA_BOND_BROADCAST_NEIGH, 6.17

// linux/if_link.h, IFLA_BOND_SLAVE_*
inline constexpr std::uint16_t kBondPortActorPriority = 10;  // ..._ACTOR_PORT_PRIO, 6.18

// linux/if_link.h, IFLA_NETKIT_*, 6.7
inline constexpr std::uint16_t kNetkitPeerInfo = 1;
inline constexpr std::uint16_t kNetkitPrimary = 2;
inline constexpr std::uint16_t kNetkitPolicy = 3;
inline constexpr std::uint16_t kNetkitPeerPolicy = 4;
inline constexpr std::uint16_t kNetkitMode = 5;
inline constexpr std::uint16_t kNetkitScrub = 6;      // 6.13
inline constexpr std::uint16_t kNetkitPeerScrub = 7;  // 6.13
inline constexpr std::uint16_t kNetkitHeadroom = 8;   // 6.14
inline constexpr std::uint16_t kNetkitTailroom = 9;   // 6.14

// linux/if_link.h, enum netkit_action, as far as it is a policy
inline constexpr std::uint32_t kNetkitForward = 0;    // NETKIT_PASS
inline constexpr std::uint32_t kNetkitBlackhole = 2;  // NETKIT_DROP

// linux/if_link.h, enum netkit_mode
inline constexpr std::uint32_t kNetkitL2 = 0;
inline constexpr std::uint32_t kNetkitL3 = 1;

// linux/if_link.h, enum netkit_scrub, 6.13
inline constexpr std::uint32_t kNetkitScrubNone = 0;
inline constexpr std::uint32_t kNetkitScrubDefault = 1;

}  // namespace vethwork::rtnl
