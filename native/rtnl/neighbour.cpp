// What neighbours and bridge FDB entries are on the wire: ndmsg and NDA_* (net/core/neighbour.c,
// net/core/rtnetlink.c, net/bridge/br_fdb.c). The two nouns share the header.
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "rtnl/nouns.hpp"

namespace vethwork::rtnl {
namespace {

constexpr std::array kStates{
    Name{"none", NUD_NONE},           Name{"incomplete", NUD_INCOMPLETE},
    Name{"reachable", NUD_REACHABLE}, Name{"stale", NUD_STALE},
    Name{"delay", NUD_DELAY},         Name{"probe", NUD_PROBE},
    Name{"failed", NUD_FAILED},       Name{"noArp", NUD_NOARP},
    Name{"permanent", NUD_PERMANENT},
};

/// As `bridge fdb` sends them: vxlan takes no static entry without NUD_REACHABLE
/// (drivers/net/vxlan/vxlan_core.c, vxlan_fdb_add()), a bridge only looks at the other two bits.
constexpr std::array kFdbStates{
    Name{"permanent", NUD_PERMANENT | NUD_NOARP},
    Name{"static", NUD_NOARP | NUD_REACHABLE},
    Name{"reachable", NUD_REACHABLE},
    Name{"stale", NUD_STALE},
};

/// net/bridge/br_fdb.c, fdb_to_nud(): a bridge shows one bit, vxlan what the entry was made with.
constexpr std::uint32_t fdb_state(std::uint16_t state) {
  if ((state & NUD_PERMANENT) != 0) return NUD_PERMANENT | NUD_NOARP;
  if ((state & NUD_NOARP) != 0) return NUD_NOARP | NUD_REACHABLE;
  return state;
}

constexpr std::array kFlags{
    Name{"use", NTF_USE},
    Name{"self", NTF_SELF},
    Name{"master", NTF_MASTER},
    Name{"proxy", NTF_PROXY},
    Name{"externallyLearned", NTF_EXT_LEARNED},
    Name{"offloaded", NTF_OFFLOADED},
    Name{"sticky", NTF_STICKY},
    Name{"router", NTF_ROUTER},
};

constexpr std::array kExtendedFlags{Name{"managed", NTF_EXT_MANAGED},
                                    Name{"locked", 1U << 1}};  // NTF_EXT_LOCKED, Linux 6.2

/// In 1/100 s since the event.
constexpr std::array kCacheInfo{
    Field{"confirmed", offsetof(nda_cacheinfo, ndm_confirmed), Wire::u32},
    Field{"used", offsetof(nda_cacheinfo, ndm_used), Wire::u32},
    Field{"updated", offsetof(nda_cacheinfo, ndm_updated), Wire::u32},
    Field{"references", offsetof(nda_cacheinfo, ndm_refcnt), Wire::u32},
};

constexpr std::array kHeader{
    given(Field{"link", kInHeader, Wire::link}),
    reported(Field{"index", kInHeader, Wire::u32}),
    Field{"family", kInHeader, Wire::text, named(kFamilies)},
    Field{"state", kInHeader, Wire::u16, named(kStates)},
    Field{"flags", kInHeader, Wire::bits, named(kFlags, 1)},
};

constexpr std::array kAttributes{
    Field{"address", NDA_DST, Wire::ip},
    Field{"linkAddress", NDA_LLADDR, Wire::mac},
    given(Field{"device", NDA_IFINDEX, Wire::link}),
    Field{"master", NDA_MASTER, Wire::link},
    Field{"protocol", NDA_PROTOCOL, Wire::u8, named(kRouteProtocols)},
    Field{"extendedFlags", NDA_FLAGS_EXT, Wire::bits, named(kExtendedFlags)},
    reported(Field{"probes", NDA_PROBES, Wire::u32}),
    reported(Field{"cacheInfo", NDA_CACHEINFO, Wire::structure, of(kCacheInfo)}),
};

constexpr std::array kFdbHeader{
    given(Field{"link", kInHeader, Wire::link}),
    reported(Field{"index", kInHeader, Wire::u32}),
    Field{"state", kInHeader, Wire::u16, named(kFdbStates)},
    Field{"flags", kInHeader, Wire::bits, named(kFlags, 1)},
};

constexpr std::array kFdbAttributes{
    Field{"address", NDA_LLADDR, Wire::mac},
    Field{"remote", NDA_DST, Wire::ip},
    Field{"vlan", NDA_VLAN, Wire::u16, within(1, 4094)},
    Field{"destinationPort", NDA_PORT, Wire::be16},
    Field{"vni", NDA_VNI, Wire::u32, within(0, 0xffffff)},
    Field{"sourceVni", NDA_SRC_VNI, Wire::u32, within(0, 0xffffff)},
    Field{"underlay", NDA_IFINDEX, Wire::link},
    Field{"master", NDA_MASTER, Wire::link},
    Field{"nexthopId", NDA_NH_ID, Wire::u32},
    Field{"extendedFlags", NDA_FLAGS_EXT, Wire::bits, named(kExtendedFlags)},
    reported(Field{"cacheInfo", NDA_CACHEINFO, Wire::structure, of(kCacheInfo)}),
};

std::uint8_t family(const Record& record) {
  const auto ip = parse_ip(record.text("address"));
  return ip ? ip->family : family_of(record);
}

std::uint8_t any_family(const Record&) { return AF_UNSPEC; }

ndmsg header_of(const Record& record, std::uint8_t address_family, Names states) {
  ndmsg header{};
  header.ndm_family = address_family;
  header.ndm_ifindex = record.integer<int>("link");
  header.ndm_state = static_cast<std::uint16_t>(number_of(record, "state", states, 0));
  header.ndm_flags = static_cast<std::uint8_t>(bits_of(record, "flags", kFlags));
  return header;
}

void write_header(const Record& record, netlink::Message& message) {
  message.body(header_of(record, family(record), kStates));
}

void write_fdb_header(const Record& record, netlink::Message& message) {
  message.body(header_of(record, AF_BRIDGE, kFdbStates));
}

void read_header(netlink::BytesView bytes, Record& record) {
  const auto header = *netlink::read<ndmsg>(bytes);
  record.append("index", static_cast<double>(header.ndm_ifindex));
  record.append("family", name_of(header.ndm_family, kFamilies));
  record.append("state", name_of(header.ndm_state, kStates));
  record.append("flags", names_of_bits(header.ndm_flags, kFlags));
}

void read_fdb_header(netlink::BytesView bytes, Record& record) {
  const auto header = *netlink::read<ndmsg>(bytes);
  record.append("index", static_cast<double>(header.ndm_ifindex));
  record.append("state", name_of(fdb_state(header.ndm_state), kFdbStates));
  record.append("flags", names_of_bits(header.ndm_flags, kFlags));
}

}  // namespace

void complete_new_neighbour(Record& record) {
  if (!record.has("state")) record.set("state", std::string{"permanent"});
}

/// As `bridge fdb`: a permanent entry of the device itself, unless it is said to be another. The
/// state counts even in a removal (net/core/rtnetlink.c, ndo_dflt_fdb_del()).
void complete_fdb_entry(Record& record) {
  if (!record.has("state")) record.set("state", std::string{"permanent"});
  if (bits_of(record, "flags", kFlags) & (NTF_SELF | NTF_MASTER)) return;
  List flags;
  if (const Value* given = record.find("flags")) flags = *given->as<List>();
  flags.emplace_back(std::string{"self"});
  record.set("flags", std::move(flags));
}

const Noun kNeighbour{
    .name = "neighbour",
    .header = kHeader,
    .attributes = kAttributes,
    .header_size = sizeof(ndmsg),
    .write_header = write_header,
    .read_header = read_header,
    .family = family,
    .refine = nullptr,
};

const Noun kFdbEntry{
    .name = "fdbEntry",
    .header = kFdbHeader,
    .attributes = kFdbAttributes,
    .header_size = sizeof(ndmsg),
    .write_header = write_fdb_header,
    .read_header = read_fdb_header,
    .family = any_family,
    .refine = nullptr,
};

}  // namespace vethwork::rtnl
