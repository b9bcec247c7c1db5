#include "rtnl/watched.hpp"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "netlink/attributes.hpp"

namespace vethwork::rtnl {
namespace {

using netlink::BytesView;

constexpr std::array<std::uint32_t, 2> kLinkGroups{RTNLGRP_LINK, RTNLGRP_TC};
constexpr std::array<std::uint32_t, 3> kAddressGroups{RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                                                      RTNLGRP_LINK};
constexpr std::array<std::uint32_t, 8> kRouteGroups{
    RTNLGRP_IPV4_ROUTE,  RTNLGRP_IPV6_ROUTE, RTNLGRP_LINK,         RTNLGRP_IPV4_IFADDR,
    RTNLGRP_IPV6_IFADDR, RTNLGRP_NEXTHOP,    RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF};
constexpr std::array<std::uint32_t, 1> kNeighbourGroups{RTNLGRP_NEIGH};
constexpr std::array<std::uint32_t, 3> kRuleGroups{RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE,
                                                   RTNLGRP_LINK};

constexpr NounSet kLinks = 1U << 0;
constexpr NounSet kAddresses = 1U << 1;
constexpr NounSet kRoutes = 1U << 2;
constexpr NounSet kRules = 1U << 4;

const std::array kWatchedNouns{
    WatchedNoun{&kLink, "listLinks", RTM_NEWLINK, kLinkGroups},
    WatchedNoun{&kAddress, "listAddresses", RTM_NEWADDR, kAddressGroups},
    WatchedNoun{&kRoute, "listRoutes", RTM_NEWROUTE, kRouteGroups},
    WatchedNoun{&kNeighbour, "listNeighbours", RTM_NEWNEIGH, kNeighbourGroups},
    // A rule can be there twice, and where it stands among others of its priority counts.
    WatchedNoun{&kRule, "listRules", RTM_NEWRULE, kRuleGroups, true},
};

std::uint32_t number_in(BytesView attributes, std::uint16_t type) {
  const auto value = netlink::find_attribute(attributes, type);
  return value ? netlink::read<std::uint32_t>(*value).value_or(0) : 0;
}

/// The attributes of a link's message.
BytesView link_attributes(BytesView body) {
  return body.subspan(std::min<std::size_t>(NLMSG_ALIGN(sizeof(ifinfomsg)), body.size()));
}

bool has(BytesView attributes, std::uint16_t type) {
  return netlink::find_attribute(attributes, type).has_value();
}

/// What a link's kind says of it; nothing, if it has none.
BytesView info_of(BytesView attributes) {
  return netlink::find_attribute(attributes, IFLA_LINKINFO).value_or(BytesView{});
}

std::string_view kind_of(BytesView info) {
  const auto kind = netlink::find_attribute(info, IFLA_INFO_KIND);
  return kind ? netlink::text_of(*kind) : std::string_view{};
}

/// True for kinds that come in pairs, of which the first is told of while it is alone
/// (drivers/net/veth.c, veth_newlink()).
bool lacks_peer(BytesView attributes) {
  if (number_in(attributes, IFLA_LINK) != 0) return false;
  const std::string_view kind = kind_of(info_of(attributes));
  return kind == "veth" || kind == "netkit";
}

}  // namespace

std::span<const WatchedNoun> watched_nouns() { return kWatchedNouns; }

NounSet watched_noun(std::string_view name) {
  for (std::size_t row = 0; row < kWatchedNouns.size(); ++row) {
    if (kWatchedNouns.at(row).noun->name == name) return NounSet{1} << row;
  }
  return 0;
}

std::vector<std::uint32_t> groups_of(NounSet nouns) {
  std::vector<std::uint32_t> groups;
  for (std::size_t row = 0; row < kWatchedNouns.size(); ++row) {
    if (((nouns >> row) & 1U) == 0) continue;
    for (const std::uint32_t group : kWatchedNouns.at(row).groups) {
      if (std::ranges::find(groups, group) == groups.end()) groups.push_back(group);
    }
  }
  return groups;
}

NounSet stale_by(BytesView message) {
  const BytesView body = message.subspan(NLMSG_HDRLEN);
  switch (netlink::read<nlmsghdr>(message)->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK: {
      if (netlink::read<std::uint8_t>(body).value_or(AF_BRIDGE) != AF_UNSPEC) return 0;
      const bool moved = has(link_attributes(body), IFLA_NEW_NETNSID);
      return kAddresses | kRoutes | kRules | (moved ? kLinks : 0);
    }
    case RTM_NEWADDR:
    case RTM_DELADDR:
    case RTM_NEWNEXTHOP:
    case RTM_DELNEXTHOP:
    case RTM_NEWNETCONF:
    case RTM_DELNETCONF:
      return kRoutes;
    default:
      return 0;
  }
}

std::uint32_t link_beside(BytesView body) {
  const BytesView attributes = link_attributes(body);
  return has(attributes, IFLA_LINK_NETNSID) ? 0 : number_in(attributes, IFLA_LINK);
}

std::optional<BridgeIds> bridge_ids(BytesView body) {
  const BytesView info = info_of(link_attributes(body));
  const auto data = netlink::find_attribute(info, IFLA_INFO_DATA);
  if (!data || kind_of(info) != "bridge") return std::nullopt;
  BridgeIds ids{};
  std::size_t filled = 0;
  for (const std::uint16_t type : {IFLA_BR_BRIDGE_ID, IFLA_BR_ROOT_ID}) {
    const auto id = netlink::find_attribute(*data, type);
    if (!id || id->size() != sizeof(ifla_bridge_id)) return std::nullopt;
    std::ranges::copy(*id, ids.begin() + static_cast<std::ptrdiff_t>(filled));
    filled += id->size();
  }
  return ids;
}

std::vector<std::uint32_t> links_to_ask_for(BytesView message) {
  const auto type = netlink::read<nlmsghdr>(message)->nlmsg_type;
  const BytesView body = message.subspan(NLMSG_HDRLEN);
  if (type == RTM_NEWQDISC || type == RTM_DELQDISC) {
    const auto header = netlink::read<tcmsg>(body);
    if (!header) return {};
    return {static_cast<std::uint32_t>(header->tcm_ifindex)};
  }
  const auto header = netlink::read<ifinfomsg>(body);
  if ((type != RTM_NEWLINK && type != RTM_DELLINK) || !header) return {};
  const auto index = static_cast<std::uint32_t>(header->ifi_index);
  const BytesView attributes = link_attributes(body);
  if (header->ifi_family == AF_BRIDGE) {
    const std::uint32_t bridge = number_in(attributes, IFLA_MASTER);
    return bridge == 0 ? std::vector{index} : std::vector{index, bridge};
  }
  if (type == RTM_NEWLINK && lacks_peer(attributes)) return {index};
  return {};
}

}  // namespace vethwork::rtnl
