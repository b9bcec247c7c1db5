// What the nouns share: families by name, headers in and out, and the verbs' completions.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "rtnl/ip.hpp"
#include "rtnl/noun.hpp"

namespace vethwork::rtnl {

inline constexpr std::array kFamilies{
    Name{"inet", AF_INET},
    Name{"inet6", AF_INET6},
};

/// net/ipv4/fib_frontend.c: tables below 256 have their number in the header, others in an
/// attribute.
inline constexpr std::array kRouteTables{
    Name{"all", 0},
    Name{"default", 253},
    Name{"main", 254},
    Name{"local", 255},
};

/// include/uapi/linux/rtnetlink.h, RTPROT_*: who installed a route or a rule.
inline constexpr std::array kRouteProtocols{
    Name{"unspec", 0}, Name{"redirect", 1}, Name{"kernel", 2}, Name{"boot", 3},  Name{"static", 4},
    Name{"ra", 9},     Name{"zebra", 11},   Name{"bird", 12},  Name{"dhcp", 16}, Name{"babel", 42},
    Name{"bgp", 186},  Name{"isis", 187},   Name{"ospf", 188}, Name{"rip", 189}, Name{"eigrp", 192},
};

/// include/uapi/linux/rtnetlink.h, rt_scope_t.
inline constexpr std::array kScopes{
    Name{"global", 0}, Name{"site", 200},    Name{"link", 253},
    Name{"host", 254}, Name{"nowhere", 255},
};

/// The number that a property stands for, given by name or as a number; `otherwise` if absent.
std::uint32_t number_of(const Record& record, std::string_view property, Names names,
                        std::uint32_t otherwise);

/// The value that shows a number: its name if it has one.
Value name_of(std::uint32_t number, Names names);

/// The names of the bits that are set.
List names_of_bits(std::uint32_t set, Names names);

/// The bits that a list of names stands for; 0 if the property is absent.
std::uint32_t bits_of(const Record& record, std::string_view property, Names names);

/// The family that property `family` names; AF_UNSPEC if it is absent.
std::uint8_t family_of(const Record& record);

/// Replaces `property`, a prefix, by `address` (an IP) and `length` (a number), and tells the
/// record's family. Throws `InvalidArgument` if that is another one already.
void split_prefix(Record& record, std::string_view property, std::string_view address,
                  std::string_view length);

/// The other way round. Without an address, length 0 is `none` (or nothing, if `none` is empty).
void join_prefix(Record& record, std::string_view property, std::string_view address,
                 std::string_view length, std::string_view none);

/// Throws `InvalidArgument` if `table` is that of listings alone, "all".
void refuse_all_tables(const Record& record);

// What each verb's properties imply, defined beside its noun.
void complete_new_link(Record& record);
void complete_link_query(Record& record);
void complete_link_move(Record& record);
void complete_new_address(Record& record);
void complete_address_match(Record& record);
void complete_new_route(Record& record);
void complete_route_match(Record& record);
void complete_route_filter(Record& record);
void complete_route_lookup(Record& record);
void complete_new_neighbour(Record& record);
void complete_fdb_entry(Record& record);
void complete_new_rule(Record& record);
void complete_rule_match(Record& record);

}  // namespace vethwork::rtnl
