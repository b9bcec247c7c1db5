#include "rtnl/nouns.hpp"

#include <algorithm>

namespace vethwork::rtnl {

std::uint32_t number_of(const Record& record, std::string_view property, Names names,
                        std::uint32_t otherwise) {
  const Value* value = record.find(property);
  if (value == nullptr) return otherwise;
  if (const auto* number = value->as<double>()) return static_cast<std::uint32_t>(*number);
  const auto name = std::ranges::find(names, record.text(property), &Name::text);
  return name == names.end() ? otherwise : name->number;
}

Value name_of(std::uint32_t number, Names names) {
  const auto name = std::ranges::find(names, number, &Name::number);
  if (name == names.end()) return static_cast<double>(number);
  return std::string{name->text};
}

List names_of_bits(std::uint32_t set, Names names) {
  List list;
  for (const Name& name : names) {
    if ((set & name.number) != 0) list.emplace_back(std::string{name.text});
  }
  return list;
}

std::uint32_t bits_of(const Record& record, std::string_view property, Names names) {
  const Value* value = record.find(property);
  const List* list = value == nullptr ? nullptr : value->as<List>();
  if (list == nullptr) return 0;
  std::uint32_t set = 0;
  for (const Value& item : *list) {
    const auto* text = item.as<std::string>();
    const auto name = text == nullptr ? names.end() : std::ranges::find(names, *text, &Name::text);
    if (name != names.end()) set |= name->number;
  }
  return set;
}

std::uint8_t family_of(const Record& record) {
  return static_cast<std::uint8_t>(number_of(record, "family", kFamilies, AF_UNSPEC));
}

void split_prefix(Record& record, std::string_view property, std::string_view address,
                  std::string_view length) {
  const std::string text{record.text(property)};
  const Prefix prefix = parse_prefix(text, std::string{property});
  const std::uint8_t family = family_of(record);
  if (family != AF_UNSPEC && family != prefix.ip.family) {
    throw InvalidArgument{InvalidArgument::Kind::range, std::string{property},
                          std::string{"must be "} + (family == AF_INET ? "IPv4" : "IPv6")};
  }
  record.set("family", name_of(prefix.ip.family, kFamilies));
  record.set(address, format_ip(prefix.ip));
  record.set(length, static_cast<double>(prefix.length));
  record.erase(property);
}

void refuse_all_tables(const Record& record) {
  if (record.has("table") && number_of(record, "table", kRouteTables, 0) == 0) {
    throw InvalidArgument{InvalidArgument::Kind::range, "table", "must be one table"};
  }
}

void join_prefix(Record& record, std::string_view property, std::string_view address,
                 std::string_view length, std::string_view none) {
  const auto bits = record.integer<int>(length);
  if (record.has(address)) {
    record.set(property, std::string{record.text(address)} + "/" + std::to_string(bits));
  } else if (!none.empty()) {
    record.set(property, std::string{none});
  }
  record.erase(address);
  record.erase(length);
}

}  // namespace vethwork::rtnl
