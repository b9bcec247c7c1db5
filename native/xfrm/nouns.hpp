// The nouns of XFRM, the kernel's IPsec: states (security associations) and policies; with the
// operations on them.
//
// What tells one object from the others, and what asks for a list, have other headers than the
// object itself, so they are nouns of their own.
#pragma once

#include <linux/xfrm.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "rtnl/ip.hpp"
#include "rtnl/noun.hpp"
#include "rtnl/operation.hpp"

namespace vethwork::xfrm {

extern const rtnl::Noun kState;
extern const rtnl::Noun kStateId;
extern const rtnl::Noun kPolicy;
extern const rtnl::Noun kPolicyId;
/// A question for all of something: no header.
extern const rtnl::Noun kQuery;

/// The operation of a name, or null.
const rtnl::Operation* find_operation(std::string_view name);
std::span<const rtnl::Operation> operations();

/// The noun of a name, or null.
const rtnl::Noun* find_noun(std::string_view name);
std::span<const rtnl::Noun* const> nouns();

/// The text of a property name that some noun has, with static life; nothing for any other.
std::optional<std::string_view> known_name(std::string_view name);

/// The protocols of IPsec (include/net/xfrm.h, xfrm_id_proto_valid()).
inline constexpr std::array kProtocols{
    rtnl::Name{"route2", 43}, rtnl::Name{"esp", 50},   rtnl::Name{"ah", 51},
    rtnl::Name{"hao", 60},    rtnl::Name{"comp", 108},
};

inline constexpr std::array kModes{
    rtnl::Name{"transport", XFRM_MODE_TRANSPORT},
    rtnl::Name{"tunnel", XFRM_MODE_TUNNEL},
    rtnl::Name{"routeOptimization", XFRM_MODE_ROUTEOPTIMIZATION},
    rtnl::Name{"inTrigger", XFRM_MODE_IN_TRIGGER},
    rtnl::Name{"beet", XFRM_MODE_BEET},
    rtnl::Name{"iptfs", 5},  // XFRM_MODE_IPTFS, since Linux 6.14
};

/// An address as it is in the headers: 16 bytes, of which IPv4 has the first four.
xfrm_address_t address_of(const rtnl::Ip& ip);
/// The address of a header's family; nothing if that is neither IPv4 nor IPv6.
std::optional<rtnl::Ip> ip_of(const xfrm_address_t& address, std::uint16_t family);

/// A lifetime without an end. Of bytes and packets that is the largest number, of seconds 0
/// (net/xfrm/xfrm_state.c, xfrm_timer_handler()).
xfrm_lifetime_cfg endless();

}  // namespace vethwork::xfrm
