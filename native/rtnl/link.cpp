// What a link is on the wire: ifinfomsg and the IFLA_* attributes (net/core/rtnetlink.c).
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "rtnl/kinds.hpp"
#include "rtnl/nouns.hpp"

namespace vethwork::rtnl {
namespace {

constexpr std::array kFlags{
    Name{"up", IFF_UP},
    Name{"broadcast", IFF_BROADCAST},
    Name{"debug", IFF_DEBUG},
    Name{"loopback", IFF_LOOPBACK},
    Name{"pointToPoint", IFF_POINTOPOINT},
    Name{"noTrailers", IFF_NOTRAILERS},
    Name{"running", IFF_RUNNING},
    Name{"noArp", IFF_NOARP},
    Name{"promiscuous", IFF_PROMISC},
    Name{"allMulticast", IFF_ALLMULTI},
    Name{"master", IFF_MASTER},
    Name{"slave", IFF_SLAVE},
    Name{"multicast", IFF_MULTICAST},
    Name{"lowerUp", IFF_LOWER_UP},
    Name{"dormant", IFF_DORMANT},
};

constexpr std::array kLinkLayers{
    Name{"ether", ARPHRD_ETHER},   Name{"loopback", ARPHRD_LOOPBACK}, Name{"none", ARPHRD_NONE},
    Name{"tunnel", ARPHRD_TUNNEL}, Name{"tunnel6", ARPHRD_TUNNEL6},   Name{"sit", ARPHRD_SIT},
    Name{"gre", ARPHRD_IPGRE},     Name{"gre6", ARPHRD_IP6GRE},       Name{"ppp", ARPHRD_PPP},
    Name{"void", ARPHRD_VOID},
};

/// RFC 2863, ifOperStatus; net/core/link_watch.c.
constexpr std::array kOperationalStates{
    Name{"unknown", IF_OPER_UNKNOWN}, Name{"notPresent", IF_OPER_NOTPRESENT},
    Name{"down", IF_OPER_DOWN},       Name{"lowerLayerDown", IF_OPER_LOWERLAYERDOWN},
    Name{"testing", IF_OPER_TESTING}, Name{"dormant", IF_OPER_DORMANT},
    Name{"up", IF_OPER_UP},
};

constexpr std::array kLinkModes{Name{"default", IF_LINK_MODE_DEFAULT},
                                Name{"dormant", IF_LINK_MODE_DORMANT}};

constexpr std::array kAddressGeneration{
    Name{"eui64", IN6_ADDR_GEN_MODE_EUI64},
    Name{"none", IN6_ADDR_GEN_MODE_NONE},
    Name{"stablePrivacy", IN6_ADDR_GEN_MODE_STABLE_PRIVACY},
    Name{"random", IN6_ADDR_GEN_MODE_RANDOM},
};

constexpr Selector kByKind{.property = "kind", .sibling = IFLA_INFO_KIND, .tables = kKinds};
constexpr Selector kByPortKind{
    .property = "portKind", .sibling = IFLA_INFO_SLAVE_KIND, .tables = kPortKinds};

constexpr std::array kLinkInfo{
    Field{"kind", IFLA_INFO_KIND, Wire::text, at_most(15)},
    Field{"", IFLA_INFO_DATA, Wire::selected, chosen_by(kByKind)},
    Field{"portKind", IFLA_INFO_SLAVE_KIND, Wire::text, at_most(15)},
    Field{"port", IFLA_INFO_SLAVE_DATA, Wire::selected, chosen_by(kByPortKind)},
};

constexpr std::array kInet6{
    Field{"ipv6AddressGeneration", IFLA_INET6_ADDR_GEN_MODE, Wire::u8, named(kAddressGeneration)},
};

constexpr std::array kFamilySettings{
    Field{"", AF_INET6, Wire::nest, of(kInet6)},
};

constexpr std::array kHeader{
    given(Field{"link", kInHeader, Wire::link}),
    Field{"index", kInHeader, Wire::u32, within(1, 0x7fffffff)},
    Field{"up", kInHeader, Wire::boolean8},
    given(Field{"promiscuous", kInHeader, Wire::boolean8}),
    given(Field{"allMulticast", kInHeader, Wire::boolean8}),
    given(Field{"multicast", kInHeader, Wire::boolean8}),
    given(Field{"arp", kInHeader, Wire::boolean8}),
    reported(Field{"flags", kInHeader, Wire::bits, named(kFlags)}),
    reported(Field{"type", kInHeader, Wire::u16, named(kLinkLayers)}),
};

constexpr std::array kAttributes{
    Field{"name", IFLA_IFNAME, Wire::text, at_most(IFNAMSIZ - 1)},
    // Queries leave the counters out, which have operations of their own.
    implied(Field{"extendedMask", IFLA_EXT_MASK, Wire::u32}),
    Field{"mtu", IFLA_MTU, Wire::u32},
    reported(Field{"minMtu", IFLA_MIN_MTU, Wire::u32}),
    reported(Field{"maxMtu", IFLA_MAX_MTU, Wire::u32}),
    Field{"address", IFLA_ADDRESS, Wire::mac},
    Field{"broadcast", IFLA_BROADCAST, Wire::mac},
    reported(Field{"permanentAddress", IFLA_PERM_ADDRESS, Wire::mac}),
    Field{"group", IFLA_GROUP, Wire::u32, within(0, 0x7fffffff)},
    Field{"alias", IFLA_IFALIAS, Wire::text, within(0, IFALIASZ - 1)},
    Field{"transmitQueueLength", IFLA_TXQLEN, Wire::u32},
    Field{"transmitQueues", IFLA_NUM_TX_QUEUES, Wire::u32, within(1, 4096)},
    Field{"receiveQueues", IFLA_NUM_RX_QUEUES, Wire::u32, within(1, 4096)},
    Field{"gsoMaxSize", IFLA_GSO_MAX_SIZE, Wire::u32},
    Field{"gsoMaxSegments", IFLA_GSO_MAX_SEGS, Wire::u32},
    Field{"groMaxSize", IFLA_GRO_MAX_SIZE, Wire::u32},
    Field{"parent", IFLA_LINK, Wire::link},
    reported(Field{"parentNamespaceId", IFLA_LINK_NETNSID, Wire::namespace_id}),
    Field{"master", IFLA_MASTER, Wire::link},
    implied(Field{"newIndex", IFLA_NEW_IFINDEX, Wire::u32}),
    given(Field{"namespace", IFLA_NET_NS_FD, Wire::descriptor}),
    Field{"", IFLA_LINKINFO, Wire::nest, of(kLinkInfo)},
    Field{"", IFLA_AF_SPEC, Wire::nest, of(kFamilySettings)},
    reported(Field{"operationalState", IFLA_OPERSTATE, Wire::u8, named(kOperationalStates)}),
    Field{"linkMode", IFLA_LINKMODE, Wire::u8, named(kLinkModes)},
    Field{"carrier", IFLA_CARRIER, Wire::boolean8},
    reported(Field{"carrierChanges", IFLA_CARRIER_CHANGES, Wire::u32}),
    reported(Field{"promiscuity", IFLA_PROMISCUITY, Wire::u32}),
    reported(Field{"queueDiscipline", IFLA_QDISC, Wire::text}),
    Field{"protocolDown", IFLA_PROTO_DOWN, Wire::boolean8},
    Field{"alternativeNames", IFLA_PROP_LIST, Wire::list,
          Detail{.element = Wire::text, .element_type = IFLA_ALT_IFNAME}},
};

void apply_flag(const Record& record, std::string_view property, std::uint32_t flag, bool inverse,
                ifinfomsg& header) {
  if (!record.has(property)) return;
  header.ifi_change |= flag;
  if (record.boolean(property) != inverse) header.ifi_flags |= flag;
}

void write_header(const Record& record, netlink::Message& message) {
  ifinfomsg header{};
  header.ifi_index = record.integer<int>("link", record.integer<int>("index"));
  apply_flag(record, "up", IFF_UP, false, header);
  apply_flag(record, "promiscuous", IFF_PROMISC, false, header);
  apply_flag(record, "allMulticast", IFF_ALLMULTI, false, header);
  apply_flag(record, "multicast", IFF_MULTICAST, false, header);
  apply_flag(record, "arp", IFF_NOARP, true, header);
  message.body(header);
}

void read_header(netlink::BytesView bytes, Record& record) {
  const auto header = *netlink::read<ifinfomsg>(bytes);
  record.append("index", static_cast<double>(header.ifi_index));
  record.append("up", (header.ifi_flags & IFF_UP) != 0);
  record.append("flags", names_of_bits(header.ifi_flags, kFlags));
  record.append("type", name_of(header.ifi_type, kLinkLayers));
}

/// IFLA_LINK is the lower device of most kinds, but the far end of those that come in pairs.
void refine(Record& record) {
  const std::string_view kind = record.text("kind");
  if (kind != "veth" && kind != "netkit") return;
  record.rename("parent", "peerIndex");
  record.rename("parentNamespaceId", "peerNamespaceId");
}

/// drivers/net/veth.c, is_valid_veth_mtu(), which refuses without a word.
void check_veth_mtu(const Record& end, const char* path) {
  const double mtu = end.number("mtu", ETH_DATA_LEN);
  if (mtu >= ETH_MIN_MTU && mtu <= ETH_MAX_MTU) return;
  throw InvalidArgument{InvalidArgument::Kind::range, path,
                        "must be an integer from 68 to 65535 for a veth"};
}

}  // namespace

void complete_new_link(Record& record) {
  if (record.text("kind") != "veth") return;
  check_veth_mtu(record, "mtu");
  const Value* peer = record.find("peer");
  const auto* far = peer == nullptr ? nullptr : peer->as<Record>();
  if (far != nullptr) check_veth_mtu(*far, "peer.mtu");
}

void complete_link_query(Record& record) {
  record.set("extendedMask", static_cast<double>(RTEXT_FILTER_SKIP_STATS));
}

void complete_link_move(Record& record) {
  // The header's index says which link is moved.
  record.rename("index", "newIndex");
}

const Noun kLink{
    .name = "link",
    .header = kHeader,
    .attributes = kAttributes,
    .header_size = sizeof(ifinfomsg),
    .write_header = write_header,
    .read_header = read_header,
    .family = nullptr,
    .refine = refine,
};

}  // namespace vethwork::rtnl
