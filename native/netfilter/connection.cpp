// Tracked connections on the wire (net/netfilter/nf_conntrack_netlink.c).
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "netfilter/nouns.hpp"

namespace vethwork::netfilter {
namespace {

using rtnl::Field;
using rtnl::of;
using rtnl::Wire;

constexpr std::array kAddresses{
    Field{"source", CTA_IP_V4_SRC, Wire::ip4},
    Field{"destination", CTA_IP_V4_DST, Wire::ip4},
    Field{"source6", CTA_IP_V6_SRC, Wire::ip6},
    Field{"destination6", CTA_IP_V6_DST, Wire::ip6},
};
constexpr std::array kProtocol{
    Field{"protocol", CTA_PROTO_NUM, Wire::u8},
    Field{"sourcePort", CTA_PROTO_SRC_PORT, Wire::be16},
    Field{"destinationPort", CTA_PROTO_DST_PORT, Wire::be16},
    Field{"icmpId", CTA_PROTO_ICMP_ID, Wire::be16},
    Field{"icmpType", CTA_PROTO_ICMP_TYPE, Wire::u8},
    Field{"icmpCode", CTA_PROTO_ICMP_CODE, Wire::u8},
    Field{"icmp6Id", CTA_PROTO_ICMPV6_ID, Wire::be16},
    Field{"icmp6Type", CTA_PROTO_ICMPV6_TYPE, Wire::u8},
    Field{"icmp6Code", CTA_PROTO_ICMPV6_CODE, Wire::u8},
};
/// Packets of one direction.
constexpr std::array kTuple{
    Field{"", CTA_TUPLE_IP, Wire::nest, of(kAddresses)},
    Field{"", CTA_TUPLE_PROTO, Wire::nest, of(kProtocol)},
    Field{"zone", CTA_TUPLE_ZONE, Wire::be16},
};
constexpr std::array kAttributes{
    Field{"original", CTA_TUPLE_ORIG, Wire::nest, of(kTuple)},
    Field{"reply", CTA_TUPLE_REPLY, Wire::nest, of(kTuple)},
    Field{"id", CTA_ID, Wire::be32},
    Field{"zone", CTA_ZONE, Wire::be16},
    rtnl::reported(Field{"status", CTA_STATUS, Wire::be32}),
    rtnl::reported(Field{"timeout", CTA_TIMEOUT, Wire::be32}),
    rtnl::reported(Field{"mark", CTA_MARK, Wire::be32}),
};

}  // namespace

const rtnl::Noun kConnection{.name = "connection",
                             .header = kFamilyHeader,
                             .attributes = kAttributes,
                             .header_size = sizeof(nfgenmsg),
                             .write_header = write_family,
                             .read_header = read_family,
                             .family = nullptr,
                             .refine = nullptr};

}  // namespace vethwork::netfilter
