// Every kind of link, and of port, one table each: the only C++ file that a new kind touches.
//
// A kind's properties lie flat in the record of its link, so that none is named like a property
// that every link has. Times are as the kernel counts them: 1/100 s for bridges, ms for bonds.
#pragma once

#include <linux/if_bonding.h>
#include <linux/if_bridge.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/veth.h>

#include <array>

#include "rtnl/newer_uapi.hpp"
#include "rtnl/noun.hpp"
#include "rtnl/table.hpp"

namespace vethwork::rtnl {

// What several kinds have in common.

inline constexpr std::array kVlanProtocols{
    Name{"802.1Q", ETH_P_8021Q},
    Name{"802.1ad", ETH_P_8021AD},
};

// linux/if_link.h, enum ifla_vxlan_df and enum ifla_geneve_df, which agree
inline constexpr std::array kDontFragment{
    Name{"unset", VXLAN_DF_UNSET},
    Name{"set", VXLAN_DF_SET},
    Name{"inherit", VXLAN_DF_INHERIT},
};

// struct ifla_vxlan_port_range and struct ifla_geneve_port_range
inline constexpr std::array kPortRange{
    Field{"low", 0, Wire::be16},
    Field{"high", 2, Wire::be16},
};

// linux/if_tunnel.h, enum tunnel_encap_types
inline constexpr std::array kEncapsulations{
    Name{"none", TUNNEL_ENCAP_NONE},
    Name{"fou", TUNNEL_ENCAP_FOU},
    Name{"gue", TUNNEL_ENCAP_GUE},
    Name{"mpls", TUNNEL_ENCAP_MPLS},
};
inline constexpr std::array kEncapsulationFlags{
    Name{"checksum", TUNNEL_ENCAP_FLAG_CSUM},
    Name{"checksum6", TUNNEL_ENCAP_FLAG_CSUM6},
    Name{"remoteChecksum", TUNNEL_ENCAP_FLAG_REMCSUM},
};

inline constexpr std::int64_t kMaxVni = 0xffffff;
inline constexpr std::int64_t kMaxFlowLabel = 0xfffff;

// drivers/net/veth.c, veth_policy
inline constexpr std::array kVeth{
    Field{"peer", VETH_INFO_PEER, Wire::noun, message_of(kLink), Access::given},
};

// linux/if_bridge.h, enum br_boolopt_id; the kernel's mask has those that it knows
// (net/bridge/br.c, br_boolopt_multi_get())
inline constexpr std::array kBridgeBooleans{
    Field{"noLinkLocalLearning", BR_BOOLOPT_NO_LL_LEARN, Wire::flag},
    Field{"multicastVlanSnooping", BR_BOOLOPT_MCAST_VLAN_SNOOPING, Wire::flag},
    Field{"multipleSpanningTrees", BR_BOOLOPT_MST_ENABLE, Wire::flag},
    Field{"mdbOffloadFailNotification", kBridgeMdbOffloadFailNotification, Wire::flag},
    Field{"fdbLocalVlan0", kBridgeFdbLocalVlan0, Wire::flag},
};

// linux/if_bridge.h, MDB_RTR_TYPE_*
inline constexpr std::array kMulticastRouterModes{
    Name{"disabled", MDB_RTR_TYPE_DISABLED},
    Name{"query", MDB_RTR_TYPE_TEMP_QUERY},
    Name{"permanent", MDB_RTR_TYPE_PERM},
    Name{"temporary", MDB_RTR_TYPE_TEMP},
};

// net/bridge/br_multicast.c, br_multicast_dump_querier_state()
inline constexpr std::array kBridgeQuerierState{
    Field{"address", BRIDGE_QUERIER_IP_ADDRESS, Wire::ip4},
    Field{"port", BRIDGE_QUERIER_IP_PORT, Wire::u32},
    Field{"otherTimer", BRIDGE_QUERIER_IP_OTHER_TIMER, Wire::u64},  // 1/100 s
    Field{"address6", BRIDGE_QUERIER_IPV6_ADDRESS, Wire::ip6},
    Field{"port6", BRIDGE_QUERIER_IPV6_PORT, Wire::u32},
    Field{"otherTimer6", BRIDGE_QUERIER_IPV6_OTHER_TIMER, Wire::u64},  // 1/100 s
};

// net/bridge/br_netlink.c, br_policy and br_fill_info(); times in 1/100 s
inline constexpr std::array kBridge{
    Field{"forwardDelay", IFLA_BR_FORWARD_DELAY, Wire::u32},
    Field{"helloTime", IFLA_BR_HELLO_TIME, Wire::u32},
    Field{"maxAge", IFLA_BR_MAX_AGE, Wire::u32},
    Field{"ageingTime", IFLA_BR_AGEING_TIME, Wire::u32},
    Field{"stp", IFLA_BR_STP_STATE, Wire::boolean32},
    Field{"priority", IFLA_BR_PRIORITY, Wire::u16},
    Field{"vlanFiltering", IFLA_BR_VLAN_FILTERING, Wire::boolean8},
    Field{"vlanProtocol", IFLA_BR_VLAN_PROTOCOL, Wire::be16, named(kVlanProtocols)},
    Field{"vlanDefaultPvid", IFLA_BR_VLAN_DEFAULT_PVID, Wire::u16},
    Field{"vlanStatistics", IFLA_BR_VLAN_STATS_ENABLED, Wire::boolean8},
    Field{"vlanStatisticsPerPort", IFLA_BR_VLAN_STATS_PER_PORT, Wire::boolean8},
    Field{"groupForwardMask", IFLA_BR_GROUP_FWD_MASK, Wire::u16},
    Field{"groupAddress", IFLA_BR_GROUP_ADDR, Wire::mac},
    given(Field{"flushFdb", IFLA_BR_FDB_FLUSH, Wire::flag}),
    Field{"fdbMaxLearned", kBridgeFdbMaxLearned, Wire::u32},
    Field{"multicastRouter", IFLA_BR_MCAST_ROUTER, Wire::u8, named(kMulticastRouterModes)},
    Field{"multicastSnooping", IFLA_BR_MCAST_SNOOPING, Wire::boolean8},
    Field{"multicastQueryUseInterfaceAddress", IFLA_BR_MCAST_QUERY_USE_IFADDR, Wire::boolean8},
    Field{"multicastQuerier", IFLA_BR_MCAST_QUERIER, Wire::boolean8},
    Field{"multicastHashElasticity", IFLA_BR_MCAST_HASH_ELASTICITY, Wire::u32},
    Field{"multicastHashMax", IFLA_BR_MCAST_HASH_MAX, Wire::u32},
    Field{"multicastLastMemberCount", IFLA_BR_MCAST_LAST_MEMBER_CNT, Wire::u32},
    Field{"multicastStartupQueryCount", IFLA_BR_MCAST_STARTUP_QUERY_CNT, Wire::u32},
    Field{"multicastLastMemberInterval", IFLA_BR_MCAST_LAST_MEMBER_INTVL, Wire::u64},
    Field{"multicastMembershipInterval", IFLA_BR_MCAST_MEMBERSHIP_INTVL, Wire::u64},
    Field{"multicastQuerierInterval", IFLA_BR_MCAST_QUERIER_INTVL, Wire::u64},
    Field{"multicastQueryInterval", IFLA_BR_MCAST_QUERY_INTVL, Wire::u64},
    Field{"multicastQueryResponseInterval", IFLA_BR_MCAST_QUERY_RESPONSE_INTVL, Wire::u64},
    Field{"multicastStartupQueryInterval", IFLA_BR_MCAST_STARTUP_QUERY_INTVL, Wire::u64},
    Field{"multicastStatistics", IFLA_BR_MCAST_STATS_ENABLED, Wire::boolean8},
    Field{"multicastIgmpVersion", IFLA_BR_MCAST_IGMP_VERSION, Wire::u8},
    Field{"multicastMldVersion", IFLA_BR_MCAST_MLD_VERSION, Wire::u8},
    Field{"callIptables", IFLA_BR_NF_CALL_IPTABLES, Wire::boolean8},
    Field{"callIp6tables", IFLA_BR_NF_CALL_IP6TABLES, Wire::boolean8},
    Field{"callArptables", IFLA_BR_NF_CALL_ARPTABLES, Wire::boolean8},
    Field{"", IFLA_BR_MULTI_BOOLOPT, Wire::masked_bits, of(kBridgeBooleans)},
    reported(Field{"fdbLearned", kBridgeFdbLearned, Wire::u32}),
    reported(Field{"rootId", IFLA_BR_ROOT_ID, Wire::mac}),
    reported(Field{"bridgeId", IFLA_BR_BRIDGE_ID, Wire::mac}),
    reported(Field{"rootPort", IFLA_BR_ROOT_PORT, Wire::u16}),
    reported(Field{"rootPathCost", IFLA_BR_ROOT_PATH_COST, Wire::u32}),
    reported(Field{"topologyChange", IFLA_BR_TOPOLOGY_CHANGE, Wire::boolean8}),
    reported(Field{"topologyChangeDetected", IFLA_BR_TOPOLOGY_CHANGE_DETECTED, Wire::boolean8}),
    reported(Field{"helloTimer", IFLA_BR_HELLO_TIMER, Wire::u64}),
    reported(Field{"topologyChangeNotificationTimer", IFLA_BR_TCN_TIMER, Wire::u64}),
    reported(Field{"topologyChangeTimer", IFLA_BR_TOPOLOGY_CHANGE_TIMER, Wire::u64}),
    reported(Field{"fdbCollectionTimer", IFLA_BR_GC_TIMER, Wire::u64}),
    reported(Field{"multicastQuerierState", IFLA_BR_MCAST_QUERIER_STATE, Wire::nest,
                   of(kBridgeQuerierState)}),
};

// linux/if_link.h, enum macvlan_mode
inline constexpr std::array kMacvlanModes{
    Name{"private", MACVLAN_MODE_PRIVATE}, Name{"vepa", MACVLAN_MODE_VEPA},
    Name{"bridge", MACVLAN_MODE_BRIDGE},   Name{"passthru", MACVLAN_MODE_PASSTHRU},
    Name{"source", MACVLAN_MODE_SOURCE},
};
inline constexpr std::array kMacvlanFlags{
    Name{"nopromisc", MACVLAN_FLAG_NOPROMISC},
    Name{"nodst", MACVLAN_FLAG_NODST},
};
// linux/if_link.h, enum macvlan_macaddr_mode
inline constexpr std::array kMacvlanSourceActions{
    Name{"add", MACVLAN_MACADDR_ADD},
    Name{"remove", MACVLAN_MACADDR_DEL},
    Name{"flush", MACVLAN_MACADDR_FLUSH},
    Name{"set", MACVLAN_MACADDR_SET},
};

// drivers/net/macvlan.c, macvlan_policy; macvtap has the same
inline constexpr std::array kMacvlan{
    Field{"mode", IFLA_MACVLAN_MODE, Wire::u32, named(kMacvlanModes)},
    Field{"modeFlags", IFLA_MACVLAN_FLAGS, Wire::bits, named(kMacvlanFlags, 2)},
    given(
        Field{"sourceAction", IFLA_MACVLAN_MACADDR_MODE, Wire::u32, named(kMacvlanSourceActions)}),
    given(Field{"sourceAddress", IFLA_MACVLAN_MACADDR, Wire::mac}),
    Field{"sourceAddresses", IFLA_MACVLAN_MACADDR_DATA, Wire::list,
          each(Wire::mac, IFLA_MACVLAN_MACADDR)},
    Field{"broadcastQueueLength", IFLA_MACVLAN_BC_QUEUE_LEN, Wire::u32},
    Field{"broadcastCutoff", kMacvlanBroadcastCutoff, Wire::s32},
    reported(Field{"sourceAddressCount", IFLA_MACVLAN_MACADDR_COUNT, Wire::u32}),
    reported(Field{"broadcastQueueLengthUsed", IFLA_MACVLAN_BC_QUEUE_LEN_USED, Wire::u32}),
};

// linux/if_link.h, enum ipvlan_mode
inline constexpr std::array kIpvlanModes{
    Name{"l2", IPVLAN_MODE_L2},
    Name{"l3", IPVLAN_MODE_L3},
    Name{"l3s", IPVLAN_MODE_L3S},
};
// Two bits of which one at most may be set (drivers/net/ipvlan/ipvlan_main.c,
// ipvlan_nl_validate()), hence names of one number.
inline constexpr std::array kIpvlanModeFlags{
    Name{"bridge", 0},
    Name{"private", IPVLAN_F_PRIVATE},
    Name{"vepa", IPVLAN_F_VEPA},
};

// drivers/net/ipvlan/ipvlan_main.c, ipvlan_nl_policy
inline constexpr std::array kIpvlan{
    Field{"mode", IFLA_IPVLAN_MODE, Wire::u16, named(kIpvlanModes)},
    Field{"modeFlag", IFLA_IPVLAN_FLAGS, Wire::u16, named(kIpvlanModeFlags)},
};

// linux/if_vlan.h, enum vlan_flags: numbers of bits
inline constexpr std::array kVlanFlags{
    Field{"reorderHeader", 0, Wire::flag}, Field{"gvrp", 1, Wire::flag},
    Field{"looseBinding", 2, Wire::flag},  Field{"mvrp", 3, Wire::flag},
    Field{"bridgeBinding", 4, Wire::flag},
};

// linux/if_link.h, struct ifla_vlan_qos_mapping
inline constexpr std::array kVlanQosMapping{
    Field{"from", 0, Wire::u32},
    Field{"to", 4, Wire::u32},
};

// net/8021q/vlan_netlink.c, vlan_policy and vlan_fill_info(), which leaves flags out that are all 0
inline constexpr std::array kVlan{
    Field{"vlanId", IFLA_VLAN_ID, Wire::u16, within(0, 4094)},
    Field{"vlanProtocol", IFLA_VLAN_PROTOCOL, Wire::be16, named(kVlanProtocols)},
    Field{"", IFLA_VLAN_FLAGS, Wire::masked_bits, sent_if_any(kVlanFlags)},
    Field{"egressQos", IFLA_VLAN_EGRESS_QOS, Wire::list,
          each(Wire::structure, IFLA_VLAN_QOS_MAPPING, kVlanQosMapping)},
    Field{"ingressQos", IFLA_VLAN_INGRESS_QOS, Wire::list,
          each(Wire::structure, IFLA_VLAN_QOS_MAPPING, kVlanQosMapping)},
};

inline constexpr std::array kFlowLabelPolicies{
    Name{"fixed", kVxlanLabelFixed},
    Name{"inherit", kVxlanLabelInherit},
};

// drivers/net/vxlan/vxlan_core.c, vxlan_policy and vxlan_fill_info()
inline constexpr std::array kVxlan{
    Field{"vni", IFLA_VXLAN_ID, Wire::u32, within(0, kMaxVni)},
    Field{"underlay", IFLA_VXLAN_LINK, Wire::link},
    Field{"remote", IFLA_VXLAN_GROUP, Wire::ip4},
    Field{"remote6", IFLA_VXLAN_GROUP6, Wire::ip6},
    Field{"local", IFLA_VXLAN_LOCAL, Wire::ip4},
    Field{"local6", IFLA_VXLAN_LOCAL6, Wire::ip6},
    Field{"ttl", IFLA_VXLAN_TTL, Wire::u8},
    Field{"ttlInherit", IFLA_VXLAN_TTL_INHERIT, Wire::flag},
    Field{"tos", IFLA_VXLAN_TOS, Wire::u8},
    Field{"dontFragment", IFLA_VXLAN_DF, Wire::u8, named(kDontFragment)},
    Field{"flowLabel", IFLA_VXLAN_LABEL, Wire::be32, within(0, kMaxFlowLabel)},
    Field{"flowLabelPolicy", kVxlanLabelPolicy, Wire::u32, named(kFlowLabelPolicies)},
    Field{"sourcePortRange", IFLA_VXLAN_PORT_RANGE, Wire::structure, of(kPortRange)},
    Field{"destinationPort", IFLA_VXLAN_PORT, Wire::be16},
    Field{"learning", IFLA_VXLAN_LEARNING, Wire::boolean8},
    Field{"ageingSeconds", IFLA_VXLAN_AGEING, Wire::u32},
    Field{"maxAddresses", IFLA_VXLAN_LIMIT, Wire::u32},
    Field{"proxy", IFLA_VXLAN_PROXY, Wire::boolean8},
    Field{"routeShortCircuit", IFLA_VXLAN_RSC, Wire::boolean8},
    Field{"l2Miss", IFLA_VXLAN_L2MISS, Wire::boolean8},
    Field{"l3Miss", IFLA_VXLAN_L3MISS, Wire::boolean8},
    Field{"collectMetadata", IFLA_VXLAN_COLLECT_METADATA, Wire::boolean8},
    Field{"udpChecksum", IFLA_VXLAN_UDP_CSUM, Wire::boolean8},
    Field{"udpZeroChecksum6Transmit", IFLA_VXLAN_UDP_ZERO_CSUM6_TX, Wire::boolean8},
    Field{"udpZeroChecksum6Receive", IFLA_VXLAN_UDP_ZERO_CSUM6_RX, Wire::boolean8},
    Field{"remoteChecksumTransmit", IFLA_VXLAN_REMCSUM_TX, Wire::boolean8},
    Field{"remoteChecksumReceive", IFLA_VXLAN_REMCSUM_RX, Wire::boolean8},
    Field{"remoteChecksumNoPartial", IFLA_VXLAN_REMCSUM_NOPARTIAL, Wire::flag},
    Field{"groupBasedPolicy", IFLA_VXLAN_GBP, Wire::flag},
    Field{"genericProtocolExtension", IFLA_VXLAN_GPE, Wire::flag},
    Field{"vniFilter", IFLA_VXLAN_VNIFILTER, Wire::boolean8},
    Field{"localBypass", kVxlanLocalBypass, Wire::boolean8},
    Field{"reservedBits", kVxlanReservedBits, Wire::bytes},
    given(Field{"multicastRoute", kVxlanMulticastRoute, Wire::boolean8}),
};

// drivers/net/dummy.c, dummy_link_ops: no policy
inline constexpr std::array<Field, 0> kDummy{};

// drivers/net/ifb.c, ifb_link_ops: no policy
inline constexpr std::array<Field, 0> kIfb{};

// drivers/net/wireguard/device.c, link_ops: no policy; keys and peers go by generic netlink
inline constexpr std::array<Field, 0> kWireguard{};

// drivers/net/vrf.c, vrf_nl_policy
inline constexpr std::array kVrf{
    Field{"table", IFLA_VRF_TABLE, Wire::u32, within(1, 0xffffffff)},
};

// linux/if_bonding.h, BOND_MODE_*; names as Documentation/networking/bonding.rst has them
inline constexpr std::array kBondModes{
    Name{"balance-rr", BOND_MODE_ROUNDROBIN}, Name{"active-backup", BOND_MODE_ACTIVEBACKUP},
    Name{"balance-xor", BOND_MODE_XOR},       Name{"broadcast", BOND_MODE_BROADCAST},
    Name{"802.3ad", BOND_MODE_8023AD},        Name{"balance-tlb", BOND_MODE_TLB},
    Name{"balance-alb", BOND_MODE_ALB},
};
// drivers/net/bonding/bond_options.c, bond_arp_validate_tbl
inline constexpr std::array kBondArpValidations{
    Name{"none", 0},   Name{"active", 1},        Name{"backup", 2},        Name{"all", 3},
    Name{"filter", 4}, Name{"filter_active", 5}, Name{"filter_backup", 6},
};
// drivers/net/bonding/bond_options.c, bond_arp_all_targets_tbl
inline constexpr std::array kBondArpAllTargets{Name{"any", 0}, Name{"all", 1}};
// drivers/net/bonding/bond_options.c, bond_primary_reselect_tbl
inline constexpr std::array kBondPrimaryReselections{
    Name{"always", 0},
    Name{"better", 1},
    Name{"failure", 2},
};
// drivers/net/bonding/bond_options.c, bond_fail_over_mac_tbl
inline constexpr std::array kBondFailOverMacs{
    Name{"none", 0},
    Name{"active", 1},
    Name{"follow", 2},
};
// linux/if_bonding.h, BOND_XMIT_POLICY_*
inline constexpr std::array kBondHashPolicies{
    Name{"layer2", BOND_XMIT_POLICY_LAYER2},    Name{"layer3+4", BOND_XMIT_POLICY_LAYER34},
    Name{"layer2+3", BOND_XMIT_POLICY_LAYER23}, Name{"encap2+3", BOND_XMIT_POLICY_ENCAP23},
    Name{"encap3+4", BOND_XMIT_POLICY_ENCAP34}, Name{"vlan+srcmac", BOND_XMIT_POLICY_VLAN_SRCMAC},
};
// drivers/net/bonding/bond_options.c, bond_lacp_rate_tbl
inline constexpr std::array kBondLacpRates{Name{"slow", 0}, Name{"fast", 1}};
// drivers/net/bonding/bond_options.c, bond_ad_select_tbl
inline constexpr std::array kBondAggregatorSelections{
    Name{"stable", 0}, Name{"bandwidth", 1}, Name{"count", 2}, Name{"actor_port_prio", 3},  // 6.18
};

// drivers/net/bonding/bond_netlink.c, bond_fill_info(): only of mode 802.3ad
inline constexpr std::array kBondAggregator{
    Field{"id", IFLA_BOND_AD_INFO_AGGREGATOR, Wire::u16},
    Field{"ports", IFLA_BOND_AD_INFO_NUM_PORTS, Wire::u16},
    Field{"actorKey", IFLA_BOND_AD_INFO_ACTOR_KEY, Wire::u16},
    Field{"partnerKey", IFLA_BOND_AD_INFO_PARTNER_KEY, Wire::u16},
    Field{"partnerAddress", IFLA_BOND_AD_INFO_PARTNER_MAC, Wire::mac},
};

// drivers/net/bonding/bond_netlink.c, bond_policy; times in ms unless the name says otherwise
inline constexpr std::array kBond{
    Field{"mode", IFLA_BOND_MODE, Wire::u8, named(kBondModes)},
    Field{"activePort", IFLA_BOND_ACTIVE_SLAVE, Wire::link},
    Field{"miiInterval", IFLA_BOND_MIIMON, Wire::u32},
    Field{"upDelay", IFLA_BOND_UPDELAY, Wire::u32},
    Field{"downDelay", IFLA_BOND_DOWNDELAY, Wire::u32},
    Field{"peerNotificationDelay", IFLA_BOND_PEER_NOTIF_DELAY, Wire::u32},
    Field{"useCarrier", IFLA_BOND_USE_CARRIER, Wire::boolean8},
    Field{"arpInterval", IFLA_BOND_ARP_INTERVAL, Wire::u32},
    Field{"arpTargets", IFLA_BOND_ARP_IP_TARGET, Wire::list, each(Wire::ip4)},
    Field{"neighbourTargets", IFLA_BOND_NS_IP6_TARGET, Wire::list, each(Wire::ip6)},
    Field{"arpValidate", IFLA_BOND_ARP_VALIDATE, Wire::u32, named(kBondArpValidations)},
    Field{"arpAllTargets", IFLA_BOND_ARP_ALL_TARGETS, Wire::u32, named(kBondArpAllTargets)},
    Field{"missedMax", IFLA_BOND_MISSED_MAX, Wire::u8},
    Field{"primary", IFLA_BOND_PRIMARY, Wire::link},
    Field{"primaryReselect", IFLA_BOND_PRIMARY_RESELECT, Wire::u8, named(kBondPrimaryReselections)},
    Field{"failOverMac", IFLA_BOND_FAIL_OVER_MAC, Wire::u8, named(kBondFailOverMacs)},
    Field{"transmitHashPolicy", IFLA_BOND_XMIT_HASH_POLICY, Wire::u8, named(kBondHashPolicies)},
    Field{"resendIgmp", IFLA_BOND_RESEND_IGMP, Wire::u32},
    Field{"peerNotifications", IFLA_BOND_NUM_PEER_NOTIF, Wire::u8},
    Field{"allPortsActive", IFLA_BOND_ALL_SLAVES_ACTIVE, Wire::boolean8},
    Field{"minLinks", IFLA_BOND_MIN_LINKS, Wire::u32},
    Field{"learningIntervalSeconds", IFLA_BOND_LP_INTERVAL, Wire::u32},
    Field{"packetsPerPort", IFLA_BOND_PACKETS_PER_SLAVE, Wire::u32},
    Field{"lacpRate", IFLA_BOND_AD_LACP_RATE, Wire::u8, named(kBondLacpRates)},
    Field{"lacpActive", IFLA_BOND_AD_LACP_ACTIVE, Wire::boolean8},
    Field{"aggregatorSelection", IFLA_BOND_AD_SELECT, Wire::u8, named(kBondAggregatorSelections)},
    Field{"actorSystemPriority", IFLA_BOND_AD_ACTOR_SYS_PRIO, Wire::u16},
    Field{"actorSystem", IFLA_BOND_AD_ACTOR_SYSTEM, Wire::mac},
    Field{"userPortKey", IFLA_BOND_AD_USER_PORT_KEY, Wire::u16},
    Field{"coupledControl", kBondCoupledControl, Wire::boolean8},
    Field{"dynamicLoadBalancing", IFLA_BOND_TLB_DYNAMIC_LB, Wire::boolean8},
    Field{"broadcastNeighbour", kBondBroadcastNeighbour, Wire::boolean8},
    reported(Field{"aggregator", IFLA_BOND_AD_INFO, Wire::nest, of(kBondAggregator)}),
};

// drivers/net/geneve.c, geneve_policy
inline constexpr std::array kGeneve{
    Field{"vni", IFLA_GENEVE_ID, Wire::u32, within(0, kMaxVni)},
    Field{"remote", IFLA_GENEVE_REMOTE, Wire::ip4},
    Field{"remote6", IFLA_GENEVE_REMOTE6, Wire::ip6},
    Field{"ttl", IFLA_GENEVE_TTL, Wire::u8},
    Field{"ttlInherit", IFLA_GENEVE_TTL_INHERIT, Wire::boolean8},
    Field{"tos", IFLA_GENEVE_TOS, Wire::u8},
    Field{"dontFragment", IFLA_GENEVE_DF, Wire::u8, named(kDontFragment)},
    Field{"flowLabel", IFLA_GENEVE_LABEL, Wire::be32, within(0, kMaxFlowLabel)},
    Field{"sourcePortRange", kGenevePortRange, Wire::structure, of(kPortRange)},
    Field{"destinationPort", IFLA_GENEVE_PORT, Wire::be16},
    Field{"collectMetadata", IFLA_GENEVE_COLLECT_METADATA, Wire::flag},
    Field{"udpChecksum", IFLA_GENEVE_UDP_CSUM, Wire::boolean8},
    Field{"udpZeroChecksum6Transmit", IFLA_GENEVE_UDP_ZERO_CSUM6_TX, Wire::boolean8},
    Field{"udpZeroChecksum6Receive", IFLA_GENEVE_UDP_ZERO_CSUM6_RX, Wire::boolean8},
    Field{"innerProtocolInherit", IFLA_GENEVE_INNER_PROTO_INHERIT, Wire::flag},
    Field{"groHint", kGeneveGroHint, Wire::flag},
};

// linux/if_tunnel.h, GRE_*: bits of a number in network byte order, and so are these constants
inline constexpr std::array kGreFlags{
    Name{"checksum", GRE_CSUM},
    Name{"key", GRE_KEY},
    Name{"sequence", GRE_SEQ},
};

// net/ipv4/ip_gre.c, ipgre_policy, as far as it is for gretap
inline constexpr std::array kGretap{
    Field{"underlay", IFLA_GRE_LINK, Wire::link},
    Field{"local", IFLA_GRE_LOCAL, Wire::ip4},
    Field{"remote", IFLA_GRE_REMOTE, Wire::ip4},
    Field{"inputFlags", IFLA_GRE_IFLAGS, Wire::bits, named(kGreFlags, 2)},
    Field{"outputFlags", IFLA_GRE_OFLAGS, Wire::bits, named(kGreFlags, 2)},
    Field{"inputKey", IFLA_GRE_IKEY, Wire::be32},
    Field{"outputKey", IFLA_GRE_OKEY, Wire::be32},
    Field{"ttl", IFLA_GRE_TTL, Wire::u8},
    Field{"tos", IFLA_GRE_TOS, Wire::u8},
    Field{"pathMtuDiscovery", IFLA_GRE_PMTUDISC, Wire::boolean8},
    Field{"ignoreDontFragment", IFLA_GRE_IGNORE_DF, Wire::boolean8},
    Field{"firewallMark", IFLA_GRE_FWMARK, Wire::u32},
    Field{"encapsulation", IFLA_GRE_ENCAP_TYPE, Wire::u16, named(kEncapsulations)},
    Field{"encapsulationFlags", IFLA_GRE_ENCAP_FLAGS, Wire::bits, named(kEncapsulationFlags, 2)},
    Field{"encapsulationSourcePort", IFLA_GRE_ENCAP_SPORT, Wire::be16},
    Field{"encapsulationDestinationPort", IFLA_GRE_ENCAP_DPORT, Wire::be16},
    Field{"collectMetadata", IFLA_GRE_COLLECT_METADATA, Wire::flag},
};

// linux/in.h, IPPROTO_*: what the tunnel carries
inline constexpr std::array kInnerProtocols{
    Name{"any", 0},
    Name{"ipip", 4},
    Name{"ipv6", 41},
    Name{"mpls", 137},
};

// net/ipv4/ipip.c, ipip_policy
inline constexpr std::array kIpip{
    Field{"underlay", IFLA_IPTUN_LINK, Wire::link},
    Field{"local", IFLA_IPTUN_LOCAL, Wire::ip4},
    Field{"remote", IFLA_IPTUN_REMOTE, Wire::ip4},
    Field{"innerProtocol", IFLA_IPTUN_PROTO, Wire::u8, named(kInnerProtocols)},
    Field{"ttl", IFLA_IPTUN_TTL, Wire::u8},
    Field{"tos", IFLA_IPTUN_TOS, Wire::u8},
    Field{"pathMtuDiscovery", IFLA_IPTUN_PMTUDISC, Wire::boolean8},
    Field{"firewallMark", IFLA_IPTUN_FWMARK, Wire::u32},
    Field{"encapsulation", IFLA_IPTUN_ENCAP_TYPE, Wire::u16, named(kEncapsulations)},
    Field{"encapsulationFlags", IFLA_IPTUN_ENCAP_FLAGS, Wire::bits, named(kEncapsulationFlags, 2)},
    Field{"encapsulationSourcePort", IFLA_IPTUN_ENCAP_SPORT, Wire::be16},
    Field{"encapsulationDestinationPort", IFLA_IPTUN_ENCAP_DPORT, Wire::be16},
    Field{"collectMetadata", IFLA_IPTUN_COLLECT_METADATA, Wire::flag},
};

inline constexpr std::array kSitFlags{Name{"isatap", SIT_ISATAP}};

// net/ipv6/sit.c, ipip6_policy
inline constexpr std::array kSit{
    Field{"underlay", IFLA_IPTUN_LINK, Wire::link},
    Field{"local", IFLA_IPTUN_LOCAL, Wire::ip4},
    Field{"remote", IFLA_IPTUN_REMOTE, Wire::ip4},
    Field{"innerProtocol", IFLA_IPTUN_PROTO, Wire::u8, named(kInnerProtocols)},
    Field{"tunnelFlags", IFLA_IPTUN_FLAGS, Wire::bits, named(kSitFlags, 2)},
    Field{"ttl", IFLA_IPTUN_TTL, Wire::u8},
    Field{"tos", IFLA_IPTUN_TOS, Wire::u8},
    Field{"pathMtuDiscovery", IFLA_IPTUN_PMTUDISC, Wire::boolean8},
    Field{"firewallMark", IFLA_IPTUN_FWMARK, Wire::u32},
    Field{"rapidPrefix", IFLA_IPTUN_6RD_PREFIX, Wire::ip6},
    Field{"rapidPrefixLength", IFLA_IPTUN_6RD_PREFIXLEN, Wire::u16, within(0, 128)},
    Field{"rapidRelayPrefix", IFLA_IPTUN_6RD_RELAY_PREFIX, Wire::ip4},
    Field{"rapidRelayPrefixLength", IFLA_IPTUN_6RD_RELAY_PREFIXLEN, Wire::u16, within(0, 32)},
    Field{"encapsulation", IFLA_IPTUN_ENCAP_TYPE, Wire::u16, named(kEncapsulations)},
    Field{"encapsulationFlags", IFLA_IPTUN_ENCAP_FLAGS, Wire::bits, named(kEncapsulationFlags, 2)},
    Field{"encapsulationSourcePort", IFLA_IPTUN_ENCAP_SPORT, Wire::be16},
    Field{"encapsulationDestinationPort", IFLA_IPTUN_ENCAP_DPORT, Wire::be16},
};

inline constexpr std::array kNetkitModes{Name{"l2", kNetkitL2}, Name{"l3", kNetkitL3}};
inline constexpr std::array kNetkitPolicies{
    Name{"forward", kNetkitForward},
    Name{"blackhole", kNetkitBlackhole},
};
inline constexpr std::array kNetkitScrubs{
    Name{"none", kNetkitScrubNone},
    Name{"default", kNetkitScrubDefault},
};

// drivers/net/netkit.c, netkit_policy
inline constexpr std::array kNetkit{
    Field{"peer", kNetkitPeerInfo, Wire::noun, message_of(kLink), Access::given},
    Field{"mode", kNetkitMode, Wire::u32, named(kNetkitModes)},
    Field{"policy", kNetkitPolicy, Wire::u32, named(kNetkitPolicies)},
    Field{"peerPolicy", kNetkitPeerPolicy, Wire::u32, named(kNetkitPolicies)},
    Field{"scrub", kNetkitScrub, Wire::u32, named(kNetkitScrubs)},
    Field{"peerScrub", kNetkitPeerScrub, Wire::u32, named(kNetkitScrubs)},
    Field{"headroom", kNetkitHeadroom, Wire::u16},
    Field{"tailroom", kNetkitTailroom, Wire::u16},
    reported(Field{"primary", kNetkitPrimary, Wire::boolean8}),
};

/// Every kind, by its name in IFLA_INFO_KIND.
inline constexpr std::array kKinds{
    Table{"veth", kVeth},       Table{"bridge", kBridge},
    Table{"macvlan", kMacvlan}, Table{"macvtap", kMacvlan},
    Table{"ipvlan", kIpvlan},   Table{"vlan", kVlan},
    Table{"vxlan", kVxlan},     Table{"dummy", kDummy},
    Table{"ifb", kIfb},         Table{"vrf", kVrf},
    Table{"bond", kBond},       Table{"geneve", kGeneve},
    Table{"gretap", kGretap},   Table{"ipip", kIpip},
    Table{"sit", kSit},         Table{"wireguard", kWireguard},
    Table{"netkit", kNetkit},
};

// linux/if_bridge.h, BR_STATE_*
inline constexpr std::array kBridgePortStates{
    Name{"disabled", BR_STATE_DISABLED}, Name{"listening", BR_STATE_LISTENING},
    Name{"learning", BR_STATE_LEARNING}, Name{"forwarding", BR_STATE_FORWARDING},
    Name{"blocking", BR_STATE_BLOCKING},
};

// net/bridge/br_netlink.c, br_port_policy and br_port_fill_attrs(); timers in 1/100 s
inline constexpr std::array kBridgePort{
    Field{"state", IFLA_BRPORT_STATE, Wire::u8, named(kBridgePortStates)},
    Field{"priority", IFLA_BRPORT_PRIORITY, Wire::u16},
    Field{"cost", IFLA_BRPORT_COST, Wire::u32},
    Field{"hairpin", IFLA_BRPORT_MODE, Wire::boolean8},
    Field{"bpduGuard", IFLA_BRPORT_GUARD, Wire::boolean8},
    Field{"rootBlock", IFLA_BRPORT_PROTECT, Wire::boolean8},
    Field{"learning", IFLA_BRPORT_LEARNING, Wire::boolean8},
    Field{"unicastFlood", IFLA_BRPORT_UNICAST_FLOOD, Wire::boolean8},
    Field{"multicastFlood", IFLA_BRPORT_MCAST_FLOOD, Wire::boolean8},
    Field{"broadcastFlood", IFLA_BRPORT_BCAST_FLOOD, Wire::boolean8},
    Field{"isolated", IFLA_BRPORT_ISOLATED, Wire::boolean8},
    Field{"locked", IFLA_BRPORT_LOCKED, Wire::boolean8},
    Field{"macAuthenticationBypass", kBridgePortMab, Wire::boolean8},
    Field{"proxyArp", IFLA_BRPORT_PROXYARP, Wire::boolean8},
    Field{"proxyArpWifi", IFLA_BRPORT_PROXYARP_WIFI, Wire::boolean8},
    Field{"neighbourSuppression", IFLA_BRPORT_NEIGH_SUPPRESS, Wire::boolean8},
    Field{"neighbourVlanSuppression", kBridgePortNeighVlanSuppress, Wire::boolean8},
    Field{"vlanTunnel", IFLA_BRPORT_VLAN_TUNNEL, Wire::boolean8},
    Field{"groupForwardMask", IFLA_BRPORT_GROUP_FWD_MASK, Wire::u16},
    Field{"backupPort", IFLA_BRPORT_BACKUP_PORT, Wire::link},
    Field{"backupNextHop", kBridgePortBackupNextHop, Wire::u32},
    Field{"multicastRouter", IFLA_BRPORT_MULTICAST_ROUTER, Wire::u8, named(kMulticastRouterModes)},
    Field{"multicastFastLeave", IFLA_BRPORT_FAST_LEAVE, Wire::boolean8},
    Field{"multicastToUnicast", IFLA_BRPORT_MCAST_TO_UCAST, Wire::boolean8},
    Field{"multicastHostsLimit", IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT, Wire::u32},
    Field{"multicastMaxGroups", kBridgePortMulticastMaxGroups, Wire::u32},
    given(Field{"flushFdb", IFLA_BRPORT_FLUSH, Wire::flag}),
    reported(Field{"multicastHosts", IFLA_BRPORT_MCAST_EHT_HOSTS_CNT, Wire::u32}),
    reported(Field{"multicastGroups", kBridgePortMulticastGroups, Wire::u32}),
    reported(Field{"rootId", IFLA_BRPORT_ROOT_ID, Wire::mac}),
    reported(Field{"bridgeId", IFLA_BRPORT_BRIDGE_ID, Wire::mac}),
    reported(Field{"designatedPort", IFLA_BRPORT_DESIGNATED_PORT, Wire::u16}),
    reported(Field{"designatedCost", IFLA_BRPORT_DESIGNATED_COST, Wire::u16}),
    reported(Field{"portId", IFLA_BRPORT_ID, Wire::u16}),
    reported(Field{"portNumber", IFLA_BRPORT_NO, Wire::u16}),
    reported(Field{"topologyChangeAcknowledged", IFLA_BRPORT_TOPOLOGY_CHANGE_ACK, Wire::boolean8}),
    reported(Field{"configurationPending", IFLA_BRPORT_CONFIG_PENDING, Wire::boolean8}),
    reported(Field{"messageAgeTimer", IFLA_BRPORT_MESSAGE_AGE_TIMER, Wire::u64}),
    reported(Field{"forwardDelayTimer", IFLA_BRPORT_FORWARD_DELAY_TIMER, Wire::u64}),
    reported(Field{"holdTimer", IFLA_BRPORT_HOLD_TIMER, Wire::u64}),
    reported(Field{"mrpRingOpen", IFLA_BRPORT_MRP_RING_OPEN, Wire::boolean8}),
    reported(Field{"mrpInterconnectOpen", IFLA_BRPORT_MRP_IN_OPEN, Wire::boolean8}),
};

inline constexpr std::array kBondPortStates{
    Name{"active", BOND_STATE_ACTIVE},
    Name{"backup", BOND_STATE_BACKUP},
};
inline constexpr std::array kBondLinkStates{
    Name{"up", BOND_LINK_UP},
    Name{"goingDown", BOND_LINK_FAIL},
    Name{"down", BOND_LINK_DOWN},
    Name{"goingUp", BOND_LINK_BACK},
};
// linux/if_bonding.h, LACP_STATE_*
inline constexpr std::array kLacpStates{
    Name{"active", LACP_STATE_LACP_ACTIVITY},    Name{"shortTimeout", LACP_STATE_LACP_TIMEOUT},
    Name{"aggregating", LACP_STATE_AGGREGATION}, Name{"inSync", LACP_STATE_SYNCHRONIZATION},
    Name{"collecting", LACP_STATE_COLLECTING},   Name{"distributing", LACP_STATE_DISTRIBUTING},
    Name{"defaulted", LACP_STATE_DEFAULTED},     Name{"expired", LACP_STATE_EXPIRED},
};

// drivers/net/bonding/bond_netlink.c, bond_slave_policy and bond_fill_slave_info()
inline constexpr std::array kBondPort{
    Field{"queueId", IFLA_BOND_SLAVE_QUEUE_ID, Wire::u16},
    Field{"priority", IFLA_BOND_SLAVE_PRIO, Wire::s32},
    Field{"actorPortPriority", kBondPortActorPriority, Wire::u16},
    reported(Field{"state", IFLA_BOND_SLAVE_STATE, Wire::u8, named(kBondPortStates)}),
    reported(Field{"linkState", IFLA_BOND_SLAVE_MII_STATUS, Wire::u8, named(kBondLinkStates)}),
    reported(Field{"linkFailures", IFLA_BOND_SLAVE_LINK_FAILURE_COUNT, Wire::u32}),
    reported(Field{"permanentAddress", IFLA_BOND_SLAVE_PERM_HWADDR, Wire::mac}),
    reported(Field{"aggregatorId", IFLA_BOND_SLAVE_AD_AGGREGATOR_ID, Wire::u16}),
    reported(Field{"actorState", IFLA_BOND_SLAVE_AD_ACTOR_OPER_PORT_STATE, Wire::bits,
                   named(kLacpStates, 1)}),
    reported(Field{"partnerState", IFLA_BOND_SLAVE_AD_PARTNER_OPER_PORT_STATE, Wire::bits,
                   named(kLacpStates, 2)}),
};

/// What a link's master says of it, by the kind of the master (IFLA_INFO_SLAVE_KIND).
inline constexpr std::array kPortKinds{
    Table{"bridge", kBridgePort},
    Table{"bond", kBondPort},
};

}  // namespace vethwork::rtnl
