// Every verb of XFRM, one row each, and what its nouns share.
#include <linux/xfrm.h>
#include <sys/socket.h>

#include <cstring>

#include "rtnl/codec.hpp"
#include "xfrm/nouns.hpp"

namespace vethwork::xfrm {
namespace {

using namespace std::string_view_literals;
using rtnl::Answer;
using rtnl::Operation;
using rtnl::Pace;
using rtnl::Takes;

constexpr std::uint16_t kAdd = NLM_F_CREATE | NLM_F_EXCL;
constexpr std::uint16_t kReplace = NLM_F_CREATE | NLM_F_REPLACE;
constexpr std::uint16_t kDump = NLM_F_DUMP;
constexpr Takes kAnything{};
constexpr Takes kNothing{.rule = Takes::Rule::only, .names = {}};

constexpr std::array kStateNeeds{"source"sv, "destination"sv, "spi"sv, "protocol"sv};
constexpr std::array kStateIdNeeds{"destination"sv, "spi"sv, "protocol"sv};
constexpr std::array kPolicyNeeds{"direction"sv, "family"sv};

constexpr std::array kOperations{
    Operation{"addState", XFRM_MSG_NEWSA, kAdd, &kState, Answer::nothing, kAnything, kStateNeeds},
    Operation{"deleteState", XFRM_MSG_DELSA, 0, &kStateId, Answer::nothing, kAnything,
              kStateIdNeeds},
    Operation{"listStates",
              XFRM_MSG_GETSA,
              kDump,
              &kQuery,
              Answer::many,
              kAnything,
              {},
              nullptr,
              Pace::quick,
              &kState},
    Operation{"addPolicy", XFRM_MSG_NEWPOLICY, kAdd, &kPolicy, Answer::nothing, kAnything,
              kPolicyNeeds},
    Operation{"replacePolicy", XFRM_MSG_UPDPOLICY, kReplace, &kPolicy, Answer::nothing, kAnything,
              kPolicyNeeds},
    Operation{"deletePolicy", XFRM_MSG_DELPOLICY, 0, &kPolicyId, Answer::nothing, kAnything,
              kPolicyNeeds},
    Operation{"listPolicies",
              XFRM_MSG_GETPOLICY,
              kDump,
              &kQuery,
              Answer::many,
              kNothing,
              {},
              nullptr,
              Pace::quick,
              &kPolicy},
};

constexpr std::array<const rtnl::Noun*, 5> kNouns{&kState, &kStateId, &kPolicy, &kPolicyId,
                                                  &kQuery};

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

xfrm_address_t address_of(const rtnl::Ip& ip) {
  xfrm_address_t address{};
  std::memcpy(&address, ip.octets.data(), ip.size());
  return address;
}

std::optional<rtnl::Ip> ip_of(const xfrm_address_t& address, std::uint16_t family) {
  if (family != AF_INET && family != AF_INET6) return std::nullopt;
  rtnl::Ip ip{.family = static_cast<std::uint8_t>(family)};
  std::memcpy(ip.octets.data(), &address, ip.size());
  return ip;
}

xfrm_lifetime_cfg endless() {
  xfrm_lifetime_cfg lifetime{};
  lifetime.soft_byte_limit = XFRM_INF;
  lifetime.hard_byte_limit = XFRM_INF;
  lifetime.soft_packet_limit = XFRM_INF;
  lifetime.hard_packet_limit = XFRM_INF;
  return lifetime;
}

}  // namespace vethwork::xfrm
