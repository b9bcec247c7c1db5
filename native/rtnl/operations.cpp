// Every verb, one row each.
#include <linux/rtnetlink.h>

#include <algorithm>

#include "rtnl/nouns.hpp"
#include "rtnl/operation.hpp"

namespace vethwork::rtnl {
namespace {

using namespace std::string_view_literals;

constexpr std::uint16_t kAdd = NLM_F_CREATE | NLM_F_EXCL;
constexpr std::uint16_t kReplace = NLM_F_CREATE | NLM_F_REPLACE;
constexpr std::uint16_t kDump = NLM_F_DUMP;

constexpr Takes only(std::span<const std::string_view> names) {
  return {.rule = Takes::Rule::only, .names = names};
}
constexpr Takes except(std::span<const std::string_view> names) {
  return {.rule = Takes::Rule::except, .names = names};
}
constexpr Takes kNothing = only({});
constexpr Takes kAnything = except({});

constexpr std::array kLinkItself{"link"sv};
constexpr std::array kNewLinkNeeds{"kind"sv};
// The kernel ignores or refuses these in a creating message (net/core/rtnetlink.c,
// rtnl_newlink_create()); they are set afterwards.
constexpr std::array kNotAtCreation{"link"sv,     "alias"sv,   "alternativeNames"sv,
                                    "portKind"sv, "port"sv,    "ipv6AddressGeneration"sv,
                                    "carrier"sv,  "linkMode"sv};
constexpr std::array kNotByChange{"index"sv, "namespace"sv, "alternativeNames"sv,
                                  "transmitQueues"sv, "receiveQueues"sv};
constexpr std::array kMove{"link"sv, "namespace"sv, "name"sv, "index"sv};
constexpr std::array kMoveNeeds{"link"sv, "namespace"sv};
constexpr std::array kAlternativeNames{"link"sv, "alternativeNames"sv};
constexpr std::array kLinkFilter{"master"sv, "kind"sv};

constexpr std::array kLinkAndAddress{"link"sv, "address"sv};
constexpr std::array kAddressMatch{"link"sv, "address"sv, "peer"sv, "label"sv};
constexpr std::array kAddressFilter{"link"sv, "family"sv};
constexpr std::array kNotOfAddress{"family"sv};

constexpr std::array kTo{"to"sv};
constexpr std::array kRouteFilter{"family"sv, "table"sv, "device"sv, "protocol"sv, "type"sv};
constexpr std::array kRouteLookup{
    "to"sv,  "from"sv,       "device"sv,     "inputDevice"sv,     "mark"sv,
    "uid"sv, "ipProtocol"sv, "sourcePort"sv, "destinationPort"sv, "tos"sv};
constexpr std::array kNotOfRoute{"inputDevice"sv, "mark"sv,       "uid"sv,
                                 "ipProtocol"sv,  "sourcePort"sv, "destinationPort"sv};

constexpr std::array kNotOfNeighbour{"device"sv, "master"sv, "family"sv};
constexpr std::array kNeighbourMatch{"link"sv, "address"sv, "flags"sv};
constexpr std::array kNeighbourFilter{"device"sv, "master"sv, "family"sv, "flags"sv};

constexpr std::array kNotOfFdbEntry{"master"sv};
constexpr std::array kFdbFilter{"link"sv, "master"sv};

constexpr std::array kFamily{"family"sv};
constexpr std::array kNamespace{"namespace"sv};
constexpr std::array kNamespaceAndId{"namespace"sv, "id"sv};

constexpr std::array kOperations{
    //        name             message            flags           noun    answer
    Operation{"createLink", RTM_NEWLINK, kAdd | NLM_F_ECHO, &kLink, Answer::one,
              except(kNotAtCreation), kNewLinkNeeds, complete_new_link},
    Operation{"setLink", RTM_NEWLINK, 0, &kLink, Answer::nothing, except(kNotByChange),
              kLinkItself},
    Operation{"moveLink", RTM_NEWLINK, 0, &kLink, Answer::nothing, only(kMove), kMoveNeeds,
              complete_link_move, Pace::slow},
    Operation{"deleteLink", RTM_DELLINK, 0, &kLink, Answer::nothing, only(kLinkItself), kLinkItself,
              nullptr, Pace::slow},
    Operation{"getLink", RTM_GETLINK, 0, &kLink, Answer::one, only(kLinkItself), kLinkItself,
              complete_link_query},
    Operation{"listLinks",
              RTM_GETLINK,
              kDump,
              &kLink,
              Answer::many,
              only(kLinkFilter),
              {},
              complete_link_query},
    Operation{"addAlternativeNames", RTM_NEWLINKPROP, kAdd | NLM_F_APPEND, &kLink, Answer::nothing,
              only(kAlternativeNames), kAlternativeNames},
    Operation{"removeAlternativeNames", RTM_DELLINKPROP, 0, &kLink, Answer::nothing,
              only(kAlternativeNames), kAlternativeNames},

    Operation{"addAddress", RTM_NEWADDR, kAdd, &kAddress, Answer::nothing, except(kNotOfAddress),
              kLinkAndAddress, complete_new_address},
    Operation{"replaceAddress", RTM_NEWADDR, kReplace, &kAddress, Answer::nothing,
              except(kNotOfAddress), kLinkAndAddress, complete_new_address},
    Operation{"removeAddress", RTM_DELADDR, 0, &kAddress, Answer::nothing, only(kAddressMatch),
              kLinkAndAddress, complete_address_match},
    Operation{"listAddresses", RTM_GETADDR, kDump, &kAddress, Answer::many, only(kAddressFilter)},

    Operation{"addRoute", RTM_NEWROUTE, kAdd, &kRoute, Answer::nothing, except(kNotOfRoute), kTo,
              complete_new_route},
    Operation{"replaceRoute", RTM_NEWROUTE, kReplace, &kRoute, Answer::nothing, except(kNotOfRoute),
              kTo, complete_new_route},
    Operation{"removeRoute", RTM_DELROUTE, 0, &kRoute, Answer::nothing, except(kNotOfRoute), kTo,
              complete_route_match},
    Operation{"listRoutes",
              RTM_GETROUTE,
              kDump,
              &kRoute,
              Answer::many,
              only(kRouteFilter),
              {},
              complete_route_filter},
    Operation{"getRoute", RTM_GETROUTE, 0, &kRoute, Answer::one, only(kRouteLookup), kTo,
              complete_route_lookup},

    Operation{"addNeighbour", RTM_NEWNEIGH, kAdd, &kNeighbour, Answer::nothing,
              except(kNotOfNeighbour), kLinkAndAddress, complete_new_neighbour},
    Operation{"replaceNeighbour", RTM_NEWNEIGH, kReplace, &kNeighbour, Answer::nothing,
              except(kNotOfNeighbour), kLinkAndAddress, complete_new_neighbour},
    Operation{"removeNeighbour", RTM_DELNEIGH, 0, &kNeighbour, Answer::nothing,
              only(kNeighbourMatch), kLinkAndAddress},
    Operation{"listNeighbours", RTM_GETNEIGH, kDump, &kNeighbour, Answer::many,
              only(kNeighbourFilter)},

    Operation{"addFdbEntry", RTM_NEWNEIGH, kAdd, &kFdbEntry, Answer::nothing,
              except(kNotOfFdbEntry), kLinkAndAddress, complete_fdb_entry},
    Operation{"replaceFdbEntry", RTM_NEWNEIGH, kReplace, &kFdbEntry, Answer::nothing,
              except(kNotOfFdbEntry), kLinkAndAddress, complete_fdb_entry},
    Operation{"removeFdbEntry", RTM_DELNEIGH, 0, &kFdbEntry, Answer::nothing,
              except(kNotOfFdbEntry), kLinkAndAddress, complete_fdb_entry},
    Operation{"listFdbEntries", RTM_GETNEIGH, kDump, &kFdbEntry, Answer::many, only(kFdbFilter)},

    Operation{
        "addRule", RTM_NEWRULE, kAdd, &kRule, Answer::nothing, kAnything, {}, complete_new_rule},
    Operation{
        "removeRule", RTM_DELRULE, 0, &kRule, Answer::nothing, kAnything, {}, complete_rule_match},
    Operation{"listRules", RTM_GETRULE, kDump, &kRule, Answer::many, only(kFamily)},

    Operation{"getNamespaceId", RTM_GETNSID, 0, &kNamespaceId, Answer::one, only(kNamespace),
              kNamespace},
    Operation{"setNamespaceId", RTM_NEWNSID, 0, &kNamespaceId, Answer::nothing,
              only(kNamespaceAndId), kNamespaceAndId},

    Operation{"getCounters", RTM_GETSTATS, 0, &kStatistics, Answer::one, only(kLinkItself),
              kLinkItself},
    Operation{"listCounters", RTM_GETSTATS, kDump, &kStatistics, Answer::many, kNothing},
};

constexpr std::array<const Noun*, 8> kNouns{&kLink,     &kAddress, &kRoute,       &kNeighbour,
                                            &kFdbEntry, &kRule,    &kNamespaceId, &kStatistics};

}  // namespace

std::span<const Operation> operations() { return kOperations; }

std::span<const Noun* const> nouns() { return kNouns; }

const Operation* find_operation(std::span<const Operation> among, std::string_view name) {
  const auto row = std::ranges::find(among, name, &Operation::name);
  return row == among.end() ? nullptr : &*row;
}

const Noun* find_noun(std::span<const Noun* const> among, std::string_view name) {
  const auto noun = std::ranges::find(among, name, &Noun::name);
  return noun == among.end() ? nullptr : *noun;
}

const Operation* find_operation(std::string_view name) { return find_operation(kOperations, name); }

const Noun* find_noun(std::string_view name) { return find_noun(kNouns, name); }

}  // namespace vethwork::rtnl
