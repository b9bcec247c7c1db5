// What a routing rule is on the wire: fib_rule_hdr and FRA_* (net/core/fib_rules.c).
#include <linux/fib_rules.h>
#include <linux/if.h>

#include "rtnl/nouns.hpp"

namespace vethwork::rtnl {
namespace {

constexpr std::array kActions{
    Name{"table", FR_ACT_TO_TBL},
    Name{"goto", FR_ACT_GOTO},
    Name{"nop", FR_ACT_NOP},
    Name{"blackhole", FR_ACT_BLACKHOLE},
    Name{"unreachable", FR_ACT_UNREACHABLE},
    Name{"prohibit", FR_ACT_PROHIBIT},
};

constexpr std::array kFlags{
    Name{"permanent", FIB_RULE_PERMANENT},
    Name{"invert", FIB_RULE_INVERT},
    Name{"unresolved", FIB_RULE_UNRESOLVED},
    Name{"inputDeviceDetached", FIB_RULE_IIF_DETACHED},
    Name{"outputDeviceDetached", FIB_RULE_OIF_DETACHED},
};

constexpr std::array kUidRange{
    Field{"first", offsetof(fib_rule_uid_range, start), Wire::u32},
    Field{"last", offsetof(fib_rule_uid_range, end), Wire::u32},
};

constexpr std::array kPortRange{
    Field{"first", offsetof(fib_rule_port_range, start), Wire::u16},
    Field{"last", offsetof(fib_rule_port_range, end), Wire::u16},
};

constexpr std::array kHeader{
    Field{"family", kInHeader, Wire::text, named(kFamilies)},
    Field{"from", kInHeader, Wire::text},
    Field{"to", kInHeader, Wire::text},
    Field{"tos", kInHeader, Wire::u8},
    Field{"table", kInHeader, Wire::u32, named(kRouteTables)},
    Field{"action", kInHeader, Wire::u8, named(kActions)},
    Field{"invert", kInHeader, Wire::boolean8},
    reported(Field{"flags", kInHeader, Wire::bits, named(kFlags)}),
    implied(Field{"fromLength", kInHeader, Wire::u8}),
    implied(Field{"toLength", kInHeader, Wire::u8}),
};

constexpr std::array kAttributes{
    implied(Field{"fromAddress", FRA_SRC, Wire::ip}),
    implied(Field{"toAddress", FRA_DST, Wire::ip}),
    implied(Field{"tableNumber", FRA_TABLE, Wire::u32}),
    Field{"priority", FRA_PRIORITY, Wire::u32},
    Field{"inputDevice", FRA_IIFNAME, Wire::text, at_most(IFNAMSIZ - 1)},
    Field{"outputDevice", FRA_OIFNAME, Wire::text, at_most(IFNAMSIZ - 1)},
    Field{"goto", FRA_GOTO, Wire::u32},
    Field{"mark", FRA_FWMARK, Wire::u32},
    Field{"markMask", FRA_FWMASK, Wire::u32},
    Field{"suppressPrefixLength", FRA_SUPPRESS_PREFIXLEN, Wire::s32},
    Field{"suppressGroup", FRA_SUPPRESS_IFGROUP, Wire::s32},
    Field{"realm", FRA_FLOW, Wire::u32},
    Field{"l3mdev", FRA_L3MDEV, Wire::boolean8},
    Field{"uidRange", FRA_UID_RANGE, Wire::structure, of(kUidRange)},
    Field{"protocol", FRA_PROTOCOL, Wire::u8, named(kRouteProtocols)},
    Field{"ipProtocol", FRA_IP_PROTO, Wire::u8},
    Field{"sourcePorts", FRA_SPORT_RANGE, Wire::structure, of(kPortRange)},
    Field{"destinationPorts", FRA_DPORT_RANGE, Wire::structure, of(kPortRange)},
};

std::uint8_t family(const Record& record) {
  if (record.has("family")) return family_of(record);
  for (const std::string_view name : {"fromAddress", "toAddress"}) {
    if (const auto ip = parse_ip(record.text(name))) return ip->family;
  }
  return AF_UNSPEC;
}

void write_header(const Record& record, netlink::Message& message) {
  fib_rule_hdr header{};
  header.family = family(record);
  header.src_len = record.integer<std::uint8_t>("fromLength");
  header.dst_len = record.integer<std::uint8_t>("toLength");
  header.tos = record.integer<std::uint8_t>("tos");
  const std::uint32_t table = number_of(record, "table", kRouteTables, 0);
  header.table = static_cast<std::uint8_t>(table < 256 ? table : 0);
  header.action = static_cast<std::uint8_t>(number_of(record, "action", kActions, 0));
  if (record.boolean("invert")) header.flags |= FIB_RULE_INVERT;
  message.body(header);
}

void read_header(netlink::BytesView bytes, Record& record) {
  const auto header = *netlink::read<fib_rule_hdr>(bytes);
  record.append("family", name_of(header.family, kFamilies));
  record.append("fromLength", static_cast<double>(header.src_len));
  record.append("toLength", static_cast<double>(header.dst_len));
  if (header.tos != 0) record.append("tos", static_cast<double>(header.tos));
  record.append("table", name_of(header.table, kRouteTables));
  record.append("action", name_of(header.action, kActions));
  record.append("invert", (header.flags & FIB_RULE_INVERT) != 0);
  record.append("flags", names_of_bits(header.flags, kFlags));
}

void refine(Record& record) {
  join_prefix(record, "from", "fromAddress", "fromLength", "");
  join_prefix(record, "to", "toAddress", "toLength", "");
  if (record.has("tableNumber")) {
    record.set("table", name_of(record.integer<std::uint32_t>("tableNumber"), kRouteTables));
    record.erase("tableNumber");
  }
  if (record.text("action") != "table" || record.boolean("l3mdev")) record.erase("table");
  // net/core/fib_rules.c, fib_nl_fill_rule(): 0 is not sent.
  if (!record.has("priority")) record.set("priority", 0.0);
  // -1 says that nothing is suppressed.
  for (const std::string_view name : {"suppressPrefixLength", "suppressGroup"}) {
    if (record.number(name) < 0) record.erase(name);
  }
}

}  // namespace

void complete_rule_match(Record& record) {
  if (record.has("from")) split_prefix(record, "from", "fromAddress", "fromLength");
  if (record.has("to")) split_prefix(record, "to", "toAddress", "toLength");
  if (family(record) == AF_UNSPEC) record.set("family", std::string{"inet"});
  if (record.has("goto") && !record.has("action")) record.set("action", std::string{"goto"});
  refuse_all_tables(record);
  const std::uint32_t table = number_of(record, "table", kRouteTables, 0);
  if (table > 255) record.set("tableNumber", static_cast<double>(table));
}

void complete_new_rule(Record& record) {
  complete_rule_match(record);
  if (!record.has("action")) record.set("action", std::string{"table"});
  // net/ipv4/fib_rules.c, fib4_rule_configure(): without a table IPv4 would make an empty one.
  const bool looks_up = number_of(record, "action", kActions, 0) == FR_ACT_TO_TBL;
  if (looks_up && !record.has("table") && !record.boolean("l3mdev")) {
    record.set("table", std::string{"main"});
  }
}

const Noun kRule{
    .name = "rule",
    .header = kHeader,
    .attributes = kAttributes,
    .header_size = sizeof(fib_rule_hdr),
    .write_header = write_header,
    .read_header = read_header,
    .family = family,
    .refine = refine,
};

}  // namespace vethwork::rtnl
