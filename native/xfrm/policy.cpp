// Policies on the wire: xfrm_userpolicy_info, xfrm_userpolicy_id, xfrm_user_tmpl
// (net/xfrm/xfrm_user.c).
#include <linux/xfrm.h>

#include <limits>

#include "rtnl/nouns.hpp"
#include "xfrm/nouns.hpp"

namespace vethwork::xfrm {
namespace {

using rtnl::Field;
using rtnl::kInHeader;
using rtnl::Name;
using rtnl::named;
using rtnl::Record;
using rtnl::reported;
using rtnl::Wire;

constexpr std::array kDirections{
    Name{"in", XFRM_POLICY_IN},
    Name{"out", XFRM_POLICY_OUT},
    Name{"forward", XFRM_POLICY_FWD},
};
constexpr std::array kActions{
    Name{"allow", XFRM_POLICY_ALLOW},
    Name{"block", XFRM_POLICY_BLOCK},
};
constexpr std::array kFlags{
    Name{"localOk", XFRM_POLICY_LOCALOK},
    Name{"icmp", XFRM_POLICY_ICMP},
};
/// Of the packets that a selector is for.
constexpr std::array kPacketProtocols{Name{"tcp", 6}, Name{"udp", 17}};

/// The addresses are left unspecified, which in transport mode means those of the packet
/// (net/xfrm/xfrm_policy.c, xfrm_tmpl_resolve_one()).
constexpr std::array kTemplate{
    Field{"protocol", offsetof(xfrm_user_tmpl, id.proto), Wire::u8, named(kProtocols)},
    Field{"family", offsetof(xfrm_user_tmpl, family), Wire::u16, named(rtnl::kFamilies)},
    Field{"reqid", offsetof(xfrm_user_tmpl, reqid), Wire::u32},
    Field{"mode", offsetof(xfrm_user_tmpl, mode), Wire::u8, named(kModes)},
    Field{"optional", offsetof(xfrm_user_tmpl, optional), Wire::boolean8},
    Field{"authentications", offsetof(xfrm_user_tmpl, aalgos), Wire::u32},
    Field{"encryptions", offsetof(xfrm_user_tmpl, ealgos), Wire::u32},
    Field{"compressions", offsetof(xfrm_user_tmpl, calgos), Wire::u32},
};
static_assert(sizeof(xfrm_user_tmpl) <= std::numeric_limits<std::uint8_t>::max());

constexpr Field kDirection{"direction", kInHeader, Wire::text, named(kDirections)};
constexpr Field kFamily{"family", kInHeader, Wire::text, named(rtnl::kFamilies)};
constexpr Field kSource{"source", kInHeader, Wire::text};
constexpr Field kDestination{"destination", kInHeader, Wire::text};
constexpr Field kProtocol{"protocol", kInHeader, Wire::u8, named(kPacketProtocols)};
constexpr Field kSourcePort{"sourcePort", kInHeader, Wire::u16};
constexpr Field kDestinationPort{"destinationPort", kInHeader, Wire::u16};

constexpr std::array kHeader{
    kDirection,
    kFamily,
    kSource,
    kDestination,
    kProtocol,
    kSourcePort,
    kDestinationPort,
    Field{"priority", kInHeader, Wire::u32},
    Field{"action", kInHeader, Wire::u8, named(kActions)},
    Field{"flags", kInHeader, Wire::bits, named(kFlags, 1)},
    reported(Field{"index", kInHeader, Wire::u32}),
};
constexpr std::array kAttributes{
    Field{"templates", XFRMA_TMPL, Wire::structures,
          rtnl::each_of(kTemplate, sizeof(xfrm_user_tmpl))},
};
constexpr std::array kIdHeader{
    kDirection, kFamily, kSource, kDestination, kProtocol, kSourcePort, kDestinationPort,
};

/// Puts a prefix into a selector; an absent one is of length 0, any address.
void write_prefix(const Record& record, std::string_view property, std::uint16_t family,
                  xfrm_address_t& address, std::uint8_t& length) {
  if (!record.has(property)) return;
  const std::string path{property};
  const rtnl::Prefix prefix = rtnl::parse_prefix(record.text(property), path);
  if (prefix.ip.family != family) {
    throw rtnl::InvalidArgument{rtnl::InvalidArgument::Kind::range, path,
                                family == AF_INET ? "must be IPv4" : "must be IPv6"};
  }
  address = address_of(prefix.ip);
  length = prefix.length;
}

/// Puts a port into a selector; an absent one is any.
void write_port(const Record& record, std::string_view property, std::uint16_t& port,
                std::uint16_t& mask) {
  if (!record.has(property)) return;
  port = netlink::swap_network_order(record.integer<std::uint16_t>(property));
  mask = std::numeric_limits<std::uint16_t>::max();
}

xfrm_selector selector_of(const Record& record) {
  xfrm_selector selector{};
  selector.family = rtnl::family_of(record);
  write_prefix(record, "source", selector.family, selector.saddr, selector.prefixlen_s);
  write_prefix(record, "destination", selector.family, selector.daddr, selector.prefixlen_d);
  write_port(record, "sourcePort", selector.sport, selector.sport_mask);
  write_port(record, "destinationPort", selector.dport, selector.dport_mask);
  selector.proto =
      static_cast<std::uint8_t>(rtnl::number_of(record, "protocol", kPacketProtocols, 0));
  return selector;
}

std::uint8_t direction_of(const Record& record) {
  return static_cast<std::uint8_t>(rtnl::number_of(record, "direction", kDirections, 0));
}

void read_prefix(const xfrm_address_t& address, std::uint16_t family, std::uint8_t length,
                 std::string_view property, Record& record) {
  const auto ip = ip_of(address, family);
  if (ip && length > 0) {
    record.append(property, rtnl::format_prefix({.ip = *ip, .length = length}));
  }
}

/// Under a mask of fewer bits it is no port.
void read_port(std::uint16_t port, std::uint16_t mask, std::string_view property, Record& record) {
  if (mask != std::numeric_limits<std::uint16_t>::max()) return;
  record.append(property, static_cast<double>(netlink::swap_network_order(port)));
}

void read_selector(const xfrm_selector& selector, std::uint8_t direction, Record& record) {
  record.append("direction", rtnl::name_of(direction, kDirections));
  record.append("family", rtnl::name_of(selector.family, rtnl::kFamilies));
  read_prefix(selector.saddr, selector.family, selector.prefixlen_s, "source", record);
  read_prefix(selector.daddr, selector.family, selector.prefixlen_d, "destination", record);
  if (selector.proto != 0) {
    record.append("protocol", rtnl::name_of(selector.proto, kPacketProtocols));
  }
  read_port(selector.sport, selector.sport_mask, "sourcePort", record);
  read_port(selector.dport, selector.dport_mask, "destinationPort", record);
}

void write_header(const Record& record, netlink::Message& message) {
  xfrm_userpolicy_info info{};
  info.sel = selector_of(record);
  info.lft = endless();
  info.priority = record.integer<std::uint32_t>("priority");
  info.dir = direction_of(record);
  info.action = static_cast<std::uint8_t>(rtnl::number_of(record, "action", kActions, 0));
  info.flags = static_cast<std::uint8_t>(rtnl::bits_of(record, "flags", kFlags));
  message.body(info);
}

void read_header(netlink::BytesView header, Record& record) {
  const auto info = *netlink::read<xfrm_userpolicy_info>(header);
  read_selector(info.sel, info.dir, record);
  record.append("priority", static_cast<double>(info.priority));
  record.append("action", rtnl::name_of(info.action, kActions));
  record.append("flags", rtnl::names_of_bits(info.flags, kFlags));
  record.append("index", static_cast<double>(info.index));
}

void write_id(const Record& record, netlink::Message& message) {
  xfrm_userpolicy_id id{};
  id.sel = selector_of(record);
  id.dir = direction_of(record);
  message.body(id);
}

void read_id(netlink::BytesView header, Record& record) {
  const auto id = *netlink::read<xfrm_userpolicy_id>(header);
  read_selector(id.sel, id.dir, record);
}

}  // namespace

const rtnl::Noun kPolicy{.name = "policy",
                         .header = kHeader,
                         .attributes = kAttributes,
                         .header_size = sizeof(xfrm_userpolicy_info),
                         .write_header = write_header,
                         .read_header = read_header,
                         .family = nullptr,
                         .refine = nullptr};

const rtnl::Noun kPolicyId{.name = "policyId",
                           .header = kIdHeader,
                           .attributes = {},
                           .header_size = sizeof(xfrm_userpolicy_id),
                           .write_header = write_id,
                           .read_header = read_id,
                           .family = nullptr,
                           .refine = nullptr};

}  // namespace vethwork::xfrm
