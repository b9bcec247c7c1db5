// Every verb of netfilter, one row each.
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "netfilter/completions.hpp"
#include "netfilter/nouns.hpp"
#include "rtnl/codec.hpp"

namespace vethwork::netfilter {
namespace {

using rtnl::Answer;
using rtnl::Operation;
using rtnl::Takes;

constexpr std::uint16_t ruleset(int message) {
  return static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message);
}
constexpr std::uint16_t tracking(int message) {
  return static_cast<std::uint16_t>(NFNL_SUBSYS_CTNETLINK << 8 | message);
}

constexpr std::uint16_t kAdd = NLM_F_CREATE;
constexpr std::uint16_t kCreate = NLM_F_CREATE | NLM_F_EXCL;
constexpr std::uint16_t kAppend = NLM_F_CREATE | NLM_F_APPEND;
constexpr std::uint16_t kDump = NLM_F_DUMP;
constexpr Takes kAnything{};

constexpr std::array kOperations{
    Operation{"addTable",
              ruleset(NFT_MSG_NEWTABLE),
              kAdd,
              &kTable,
              Answer::nothing,
              kAnything,
              {},
              write_comment},
    Operation{"createTable",
              ruleset(NFT_MSG_NEWTABLE),
              kCreate,
              &kTable,
              Answer::nothing,
              kAnything,
              {},
              write_comment},
    Operation{"deleteTable", ruleset(NFT_MSG_DELTABLE), 0, &kTable, Answer::nothing, kAnything},
    Operation{"addChain",
              ruleset(NFT_MSG_NEWCHAIN),
              kAdd,
              &kChain,
              Answer::nothing,
              kAnything,
              {},
              write_hook},
    Operation{"deleteChain", ruleset(NFT_MSG_DELCHAIN), 0, &kChain, Answer::nothing, kAnything},
    Operation{"addSet", ruleset(NFT_MSG_NEWSET), kAdd, &kSet, Answer::nothing, kAnything},
    Operation{"deleteSet", ruleset(NFT_MSG_DELSET), 0, &kSet, Answer::nothing, kAnything},
    Operation{"addElements", ruleset(NFT_MSG_NEWSETELEM), kAdd, &kElements, Answer::nothing,
              kAnything},
    Operation{"deleteElements", ruleset(NFT_MSG_DELSETELEM), 0, &kElements, Answer::nothing,
              kAnything},
    Operation{"addRule",
              ruleset(NFT_MSG_NEWRULE),
              kAppend,
              &kRule,
              Answer::nothing,
              kAnything,
              {},
              write_comment},
    // Without a handle all rules of the chain go.
    Operation{"deleteRules", ruleset(NFT_MSG_DELRULE), 0, &kRule, Answer::nothing, kAnything},
    Operation{"listTables", ruleset(NFT_MSG_GETTABLE), kDump, &kTable, Answer::many, kAnything},
    Operation{"listChains", ruleset(NFT_MSG_GETCHAIN), kDump, &kChain, Answer::many, kAnything},
    Operation{"listSets", ruleset(NFT_MSG_GETSET), kDump, &kSet, Answer::many, kAnything},
    Operation{"listElements", ruleset(NFT_MSG_GETSETELEM), kDump, &kElements, Answer::many,
              kAnything},
    Operation{"listRules", ruleset(NFT_MSG_GETRULE), kDump, &kRule, Answer::many, kAnything},
    Operation{"getGeneration", ruleset(NFT_MSG_GETGEN), 0, &kGeneration, Answer::one, kAnything},
    Operation{"listConnections", tracking(IPCTNL_MSG_CT_GET), kDump, &kConnection, Answer::many,
              kAnything},
    Operation{"deleteConnection", tracking(IPCTNL_MSG_CT_DELETE), 0, &kConnection, Answer::nothing,
              kAnything},
};

constexpr std::array<const rtnl::Noun*, 7> kNouns{&kTable, &kChain,      &kSet,       &kElements,
                                                  &kRule,  &kGeneration, &kConnection};

}  // namespace

std::span<const Operation> operations() { return kOperations; }

std::span<const rtnl::Noun* const> nouns() { return kNouns; }

const Operation* find_operation(std::string_view name) {
  return rtnl::find_operation(kOperations, name);
}

const rtnl::Noun* find_noun(std::string_view name) { return rtnl::find_noun(kNouns, name); }

std::optional<std::string_view> known_name(std::string_view name) {
  static const rtnl::NameSet names = rtnl::names_of(kNouns);
  const auto found = names.find(name);
  if (found == names.end()) return std::nullopt;
  return *found;
}

}  // namespace vethwork::netfilter
