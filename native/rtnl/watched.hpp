// What can be watched: of which noun, told by which messages, and what the kernel does not tell.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "netlink/bytes.hpp"
#include "rtnl/noun.hpp"

namespace vethwork::rtnl {

/// A set of watched nouns: bit N is row N of the table.
using NounSet = std::uint32_t;

/// One row: a noun, its listing and the groups that tell of it.
struct WatchedNoun {
  const Noun* noun;
  /// The operation that lists them all; its message is RTM_GET…, two after RTM_NEW….
  std::string_view listing;
  /// RTM_NEW…; RTM_DEL… is one more.
  std::uint16_t news;
  /// RTNLGRP_*, of this noun and of what its objects can change by without being told of.
  std::span<const std::uint32_t> groups;
  /// True if each message only says that there is something to be listed.
  bool only_listed = false;
};

/// Rows in the order in which they are listed first.
std::span<const WatchedNoun> watched_nouns();

/// The set that holds the noun of a name; empty for any other name.
NounSet watched_noun(std::string_view name);

/// The groups that a watcher of these nouns joins, each once.
std::vector<std::uint32_t> groups_of(NounSet nouns);

/// The nouns of which something may have changed unheard. `message` begins with its nlmsghdr.
///
/// Some changes have no message of their own. With the state of a link, IPv4 routes go or get flags
/// (net/ipv4/fib_frontend.c, fib_disable_ip(); net/core/link_watch.c tells of the link once more
/// then, with nothing new about it), IPv6 addresses are made (net/ipv6/addrconf.c,
/// addrconf_add_linklocal()) and rules lose or find their device (net/core/fib_rules.c,
/// fib_rules_event()); with an address, a next hop object or a setting go routes; and with a link
/// that is moved to another namespace, what its peer and those above it say of it.
NounSet stale_by(netlink::BytesView message);

/// The links that a message is about without telling all of them: a bridge's port in its own
/// message, a queueing discipline; a veth that is told of before it has its peer.
std::vector<std::uint32_t> links_to_ask_for(netlink::BytesView message);

/// The link below a link, or its peer, in the same namespace; 0 if there is none. `body` is that of
/// RTM_NEWLINK or RTM_DELLINK.
std::uint32_t link_beside(netlink::BytesView body);

/// What a bridge's ports say of it in messages of their own: its id and that of the root.
using BridgeIds = std::array<std::byte, 16>;

/// Those of the link that `body` is about, if it is a bridge. With them its ports become others and
/// nothing tells of that (net/bridge/br_stp_if.c, br_stp_change_bridge_id()).
std::optional<BridgeIds> bridge_ids(netlink::BytesView body);

}  // namespace vethwork::rtnl
