// The nouns of netfilter: tables, chains, sets, their elements and rules of nftables, and tracked
// connections; with the operations on them.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "rtnl/noun.hpp"
#include "rtnl/operation.hpp"

namespace vethwork::netfilter {

extern const rtnl::Noun kTable;
extern const rtnl::Noun kChain;
extern const rtnl::Noun kSet;
extern const rtnl::Noun kElements;
extern const rtnl::Noun kRule;
extern const rtnl::Noun kGeneration;
extern const rtnl::Noun kConnection;

/// The operation of a name, or null.
const rtnl::Operation* find_operation(std::string_view name);
std::span<const rtnl::Operation> operations();

/// The noun of a name, or null.
const rtnl::Noun* find_noun(std::string_view name);
std::span<const rtnl::Noun* const> nouns();

/// The text of a property name that some noun has, with static life; nothing for any other.
std::optional<std::string_view> known_name(std::string_view name);

/// What `nfgenmsg` says; every noun's header.
void write_family(const rtnl::Record& record, netlink::Message& message);
void read_family(netlink::BytesView header, rtnl::Record& record);

/// The families, by the names that nft(8) has for them.
inline constexpr std::array kFamilies{
    rtnl::Name{"unspec", 0}, rtnl::Name{"inet", 1},   rtnl::Name{"ip", 2},   rtnl::Name{"arp", 3},
    rtnl::Name{"netdev", 5}, rtnl::Name{"bridge", 7}, rtnl::Name{"ip6", 10},
};
inline constexpr std::array kFamilyHeader{
    rtnl::Field{"family", rtnl::kInHeader, rtnl::Wire::text, rtnl::named(kFamilies)},
};

}  // namespace vethwork::netfilter
