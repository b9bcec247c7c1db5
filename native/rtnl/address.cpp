// What an address is on the wire: ifaddrmsg and IFA_* (net/ipv4/devinet.c, net/ipv6/addrconf.c).
#include <linux/if_addr.h>
#include <net/if.h>

#include "rtnl/nouns.hpp"

namespace vethwork::rtnl {
namespace {

constexpr std::array kFlags{
    Name{"secondary", IFA_F_SECONDARY},
    Name{"noDad", IFA_F_NODAD},
    Name{"optimistic", IFA_F_OPTIMISTIC},
    Name{"dadFailed", IFA_F_DADFAILED},
    Name{"homeAddress", IFA_F_HOMEADDRESS},
    Name{"deprecated", IFA_F_DEPRECATED},
    Name{"tentative", IFA_F_TENTATIVE},
    Name{"permanent", IFA_F_PERMANENT},
    Name{"manageTemporaryAddresses", IFA_F_MANAGETEMPADDR},
    Name{"noPrefixRoute", IFA_F_NOPREFIXROUTE},
    Name{"multicastAutoJoin", IFA_F_MCAUTOJOIN},
    Name{"stablePrivacy", IFA_F_STABLE_PRIVACY},
};

constexpr std::uint32_t kForever = 0xffffffff;
constexpr std::array kLifetimes{Name{"forever", kForever}};

constexpr std::array kCacheInfo{
    Field{"preferredLifetime", offsetof(ifa_cacheinfo, ifa_prefered), Wire::u32, named(kLifetimes)},
    Field{"validLifetime", offsetof(ifa_cacheinfo, ifa_valid), Wire::u32, named(kLifetimes)},
    Field{"created", offsetof(ifa_cacheinfo, cstamp), Wire::u32},
    Field{"updated", offsetof(ifa_cacheinfo, tstamp), Wire::u32},
};

constexpr std::array kHeader{
    given(Field{"link", kInHeader, Wire::link}),
    reported(Field{"index", kInHeader, Wire::u32}),
    Field{"family", kInHeader, Wire::text, named(kFamilies)},
    Field{"address", kInHeader, Wire::text},
    Field{"scope", kInHeader, Wire::u8, named(kScopes)},
    Field{"preferredLifetime", kInHeader, Wire::u32, named(kLifetimes)},
    Field{"validLifetime", kInHeader, Wire::u32, named(kLifetimes)},
    implied(Field{"prefixLength", kInHeader, Wire::u8}),
};

constexpr std::array kAttributes{
    implied(Field{"local", IFA_LOCAL, Wire::ip}),
    Field{"peer", IFA_ADDRESS, Wire::ip},
    Field{"broadcast", IFA_BROADCAST, Wire::ip},
    Field{"label", IFA_LABEL, Wire::text, at_most(IFNAMSIZ - 1)},
    Field{"flags", IFA_FLAGS, Wire::bits, named(kFlags)},
    Field{"metric", IFA_RT_PRIORITY, Wire::u32},
    Field{"protocol", IFA_PROTO, Wire::u8},
    implied(Field{"cacheInfo", IFA_CACHEINFO, Wire::structure, of(kCacheInfo)}),
};

std::uint8_t family(const Record& record) {
  const auto ip = parse_ip(record.text("local"));
  return ip ? ip->family : family_of(record);
}

void write_header(const Record& record, netlink::Message& message) {
  ifaddrmsg header{};
  header.ifa_family = family(record);
  header.ifa_prefixlen = record.integer<std::uint8_t>("prefixLength");
  header.ifa_scope = static_cast<std::uint8_t>(number_of(record, "scope", kScopes, 0));
  header.ifa_index = record.integer<std::uint32_t>("link");
  message.body(header);
}

void read_header(netlink::BytesView bytes, Record& record) {
  const auto header = *netlink::read<ifaddrmsg>(bytes);
  record.append("index", static_cast<double>(header.ifa_index));
  record.append("family", name_of(header.ifa_family, kFamilies));
  record.append("address", std::string{});
  record.append("prefixLength", static_cast<double>(header.ifa_prefixlen));
  record.append("scope", name_of(header.ifa_scope, kScopes));
}

/// IPv4 sends IFA_LOCAL always; IPv6 only when IFA_ADDRESS is the far end's.
void refine(Record& record) {
  if (!record.has("local") || record.text("local") == record.text("peer")) {
    record.erase("local");
    record.rename("peer", "local");
  }
  join_prefix(record, "address", "local", "prefixLength", "");
  if (const Value* value = record.find("cacheInfo")) {
    const Record times = *value->as<Record>();
    for (const std::string_view name : {"preferredLifetime", "validLifetime"}) {
      if (const Value* time = times.find(name)) record.set(name, *time);
    }
    record.erase("cacheInfo");
  }
}

bool is_loopback(const Ip& ip) { return ip.family == AF_INET && ip.octets[0] == std::byte{127}; }

/// The directed broadcast address: every host bit set.
std::string broadcast_of(const Ip& ip, int length) {
  Ip broadcast = ip;
  for (int bit = length; bit < 32; ++bit) {
    broadcast.octets.at(static_cast<std::size_t>(bit / 8)) |= std::byte{0x80} >> (bit % 8);
  }
  return format_ip(broadcast);
}

void set_lifetimes(Record& record) {
  if (!record.has("validLifetime") && !record.has("preferredLifetime")) return;
  const auto valid = number_of(record, "validLifetime", kLifetimes, kForever);
  const auto preferred = number_of(record, "preferredLifetime", kLifetimes, valid);
  if (preferred > valid) {
    throw InvalidArgument{InvalidArgument::Kind::range, "preferredLifetime",
                          "must not exceed validLifetime"};
  }
  Record times;
  times.append("preferredLifetime", static_cast<double>(preferred));
  times.append("validLifetime", static_cast<double>(valid));
  times.append("created", 0.0);
  times.append("updated", 0.0);
  record.set("cacheInfo", std::move(times));
}

}  // namespace

void complete_address_match(Record& record) {
  split_prefix(record, "address", "local", "prefixLength");
  if (!record.has("peer")) record.set("peer", std::string{record.text("local")});
}

void complete_new_address(Record& record) {
  const bool has_peer = record.has("peer");
  complete_address_match(record);
  set_lifetimes(record);
  const Ip ip = *parse_ip(record.text("local"));
  if (is_loopback(ip)) {
    if (!record.has("scope")) record.set("scope", std::string{"host"});
    return;
  }
  const int length = record.integer<int>("prefixLength");
  if (ip.family == AF_INET && length < 31 && !has_peer && !record.has("broadcast")) {
    record.set("broadcast", broadcast_of(ip, length));
  }
}

const Noun kAddress{
    .name = "address",
    .header = kHeader,
    .attributes = kAttributes,
    .header_size = sizeof(ifaddrmsg),
    .write_header = write_header,
    .read_header = read_header,
    .family = family,
    .refine = refine,
};

}  // namespace vethwork::rtnl
