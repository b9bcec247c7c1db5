// Reads messages into records. Every length comes from outside and is checked before it is used.
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "netlink/attributes.hpp"
#include "rtnl/codec.hpp"
#include "rtnl/nouns.hpp"

namespace vethwork::rtnl {
namespace {

using netlink::Attribute;
using netlink::Attributes;
using netlink::BytesView;

/// Thrown for bytes that are no message; caught by `decode` alone.
struct Malformed {};

template <netlink::Plain T>
T read(BytesView bytes) {
  const auto value = netlink::read<T>(bytes);
  if (!value) throw Malformed{};
  return *value;
}

std::uint32_t small_number(const Field& field, BytesView bytes) {
  switch (field.wire) {
    case Wire::u8:
      return read<std::uint8_t>(bytes);
    case Wire::u16:
      return read<std::uint16_t>(bytes);
    case Wire::be16:
      return netlink::swap_network_order(read<std::uint16_t>(bytes));
    case Wire::be32:
      return netlink::swap_network_order(read<std::uint32_t>(bytes));
    default:
      return read<std::uint32_t>(bytes);
  }
}

List bits(const Field& field, BytesView bytes) {
  if (field.wire == Wire::be_bits) {
    return names_of_bits(netlink::swap_network_order(read<std::uint32_t>(bytes)),
                         field.detail.names);
  }
  const std::uint32_t set = field.detail.width == 1   ? read<std::uint8_t>(bytes)
                            : field.detail.width == 2 ? read<std::uint16_t>(bytes)
                                                      : read<std::uint32_t>(bytes);
  return names_of_bits(set, field.detail.names);
}

std::string ip_text(BytesView bytes) {
  const auto ip = ip_of(bytes);
  if (!ip) throw Malformed{};
  return format_ip(*ip);
}

void decode_attributes(BytesView bytes, std::span<const Field> fields, Record& record);
Record decode_noun(const Noun& noun, BytesView body);

/// Values at fixed offsets. A kernel that is older than our table sends fewer of them.
void decode_structure(BytesView bytes, std::span<const Field> fields, Record& record);

const Table* selected(const Selector& selector, const Record& record) {
  const auto table =
      std::ranges::find(selector.tables, record.text(selector.property), &Table::name);
  return table == selector.tables.end() ? nullptr : &*table;
}

/// A kernel that is older than our table does not have all of the bits in its mask.
void decode_masked_bits(const Field& field, BytesView bytes, Record& record) {
  const auto [set, mask] = read<std::array<std::uint32_t, 2>>(bytes);
  for (const Field& row : field.detail.fields) {
    const std::uint32_t bit = 1U << row.type;
    if ((mask & bit) != 0) record.append(row.name, Value{(set & bit) != 0});
  }
}

/// The bits of which the kernel tells by sending nothing.
void decode_unsent(BytesView attributes, std::span<const Field> fields, Record& record) {
  for (const Field& field : fields) {
    if (!field.detail.sent_if_any || netlink::find_attribute(attributes, field.type)) continue;
    for (const Field& row : field.detail.fields) record.append(row.name, Value{false});
  }
}

Value decode_value(const Field& field, BytesView bytes, const Record& around);

List decode_list(const Field& field, BytesView bytes) {
  List list;
  const Field element{
      .name = field.name, .type = 0, .wire = field.detail.element, .detail = field.detail};
  Attributes attributes{bytes};
  while (const auto attribute = attributes.next()) {
    list.push_back(decode_value(element, attribute->value, Record{}));
  }
  if (attributes.malformed()) throw Malformed{};
  return list;
}

List decode_structures(const Field& field, BytesView bytes) {
  List list;
  while (!bytes.empty()) {
    if (bytes.size() < field.detail.width) throw Malformed{};
    Record one;
    decode_structure(bytes.first(field.detail.width), field.detail.fields, one);
    list.emplace_back(std::move(one));
    bytes = bytes.subspan(field.detail.width);
  }
  return list;
}

List decode_nexthops(const Field& field, BytesView bytes) {
  List list;
  while (!bytes.empty()) {
    const auto header = read<rtnexthop>(bytes);
    if (header.rtnh_len < sizeof header || header.rtnh_len > bytes.size()) throw Malformed{};
    Record hop;
    hop.append("device", static_cast<double>(header.rtnh_ifindex));
    hop.append("weight", static_cast<double>(header.rtnh_hops + 1));
    hop.append("onlink", (header.rtnh_flags & RTNH_F_ONLINK) != 0);
    decode_attributes(bytes.subspan(sizeof header, header.rtnh_len - sizeof header),
                      field.detail.fields, hop);
    list.emplace_back(std::move(hop));
    bytes = bytes.subspan(std::min<std::size_t>(RTNH_ALIGN(header.rtnh_len), bytes.size()));
  }
  return list;
}

Record inner_record(const Field& field, BytesView bytes, const Record& around) {
  Record inner;
  if (field.wire == Wire::structure) {
    decode_structure(bytes, field.detail.fields, inner);
  } else if (field.wire == Wire::nest) {
    decode_attributes(bytes, field.detail.fields, inner);
  } else if (const Table* table = selected(*field.detail.selector, around)) {
    decode_attributes(bytes, table->fields, inner);
  }
  return inner;
}

Value decode_value(const Field& field, BytesView bytes, const Record& around) {
  switch (field.wire) {
    case Wire::flag:
      // Some flags are given empty and reported as a byte.
      return bytes.empty() || bytes.front() != std::byte{0};
    case Wire::boolean8:
      return read<std::uint8_t>(bytes) != 0;
    case Wire::boolean32:
      return read<std::uint32_t>(bytes) != 0;
    case Wire::u64:
      return read<std::uint64_t>(bytes);
    case Wire::be64:
      return netlink::swap_network_order(read<std::uint64_t>(bytes));
    case Wire::be_s32:
      return static_cast<double>(
          static_cast<std::int32_t>(netlink::swap_network_order(read<std::uint32_t>(bytes))));
    case Wire::s8:
      return static_cast<double>(read<std::int8_t>(bytes));
    case Wire::s32:
    case Wire::namespace_id:
      return static_cast<double>(read<std::int32_t>(bytes));
    case Wire::text:
      return std::string{netlink::text_of(bytes)};
    case Wire::ip:
    case Wire::ip4:
    case Wire::ip6:
    case Wire::gateway:
      return ip_text(bytes);
    case Wire::via:
      if (bytes.size() < sizeof(std::uint16_t)) throw Malformed{};
      return ip_text(bytes.subspan(sizeof(std::uint16_t)));
    case Wire::mac:
      return format_mac(bytes);
    case Wire::bytes:
      return netlink::Bytes{bytes.begin(), bytes.end()};
    case Wire::bits:
    case Wire::be_bits:
      return bits(field, bytes);
    case Wire::list:
      return decode_list(field, bytes);
    case Wire::structures:
      return decode_structures(field, bytes);
    case Wire::nexthops:
      return decode_nexthops(field, bytes);
    case Wire::noun:
      return decode_noun(*field.detail.noun, bytes);
    case Wire::structure:
    case Wire::nest:
    case Wire::selected:
      return inner_record(field, bytes, around);
    default:
      return name_of(small_number(field, bytes), field.detail.names);
  }
}

void decode_flat(const Field& field, BytesView bytes, Record& record) {
  if (field.wire == Wire::masked_bits) return decode_masked_bits(field, bytes, record);
  if (field.wire == Wire::structure) return decode_structure(bytes, field.detail.fields, record);
  if (field.wire == Wire::selected) {
    const Table* table = selected(*field.detail.selector, record);
    if (table != nullptr) decode_attributes(bytes, table->fields, record);
    return;
  }
  decode_attributes(bytes, field.detail.fields, record);
}

void decode_structure(BytesView bytes, std::span<const Field> fields, Record& record) {
  for (const Field& row : fields) {
    if (row.type >= bytes.size() || row.access == Access::given) continue;
    record.append(row.name, decode_value(row, bytes.subspan(row.type), record));
  }
}

void decode_attributes(BytesView bytes, std::span<const Field> fields, Record& record) {
  Attributes attributes{bytes};
  while (const auto attribute = attributes.next()) {
    const auto field = std::ranges::find_if(fields, [&](const Field& row) {
      return row.type == attribute->type && row.type != kInHeader && row.access != Access::given;
    });
    if (field == fields.end()) continue;
    if (field->name.empty()) {
      decode_flat(*field, attribute->value, record);
    } else if (field->wire != Wire::namespace_id || read<std::int32_t>(attribute->value) >= 0) {
      record.append(field->name, decode_value(*field, attribute->value, record));
    }
  }
  if (attributes.malformed()) throw Malformed{};
  decode_unsent(bytes, fields, record);
}

Record decode_noun(const Noun& noun, BytesView body) {
  if (body.size() < noun.header_size) throw Malformed{};
  Record record;
  noun.read_header(body.first(noun.header_size), record);
  const std::size_t attributes = NLMSG_ALIGN(noun.header_size);
  if (body.size() > attributes)
    decode_attributes(body.subspan(attributes), noun.attributes, record);
  if (noun.refine != nullptr) noun.refine(record);
  return record;
}

}  // namespace

std::optional<Record> decode(const Noun& noun, BytesView body) {
  try {
    return decode_noun(noun, body);
  } catch (const Malformed&) {
    return std::nullopt;
  }
}

}  // namespace vethwork::rtnl
