// What rules are made of: every expression, one table each (net/netfilter/nft_*.c).
//
// Registers are numbered as the kernel counts words of four bytes, from NFT_REG32_00 on. Values are
// bytes: what they mean, the rule's author knows.
#pragma once

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>

#include <array>

#include "rtnl/table.hpp"

namespace vethwork::netfilter {

using rtnl::chosen_by;
using rtnl::each;
using rtnl::Field;
using rtnl::Name;
using rtnl::named;
using rtnl::of;
using rtnl::Table;
using rtnl::Wire;

inline constexpr std::array kVerdicts{
    Name{"drop", 0},
    Name{"accept", 1},
    Name{"continue", static_cast<std::uint32_t>(NFT_CONTINUE)},
    Name{"jump", static_cast<std::uint32_t>(NFT_JUMP)},
    Name{"goto", static_cast<std::uint32_t>(NFT_GOTO)},
    Name{"return", static_cast<std::uint32_t>(NFT_RETURN)},
};

/// A value that lies flat in the record around it.
inline constexpr std::array kValue{Field{"value", NFTA_DATA_VALUE, Wire::bytes}};

inline constexpr std::array kVerdict{
    Field{"verdict", NFTA_VERDICT_CODE, Wire::be32, named(kVerdicts)},
    Field{"chain", NFTA_VERDICT_CHAIN, Wire::text},
};

/// A value or a verdict.
inline constexpr std::array kData{
    Field{"value", NFTA_DATA_VALUE, Wire::bytes},
    Field{"", NFTA_DATA_VERDICT, Wire::nest, of(kVerdict)},
};

inline constexpr std::array kMetaKeys{
    Name{"protocol", NFT_META_PROTOCOL}, Name{"mark", NFT_META_MARK},
    Name{"iif", NFT_META_IIF},           Name{"oif", NFT_META_OIF},
    Name{"iifname", NFT_META_IIFNAME},   Name{"oifname", NFT_META_OIFNAME},
    Name{"nfproto", NFT_META_NFPROTO},   Name{"l4proto", NFT_META_L4PROTO},
    Name{"pkttype", NFT_META_PKTTYPE},
};
inline constexpr std::array kMeta{
    Field{"key", NFTA_META_KEY, Wire::be32, named(kMetaKeys)},
    Field{"to", NFTA_META_DREG, Wire::be32},
    Field{"from", NFTA_META_SREG, Wire::be32},
};

inline constexpr std::array kComparisons{
    Name{"==", NFT_CMP_EQ},  Name{"!=", NFT_CMP_NEQ}, Name{"<", NFT_CMP_LT},
    Name{"<=", NFT_CMP_LTE}, Name{">", NFT_CMP_GT},   Name{">=", NFT_CMP_GTE},
};
inline constexpr std::array kCompare{
    Field{"from", NFTA_CMP_SREG, Wire::be32},
    Field{"operator", NFTA_CMP_OP, Wire::be32, named(kComparisons)},
    Field{"", NFTA_CMP_DATA, Wire::nest, of(kValue)},
};

inline constexpr std::array kPayloadBases{
    Name{"link", NFT_PAYLOAD_LL_HEADER},
    Name{"network", NFT_PAYLOAD_NETWORK_HEADER},
    Name{"transport", NFT_PAYLOAD_TRANSPORT_HEADER},
};
inline constexpr std::array kPayload{
    Field{"to", NFTA_PAYLOAD_DREG, Wire::be32},
    Field{"base", NFTA_PAYLOAD_BASE, Wire::be32, named(kPayloadBases)},
    Field{"offset", NFTA_PAYLOAD_OFFSET, Wire::be32},
    Field{"length", NFTA_PAYLOAD_LEN, Wire::be32},
};

inline constexpr std::array kBitwise{
    Field{"from", NFTA_BITWISE_SREG, Wire::be32},
    Field{"to", NFTA_BITWISE_DREG, Wire::be32},
    Field{"length", NFTA_BITWISE_LEN, Wire::be32},
    Field{"mask", NFTA_BITWISE_MASK, Wire::nest, of(kValue)},
    Field{"xor", NFTA_BITWISE_XOR, Wire::nest, of(kValue)},
};

/// A match in a set or, with `to`, a look into a map; verdicts go to register 0.
inline constexpr std::array kLookup{
    Field{"set", NFTA_LOOKUP_SET, Wire::text},
    Field{"from", NFTA_LOOKUP_SREG, Wire::be32},
    Field{"to", NFTA_LOOKUP_DREG, Wire::be32},
    // Of a set of the same batch; a name is as good.
    rtnl::given(Field{"setId", NFTA_LOOKUP_SET_ID, Wire::be32}),
    Field{"flags", NFTA_LOOKUP_FLAGS, Wire::be32},
};

inline constexpr std::array kImmediate{
    Field{"to", NFTA_IMMEDIATE_DREG, Wire::be32},
    Field{"", NFTA_IMMEDIATE_DATA, Wire::nest, of(kData)},
};

inline constexpr std::array kConnectionKeys{
    Name{"state", NFT_CT_STATE}, Name{"direction", NFT_CT_DIRECTION}, Name{"status", NFT_CT_STATUS},
    Name{"mark", NFT_CT_MARK},   Name{"protoDst", NFT_CT_PROTO_DST},  Name{"dstIp", NFT_CT_DST_IP},
};
inline constexpr std::array kConnectionState{
    Field{"key", NFTA_CT_KEY, Wire::be32, named(kConnectionKeys)},
    Field{"to", NFTA_CT_DREG, Wire::be32},
    Field{"direction", NFTA_CT_DIRECTION, Wire::u8},
};

inline constexpr std::array kFibResults{
    Name{"oif", NFT_FIB_RESULT_OIF},
    Name{"oifname", NFT_FIB_RESULT_OIFNAME},
    Name{"addressType", NFT_FIB_RESULT_ADDRTYPE},
};
inline constexpr std::array kFibFlags{
    Name{"source", NFTA_FIB_F_SADDR},    Name{"destination", NFTA_FIB_F_DADDR},
    Name{"iif", NFTA_FIB_F_IIF},         Name{"oif", NFTA_FIB_F_OIF},
    Name{"present", NFTA_FIB_F_PRESENT},
};
inline constexpr std::array kFib{
    Field{"to", NFTA_FIB_DREG, Wire::be32},
    Field{"result", NFTA_FIB_RESULT, Wire::be32, named(kFibResults)},
    Field{"flags", NFTA_FIB_FLAGS, Wire::be_bits, named(kFibFlags)},
};

inline constexpr std::array kNatTypes{Name{"snat", NFT_NAT_SNAT}, Name{"dnat", NFT_NAT_DNAT}};
inline constexpr std::array kNatFamilies{Name{"ip", 2}, Name{"ip6", 10}};
inline constexpr std::array kNatFlags{
    Name{"mapAddresses", NF_NAT_RANGE_MAP_IPS},
    Name{"mapPorts", NF_NAT_RANGE_PROTO_SPECIFIED},
    Name{"random", NF_NAT_RANGE_PROTO_RANDOM},
    Name{"persistent", NF_NAT_RANGE_PERSISTENT},
    Name{"fullyRandom", NF_NAT_RANGE_PROTO_RANDOM_FULLY},
};
inline constexpr std::array kNat{
    Field{"type", NFTA_NAT_TYPE, Wire::be32, named(kNatTypes)},
    Field{"family", NFTA_NAT_FAMILY, Wire::be32, named(kNatFamilies)},
    Field{"address", NFTA_NAT_REG_ADDR_MIN, Wire::be32},
    Field{"addressMax", NFTA_NAT_REG_ADDR_MAX, Wire::be32},
    Field{"port", NFTA_NAT_REG_PROTO_MIN, Wire::be32},
    Field{"portMax", NFTA_NAT_REG_PROTO_MAX, Wire::be32},
    Field{"flags", NFTA_NAT_FLAGS, Wire::be_bits, named(kNatFlags)},
};
inline constexpr std::array kMasquerade{
    Field{"flags", NFTA_MASQ_FLAGS, Wire::be_bits, named(kNatFlags)},
    Field{"port", NFTA_MASQ_REG_PROTO_MIN, Wire::be32},
    Field{"portMax", NFTA_MASQ_REG_PROTO_MAX, Wire::be32},
};

inline constexpr std::array kCounter{
    Field{"bytes", NFTA_COUNTER_BYTES, Wire::be64},
    Field{"packets", NFTA_COUNTER_PACKETS, Wire::be64},
};

inline constexpr std::array kNumberGenerators{
    Name{"incremental", NFT_NG_INCREMENTAL},
    Name{"random", NFT_NG_RANDOM},
};
inline constexpr std::array kNumberGenerator{
    Field{"to", NFTA_NG_DREG, Wire::be32},
    Field{"modulus", NFTA_NG_MODULUS, Wire::be32},
    Field{"type", NFTA_NG_TYPE, Wire::be32, named(kNumberGenerators)},
    Field{"offset", NFTA_NG_OFFSET, Wire::be32},
};

inline constexpr std::array kRejections{
    Name{"icmpUnreachable", NFT_REJECT_ICMP_UNREACH},
    Name{"tcpReset", NFT_REJECT_TCP_RST},
    Name{"icmpxUnreachable", NFT_REJECT_ICMPX_UNREACH},
};
inline constexpr std::array kReject{
    Field{"type", NFTA_REJECT_TYPE, Wire::be32, named(kRejections)},
    Field{"code", NFTA_REJECT_ICMP_CODE, Wire::u8},
};

/// By the kernel's names.
inline constexpr std::array kExpressions{
    Table{"meta", kMeta},          Table{"cmp", kCompare},     Table{"payload", kPayload},
    Table{"bitwise", kBitwise},    Table{"lookup", kLookup},   Table{"immediate", kImmediate},
    Table{"ct", kConnectionState}, Table{"fib", kFib},         Table{"nat", kNat},
    Table{"masq", kMasquerade},    Table{"counter", kCounter}, Table{"numgen", kNumberGenerator},
    Table{"reject", kReject},
};

inline constexpr rtnl::Selector kExpressionByName{
    .property = "name", .sibling = NFTA_EXPR_NAME, .tables = kExpressions};

inline constexpr std::array kExpression{
    Field{"name", NFTA_EXPR_NAME, Wire::text},
    Field{"", NFTA_EXPR_DATA, Wire::selected, chosen_by(kExpressionByName)},
};

}  // namespace vethwork::netfilter
