#include "rtnl/argument.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "netlink/message.hpp"

namespace vethwork::rtnl::argument {
namespace {

/// Beyond 2**53 - 1 a double no longer tells two integers apart.
constexpr double kLargestExact = 9007199254740991.0;

struct Range {
  std::int64_t min;
  std::uint64_t max;
};

/// What the wire type can say.
Range range_of(Wire wire) {
  switch (wire) {
    case Wire::u8:
      return {0, std::numeric_limits<std::uint8_t>::max()};
    case Wire::u16:
    case Wire::be16:
      return {0, std::numeric_limits<std::uint16_t>::max()};
    case Wire::u64:
    case Wire::be64:
      return {0, std::numeric_limits<std::uint64_t>::max()};
    case Wire::s8:
      return {std::numeric_limits<std::int8_t>::min(), std::numeric_limits<std::int8_t>::max()};
    case Wire::s32:
    case Wire::be_s32:
      return {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()};
    default:
      return {0, std::numeric_limits<std::uint32_t>::max()};
  }
}

std::string list_names(Names names) {
  std::string text;
  for (const Name& name : names)
    text += (text.empty() ? "\"" : ", \"") + std::string{name.text} + "\"";
  return text;
}

const Name* find_name(Names names, std::string_view text) {
  const auto name = std::ranges::find(names, text, &Name::text);
  return name == names.end() ? nullptr : &*name;
}

/// What the wire type can say and the row allows.
Range range_of(const Field& field) {
  Range range = range_of(field.wire);
  const Bounds& bounds = field.detail.bounds;
  range.min = std::max(range.min, bounds.min);
  // The bounds are signed, so of a 64-bit counter they say nothing.
  if (field.wire != Wire::u64 && field.wire != Wire::be64) {
    range.max = std::min(range.max, static_cast<std::uint64_t>(bounds.max));
  }
  return range;
}

std::string sentence_of(const Range& range, Names names) {
  return "must be an integer from " + std::to_string(range.min) + " to " +
         std::to_string(range.max) + (names.empty() ? "" : " or one of " + list_names(names));
}

}  // namespace

std::string join(const std::string& path, std::string_view name) {
  return path.empty() ? std::string{name} : path + "." + std::string{name};
}

void wrong(const std::string& path, const std::string& reason) {
  throw InvalidArgument{InvalidArgument::Kind::type, path, reason};
}
void outside(const std::string& path, const std::string& reason) {
  throw InvalidArgument{InvalidArgument::Kind::range, path, reason};
}

bool boolean(const Value& value, const std::string& path) {
  if (const auto* given = value.as<bool>()) return *given;
  wrong(path, "must be true or false");
}

const Record& object(const Value& value, const std::string& path) {
  if (const auto* record = value.as<Record>()) return *record;
  wrong(path, "must be an object");
}

const List& array(const Value& value, const std::string& path) {
  if (const auto* list = value.as<List>()) return *list;
  wrong(path, "must be an array");
}

const std::string& text(const Field& field, const Value& value, const std::string& path) {
  const auto* given = value.as<std::string>();
  if (given == nullptr) wrong(path, "must be a string");
  if (given->find('\0') != std::string::npos) outside(path, "must not contain a NUL character");
  const Bounds& bounds = field.detail.bounds;
  const auto length = static_cast<std::int64_t>(given->size());
  if (length < bounds.min) outside(path, "must not be empty");
  if (length > std::min<std::int64_t>(bounds.max, netlink::kLargestValue - 1)) {
    outside(path, "at most " + std::to_string(bounds.max) + " bytes");
  }
  if (!field.detail.names.empty() && find_name(field.detail.names, *given) == nullptr) {
    outside(path, "must be one of " + list_names(field.detail.names));
  }
  return *given;
}

std::uint64_t number(const Field& field, const Value& value, const std::string& path) {
  const Names names = field.detail.names;
  if (const auto* given = value.as<std::string>(); given != nullptr && !names.empty()) {
    const Name* name = find_name(names, *given);
    if (name == nullptr) outside(path, "must be one of " + list_names(names));
    return name->number;
  }
  const Range range = range_of(field);
  if (const auto* wide = value.as<std::uint64_t>()) {
    if (*wide > range.max) outside(path, sentence_of(range, names));
    return *wide;
  }
  const auto* given = value.as<double>();
  if (given == nullptr) wrong(path, sentence_of(range, names));
  if (std::trunc(*given) != *given || *given < static_cast<double>(range.min) ||
      *given > static_cast<double>(range.max) || std::abs(*given) > kLargestExact) {
    outside(path, sentence_of(range, names));
  }
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(*given));
}

std::uint32_t bits(const Field& field, const Value& value, const std::string& path) {
  std::uint32_t set = 0;
  for (const Value& item : array(value, path)) {
    const auto* given = item.as<std::string>();
    const Name* name = given == nullptr ? nullptr : find_name(field.detail.names, *given);
    if (name == nullptr) wrong(path, "must only have " + list_names(field.detail.names));
    set |= name->number;
  }
  return set;
}

Ip ip(const Value& value, const std::string& path) {
  const auto* given = value.as<std::string>();
  if (given == nullptr) wrong(path, "must be an IP address");
  const auto parsed = parse_ip(*given);
  if (!parsed) outside(path, "\"" + *given + "\" is no IP address");
  return *parsed;
}

netlink::Bytes mac(const Value& value, const std::string& path) {
  const auto* given = value.as<std::string>();
  if (given == nullptr) wrong(path, "must be a MAC address");
  const auto parsed = parse_mac(*given);
  if (!parsed) outside(path, "\"" + *given + "\" is no MAC address");
  return *parsed;
}

}  // namespace vethwork::rtnl::argument
