// What a route is on the wire: rtmsg and RTA_* (net/ipv4/fib_frontend.c, net/ipv6/route.c).
#include <linux/rtnetlink.h>

#include <cmath>

#include "rtnl/nouns.hpp"

namespace vethwork::rtnl {
namespace {

constexpr std::array kTypes{
    Name{"unspec", RTN_UNSPEC},
    Name{"unicast", RTN_UNICAST},
    Name{"local", RTN_LOCAL},
    Name{"broadcast", RTN_BROADCAST},
    Name{"anycast", RTN_ANYCAST},
    Name{"multicast", RTN_MULTICAST},
    Name{"blackhole", RTN_BLACKHOLE},
    Name{"unreachable", RTN_UNREACHABLE},
    Name{"prohibit", RTN_PROHIBIT},
    Name{"throw", RTN_THROW},
    Name{"nat", RTN_NAT},
};

constexpr std::array kFlags{
    Name{"dead", RTNH_F_DEAD},         Name{"pervasive", RTNH_F_PERVASIVE},
    Name{"onlink", RTNH_F_ONLINK},     Name{"offload", RTNH_F_OFFLOAD},
    Name{"linkdown", RTNH_F_LINKDOWN}, Name{"unresolved", RTNH_F_UNRESOLVED},
    Name{"trap", RTNH_F_TRAP},         Name{"cloned", RTM_F_CLONED},
};

constexpr std::array kPreferences{Name{"medium", 0}, Name{"high", 1}, Name{"low", 3}};

/// include/uapi/linux/rtnetlink.h, RTAX_*.
constexpr std::array kMetrics{
    Field{"lock", RTAX_LOCK, Wire::u32},
    Field{"mtu", RTAX_MTU, Wire::u32},
    Field{"window", RTAX_WINDOW, Wire::u32},
    Field{"rtt", RTAX_RTT, Wire::u32},
    Field{"rttvar", RTAX_RTTVAR, Wire::u32},
    Field{"ssthresh", RTAX_SSTHRESH, Wire::u32},
    Field{"cwnd", RTAX_CWND, Wire::u32},
    Field{"advmss", RTAX_ADVMSS, Wire::u32},
    Field{"reordering", RTAX_REORDERING, Wire::u32},
    Field{"hoplimit", RTAX_HOPLIMIT, Wire::u32},
    Field{"initcwnd", RTAX_INITCWND, Wire::u32},
    Field{"features", RTAX_FEATURES, Wire::u32},
    Field{"rtoMin", RTAX_RTO_MIN, Wire::u32},
    Field{"initrwnd", RTAX_INITRWND, Wire::u32},
    Field{"quickack", RTAX_QUICKACK, Wire::u32},
    Field{"congestionControl", RTAX_CC_ALGO, Wire::text},
    Field{"fastopenNoCookie", RTAX_FASTOPEN_NO_COOKIE, Wire::u32},
};

/// In 1/100 s. Of a listing; a new route's time is RTA_EXPIRES, in seconds.
constexpr std::array kCacheInfo{
    Field{"expires", offsetof(rta_cacheinfo, rta_expires), Wire::s32},
};

/// `device`, `weight` and `onlink` lie in the rtnexthop header.
constexpr std::array kNextHop{
    Field{"device", kInHeader, Wire::link},
    Field{"weight", kInHeader, Wire::u16, within(1, 256)},
    Field{"onlink", kInHeader, Wire::boolean8},
    Field{"via", RTA_GATEWAY, Wire::gateway},
    reported(Field{"via", RTA_VIA, Wire::via}),
};

constexpr std::array kHeader{
    Field{"family", kInHeader, Wire::text, named(kFamilies)},
    Field{"to", kInHeader, Wire::text},
    Field{"from", kInHeader, Wire::text},
    Field{"tos", kInHeader, Wire::u8},
    Field{"table", kInHeader, Wire::u32, named(kRouteTables)},
    Field{"protocol", kInHeader, Wire::u8, named(kRouteProtocols)},
    Field{"scope", kInHeader, Wire::u8, named(kScopes)},
    Field{"type", kInHeader, Wire::u8, named(kTypes)},
    Field{"onlink", kInHeader, Wire::boolean8},
    reported(Field{"flags", kInHeader, Wire::bits, named(kFlags)}),
    implied(Field{"destinationLength", kInHeader, Wire::u8}),
    implied(Field{"originLength", kInHeader, Wire::u8}),
    implied(Field{"lookupFlags", kInHeader, Wire::u32}),
};

constexpr std::array kAttributes{
    implied(Field{"destination", RTA_DST, Wire::ip}),
    implied(Field{"origin", RTA_SRC, Wire::ip}),
    implied(Field{"tableNumber", RTA_TABLE, Wire::u32}),
    Field{"via", RTA_GATEWAY, Wire::gateway},
    reported(Field{"via", RTA_VIA, Wire::via}),
    Field{"device", RTA_OIF, Wire::link},
    Field{"inputDevice", RTA_IIF, Wire::link},
    Field{"source", RTA_PREFSRC, Wire::ip},
    Field{"metric", RTA_PRIORITY, Wire::u32},
    Field{"metrics", RTA_METRICS, Wire::nest, of(kMetrics)},
    Field{"nexthops", RTA_MULTIPATH, Wire::nexthops, of(kNextHop)},
    Field{"nexthopId", RTA_NH_ID, Wire::u32},
    Field{"mark", RTA_MARK, Wire::u32},
    Field{"uid", RTA_UID, Wire::u32},
    Field{"realm", RTA_FLOW, Wire::u32},
    Field{"preference", RTA_PREF, Wire::u8, named(kPreferences)},
    Field{"expires", RTA_EXPIRES, Wire::u32},
    implied(Field{"cacheInfo", RTA_CACHEINFO, Wire::structure, of(kCacheInfo)}),
    Field{"ipProtocol", RTA_IP_PROTO, Wire::u8},
    Field{"sourcePort", RTA_SPORT, Wire::be16},
    Field{"destinationPort", RTA_DPORT, Wire::be16},
};

/// The first of the route's addresses tells its family; "default" alone tells none.
std::uint8_t family(const Record& record) {
  if (record.has("family")) return family_of(record);
  for (const std::string_view name : {"destination", "origin", "source", "via"}) {
    if (const auto ip = parse_ip(record.text(name))) return ip->family;
  }
  const Value* nexthops = record.find("nexthops");
  const List* list = nexthops == nullptr ? nullptr : nexthops->as<List>();
  if (list == nullptr || list->empty()) return AF_UNSPEC;
  const auto* first = list->front().as<Record>();
  const auto ip = first == nullptr ? std::nullopt : parse_ip(first->text("via"));
  return ip ? ip->family : std::uint8_t{AF_UNSPEC};
}

std::uint8_t small_number(const Record& record, std::string_view name, Names names) {
  return static_cast<std::uint8_t>(number_of(record, name, names, 0));
}

void write_header(const Record& record, netlink::Message& message) {
  rtmsg header{};
  header.rtm_family = family(record);
  header.rtm_dst_len = record.integer<unsigned char>("destinationLength");
  header.rtm_src_len = record.integer<unsigned char>("originLength");
  header.rtm_tos = record.integer<unsigned char>("tos");
  const std::uint32_t table = number_of(record, "table", kRouteTables, RT_TABLE_UNSPEC);
  header.rtm_table = static_cast<unsigned char>(table < 256 ? table : RT_TABLE_UNSPEC);
  header.rtm_protocol = small_number(record, "protocol", kRouteProtocols);
  header.rtm_scope = small_number(record, "scope", kScopes);
  header.rtm_type = small_number(record, "type", kTypes);
  header.rtm_flags = record.integer<unsigned>("lookupFlags");
  if (record.boolean("onlink")) header.rtm_flags |= RTNH_F_ONLINK;
  message.body(header);
}

void read_header(netlink::BytesView bytes, Record& record) {
  const auto header = *netlink::read<rtmsg>(bytes);
  record.append("family", name_of(header.rtm_family, kFamilies));
  record.append("to", std::string{});
  record.append("destinationLength", static_cast<double>(header.rtm_dst_len));
  record.append("originLength", static_cast<double>(header.rtm_src_len));
  if (header.rtm_tos != 0) record.append("tos", static_cast<double>(header.rtm_tos));
  record.append("table", name_of(header.rtm_table, kRouteTables));
  record.append("protocol", name_of(header.rtm_protocol, kRouteProtocols));
  record.append("scope", name_of(header.rtm_scope, kScopes));
  record.append("type", name_of(header.rtm_type, kTypes));
  record.append("onlink", (header.rtm_flags & RTNH_F_ONLINK) != 0);
  record.append("flags", names_of_bits(header.rtm_flags, kFlags));
}

void refine(Record& record) {
  join_prefix(record, "to", "destination", "destinationLength", "default");
  join_prefix(record, "from", "origin", "originLength", "");
  // net/ipv6/route.c, rt6_fill_node(): a lookup without a source is answered with this one.
  if (record.text("from") == "::/128") record.erase("from");
  if (record.has("tableNumber")) {
    record.set("table", name_of(record.integer<std::uint32_t>("tableNumber"), kRouteTables));
    record.erase("tableNumber");
  }
  if (const Value* value = record.find("cacheInfo")) {
    const double hundredths = value->as<Record>()->number("expires");
    record.erase("cacheInfo");
    if (hundredths > 0) record.set("expires", std::ceil(hundredths / 100));
  }
}

/// The network part alone: the kernel refuses a destination with host bits set.
void mask_destination(Record& record) {
  Ip ip = *parse_ip(record.text("destination"));
  const int length = record.integer<int>("destinationLength");
  for (int bit = length; bit < ip.bits(); ++bit) {
    ip.octets.at(static_cast<std::size_t>(bit / 8)) &= ~(std::byte{0x80} >> (bit % 8));
  }
  record.set("destination", format_ip(ip));
}

void split_prefixes(Record& record) {
  refuse_all_tables(record);
  if (record.text("to") == "default") {
    record.erase("to");
  } else if (record.has("to")) {
    split_prefix(record, "to", "destination", "destinationLength");
    mask_destination(record);
  }
  if (record.has("from")) split_prefix(record, "from", "origin", "originLength");
  // Without any address a route is IPv4's, as with `ip route`.
  if (family(record) == AF_UNSPEC) record.set("family", std::string{"inet"});
  const std::uint32_t table = number_of(record, "table", kRouteTables, RT_TABLE_MAIN);
  if (table == RT_TABLE_UNSPEC) {
    throw InvalidArgument{InvalidArgument::Kind::range, "table", "must be one table"};
  }
  record.set("table", static_cast<double>(table));
  if (table > 255) record.set("tableNumber", static_cast<double>(table));
}

std::string_view natural_scope(const Record& record, std::uint32_t type) {
  switch (type) {
    case RTN_LOCAL:
    case RTN_NAT:
      return "host";
    case RTN_BROADCAST:
    case RTN_MULTICAST:
    case RTN_ANYCAST:
      return "link";
    case RTN_UNICAST:
      return record.has("via") || record.has("nexthops") || record.has("nexthopId") ? "global"
                                                                                    : "link";
    default:
      return "global";
  }
}

}  // namespace

void complete_new_route(Record& record) {
  split_prefixes(record);
  // net/ipv4/fib_frontend.c, rtm_to_fib_config(): IPv4 would add it for every source.
  if (record.has("origin") && family(record) == AF_INET) {
    throw InvalidArgument{InvalidArgument::Kind::range, "from", "is for IPv6 routes alone"};
  }
  const std::uint32_t type = number_of(record, "type", kTypes, RTN_UNICAST);
  record.set("type", static_cast<double>(type));
  if (!record.has("protocol")) record.set("protocol", std::string{"boot"});
  if (!record.has("scope") && family(record) == AF_INET) {
    record.set("scope", std::string{natural_scope(record, type)});
  }
}

void complete_route_match(Record& record) {
  split_prefixes(record);
  // net/ipv4/fib_semantics.c, fib_table_delete(): "nowhere" matches every scope.
  if (!record.has("scope")) record.set("scope", std::string{"nowhere"});
}

void complete_route_filter(Record& record) {
  const std::uint32_t table = number_of(record, "table", kRouteTables, RT_TABLE_MAIN);
  record.set("table", static_cast<double>(table));
  if (table > 255) record.set("tableNumber", static_cast<double>(table));
}

void complete_route_lookup(Record& record) {
  split_prefix(record, "to", "destination", "destinationLength");
  if (record.has("from")) split_prefix(record, "from", "origin", "originLength");
  const Ip ip = *parse_ip(record.text("destination"));
  if (record.integer<int>("destinationLength") != ip.bits()) {
    throw InvalidArgument{InvalidArgument::Kind::range, "to", "must be one address, not a prefix"};
  }
  // net/ipv6/route.c, inet6_rtm_valid_getroute_req(): IPv6 always tells the table, and refuses
  // this.
  if (ip.family == AF_INET) record.set("lookupFlags", static_cast<double>(RTM_F_LOOKUP_TABLE));
}

const Noun kRoute{
    .name = "route",
    .header = kHeader,
    .attributes = kAttributes,
    .header_size = sizeof(rtmsg),
    .write_header = write_header,
    .read_header = read_header,
    .family = family,
    .refine = refine,
};

}  // namespace vethwork::rtnl
