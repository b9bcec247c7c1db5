// One argument at a time: checked against its row of a table, or refused with its path.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "netlink/bytes.hpp"
#include "rtnl/ip.hpp"
#include "rtnl/record.hpp"
#include "rtnl/table.hpp"

namespace vethwork::rtnl::argument {

/// The path of a property inside `path`: `peer` and `name` make `peer.name`.
std::string join(const std::string& path, std::string_view name);

/// Throws `InvalidArgument`: of the wrong type or unknown, or of the right type but impossible.
[[noreturn]] void wrong(const std::string& path, const std::string& reason);
[[noreturn]] void outside(const std::string& path, const std::string& reason);

// Each throws `InvalidArgument` for any other value.
bool boolean(const Value& value, const std::string& path);
const Record& object(const Value& value, const std::string& path);
const List& array(const Value& value, const std::string& path);
const std::string& text(const Field& field, const Value& value, const std::string& path);
/// The number of an integer, or of its name, in two's complement.
std::uint64_t number(const Field& field, const Value& value, const std::string& path);
/// The bits that a list of names stands for.
std::uint32_t bits(const Field& field, const Value& value, const std::string& path);
Ip ip(const Value& value, const std::string& path);
netlink::Bytes mac(const Value& value, const std::string& path);

}  // namespace vethwork::rtnl::argument
