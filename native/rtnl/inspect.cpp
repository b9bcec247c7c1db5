// Explains messages and tables: the property at an offset, a message as text, the schema.
#include <algorithm>
#include <cstdio>

#include "netlink/attributes.hpp"
#include "rtnl/codec.hpp"
#include "rtnl/kinds.hpp"

namespace vethwork::rtnl {
namespace {

using netlink::Attribute;
using netlink::Attributes;
using netlink::BytesView;

/// Attributes side by side, and the rows that explain them.
struct Level {
  std::span<const Field> fields;
  BytesView bytes;
};

const Field* row_of(const Level& level, std::uint16_t type) {
  const auto field = std::ranges::find_if(
      level.fields, [type](const Field& row) { return row.type == type && row.type != kInHeader; });
  return field == level.fields.end() ? nullptr : &*field;
}

/// What is inside an attribute, if attributes are.
std::optional<Level> inside(const Level& level, const Field& field, BytesView value) {
  switch (field.wire) {
    case Wire::nest:
      return Level{field.detail.fields, value};
    case Wire::noun: {
      const std::size_t header = NLMSG_ALIGN(field.detail.noun->header_size);
      if (value.size() < header) return std::nullopt;
      return Level{field.detail.noun->attributes, value.subspan(header)};
    }
    case Wire::selected: {
      const Selector& selector = *field.detail.selector;
      const auto sibling = netlink::find_attribute(level.bytes, selector.sibling);
      if (!sibling) return std::nullopt;
      const auto table =
          std::ranges::find(selector.tables, netlink::text_of(*sibling), &Table::name);
      if (table == selector.tables.end()) return std::nullopt;
      return Level{table->fields, value};
    }
    default:
      return std::nullopt;
  }
}

std::string join(const std::string& path, std::string_view name) {
  if (name.empty()) return path;
  return path.empty() ? std::string{name} : path + "." + std::string{name};
}

std::optional<Level> top(const Noun& noun, BytesView body) {
  const std::size_t header = NLMSG_ALIGN(noun.header_size);
  if (body.size() < header) return std::nullopt;
  return Level{noun.attributes, body.subspan(header)};
}

/// Where a search by address ends: the attribute that begins there, and what is inside it.
struct Place {
  std::string path;
  std::optional<Level> within;
};

std::optional<Place> place_at(const Level& level, const std::byte* address,
                              const std::string& path) {
  Attributes attributes{level.bytes};
  while (const auto attribute = attributes.next()) {
    const std::byte* const start = attribute->value.data() - NLA_HDRLEN;
    const std::byte* const end = attribute->value.data() + attribute->value.size();
    if (address < start || address >= end) continue;
    const Field* field = row_of(level, attribute->type);
    if (field == nullptr) return std::nullopt;
    const std::string name = join(path, field->name);
    const auto within = inside(level, *field, attribute->value);
    if (address == start || !within) return Place{name, within};
    const auto deeper = place_at(*within, address, name);
    return deeper ? deeper : Place{name, within};
  }
  return std::nullopt;
}

std::optional<Place> place_in(const Noun& noun, BytesView message, std::size_t offset) {
  if (message.size() < NLMSG_HDRLEN || offset >= message.size()) return std::nullopt;
  const auto level = top(noun, message.subspan(NLMSG_HDRLEN));
  if (!level) return std::nullopt;
  return place_at(*level, message.data() + offset, {});
}

std::string hexadecimal(BytesView bytes) {
  std::string text;
  std::array<char, 4> pair{};
  for (const std::byte byte : bytes) {
    static_cast<void>(
        std::snprintf(pair.data(), pair.size(), " %02x", std::to_integer<unsigned>(byte)));
    text += pair.data();
  }
  return text;
}

void print_level(const Level& level, const std::string& indent, std::string& out) {
  Attributes attributes{level.bytes};
  while (const auto attribute = attributes.next()) {
    const Field* field = row_of(level, attribute->type);
    out += indent + std::to_string(attribute->type) + ":";
    const auto within = field == nullptr ? std::nullopt : inside(level, *field, attribute->value);
    if (!within) out += hexadecimal(attribute->value);
    if (field != nullptr && !field->name.empty()) out += "  # " + std::string{field->name};
    out += '\n';
    if (within) print_level(*within, indent + "  ", out);
  }
  if (attributes.malformed()) out += indent + "malformed\n";
}

constexpr std::string_view access_name(Access access) {
  switch (access) {
    case Access::given:
      return "given";
    case Access::reported:
      return "reported";
    default:
      return "both";
  }
}

void describe_rows(std::span<const Field> fields, List& list) {
  for (const Field& field : fields) {
    if (field.name.empty()) {
      if (field.wire != Wire::selected) describe_rows(field.detail.fields, list);
      continue;
    }
    if (field.access == Access::implied) continue;
    Record row;
    row.append("name", std::string{field.name});
    row.append("type", static_cast<double>(field.type));
    row.append("access", std::string{access_name(field.access)});
    if (!field.detail.names.empty()) {
      List names;
      for (const Name& name : field.detail.names) names.emplace_back(std::string{name.text});
      row.append("names", std::move(names));
    }
    if (!field.detail.fields.empty()) {
      List inner;
      describe_rows(field.detail.fields, inner);
      row.append("fields", std::move(inner));
    }
    list.emplace_back(std::move(row));
  }
}

List rows(std::span<const Field> fields, std::span<const Field> header = {}) {
  List list;
  describe_rows(header, list);
  describe_rows(fields, list);
  return list;
}

Record describe_tables(std::span<const Table> tables) {
  Record record;
  for (const Table& table : tables) record.append(table.name, rows(table.fields));
  return record;
}

void collect_names(std::span<const Field> fields, NameSet& names) {
  for (const Field& field : fields) {
    if (!field.name.empty()) names.insert(field.name);
    collect_names(field.detail.fields, names);
    if (field.detail.selector == nullptr) continue;
    for (const Table& table : field.detail.selector->tables) collect_names(table.fields, names);
  }
}

NameSet collect_all_names() {
  // What `Wire::link` and `Wire::nexthops` read by themselves, and what else is in a link object,
  // which may stand for a link.
  NameSet names{"index", "name", "device", "weight", "onlink", "peerIndex", "peerNamespaceId"};
  names.merge(names_of(nouns()));
  return names;
}

}  // namespace

std::string path_at(const Noun& noun, BytesView message, std::size_t offset) {
  const auto place = place_in(noun, message, offset);
  return place ? place->path : std::string{};
}

std::string path_of_type(const Noun& noun, BytesView message, std::optional<std::size_t> nest,
                         std::uint16_t type) {
  Place place{.path = {}, .within = Level{noun.attributes, {}}};
  if (nest) {
    const auto found = place_in(noun, message, *nest);
    if (!found || !found->within) return {};
    place = *found;
  }
  const Field* field = row_of(*place.within, type);
  return field == nullptr ? place.path : join(place.path, field->name);
}

sys::Refusal refusal_of(const netlink::Acknowledgement& acknowledgement, const Noun& noun,
                        BytesView message) {
  sys::Refusal refusal{.error = acknowledgement.error,
                       .detail = acknowledgement.detail,
                       .field = {},
                       .allowed = acknowledgement.allowed};
  if (acknowledgement.offset) {
    refusal.field = path_at(noun, message, *acknowledgement.offset);
  } else if (acknowledgement.missing_type) {
    refusal.field = path_of_type(noun, message, acknowledgement.missing_nest,
                                 static_cast<std::uint16_t>(*acknowledgement.missing_type));
  }
  return refusal;
}

std::string print(const Noun& noun, BytesView body) {
  const auto level = top(noun, body);
  if (!level) return "malformed\n";
  std::string out = "header:" + hexadecimal(body.first(noun.header_size)) + "\n";
  print_level(*level, "", out);
  return out;
}

Record schema_of(std::span<const Noun* const> nouns, std::span<const Operation> operations) {
  Record by_noun;
  for (const Noun* noun : nouns) by_noun.append(noun->name, rows(noun->attributes, noun->header));
  List verbs;
  for (const Operation& operation : operations) verbs.emplace_back(std::string{operation.name});
  Record all;
  all.append("nouns", std::move(by_noun));
  all.append("operations", std::move(verbs));
  return all;
}

Record schema() {
  Record all = schema_of(nouns(), operations());
  all.append("kinds", describe_tables(kKinds));
  all.append("portKinds", describe_tables(kPortKinds));
  return all;
}

NameSet names_of(std::span<const Noun* const> of) {
  NameSet names;
  for (const Noun* noun : of) {
    collect_names(noun->header, names);
    collect_names(noun->attributes, names);
  }
  return names;
}

std::optional<std::string_view> known_name(std::string_view name) {
  static const NameSet names = collect_all_names();
  const auto found = names.find(name);
  if (found == names.end()) return std::nullopt;
  return *found;
}

}  // namespace vethwork::rtnl
