// Writes records as messages.
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <limits>

#include "rtnl/argument.hpp"
#include "rtnl/codec.hpp"

namespace vethwork::rtnl {
namespace {

using Kind = InvalidArgument::Kind;
using netlink::Message;

/// Every family header with an interface index has it at this offset.
constexpr std::size_t kHeaderIndexOffset = NLMSG_HDRLEN + 4;

/// Writes one record. Paths grow and shrink with the nesting, for the errors.
class Encoder {
 public:
  Encoder(Message& message, Encoded& out, std::uint8_t family)
      : message_(message), out_(out), family_(family) {}

  /// Writes every property that `fields` have a row for.
  void fields(const Record& record, std::span<const Field> fields, const std::string& path) {
    for (const Field& field : fields) {
      if (field.access == Access::reported || field.type == kInHeader) continue;
      if (field.name.empty()) {
        flat(field, record, path);
      } else if (const Value* value = record.find(field.name)) {
        one(field, *value, record, argument::join(path, field.name));
      }
    }
  }

  /// Checks the properties that the header will hold, and turns links into numbers.
  void header(Record& record, std::span<const Field> fields, const std::string& path) {
    for (const Field& field : fields) {
      const Value* value = record.find(field.name);
      if (value == nullptr) continue;
      const std::string name = argument::join(path, field.name);
      if (field.wire == Wire::link) {
        record.set(field.name, static_cast<double>(link(*value, kHeaderIndexOffset, name)));
      } else {
        Message scratch{0, 0};
        Encoded unused;
        Encoder{scratch, unused, AF_UNSPEC}.one(field, *value, record, name);
      }
    }
  }

 private:
  /// A nest whose properties lie in the record around it; nothing is written if none is there.
  void flat(const Field& field, const Record& record, const std::string& path) {
    if (field.wire == Wire::masked_bits) return masked_bits(field, record, path);
    const auto nest = message_.nest(field.type);
    if (field.wire == Wire::selected) {
      const Table* table = selected(field, record);
      if (table != nullptr) fields(record, table->fields, path);
    } else {
      fields(record, field.detail.fields, path);
    }
    if (nest.empty()) nest.drop();
  }

  static const Table* selected(const Field& field, const Record& record) {
    const Selector& selector = *field.detail.selector;
    const auto table =
        std::ranges::find(selector.tables, record.text(selector.property), &Table::name);
    return table == selector.tables.end() ? nullptr : &*table;
  }

  void masked_bits(const Field& field, const Record& record, const std::string& path) {
    std::uint32_t value = 0;
    std::uint32_t mask = 0;
    for (const Field& row : field.detail.fields) {
      const Value* given = record.find(row.name);
      if (given == nullptr) continue;
      mask |= 1U << row.type;
      if (argument::boolean(*given, argument::join(path, row.name))) value |= 1U << row.type;
    }
    if (mask != 0) message_.bytes(field.type, netlink::bytes_of(std::array{value, mask}));
  }

  void one(const Field& field, const Value& value, const Record& record, const std::string& path) {
    switch (field.wire) {
      case Wire::flag:
        if (argument::boolean(value, path)) message_.bytes(field.type, {});
        return;
      case Wire::boolean8:
        return message_.integer(field.type,
                                static_cast<std::uint8_t>(argument::boolean(value, path)));
      case Wire::boolean32:
        return message_.integer(field.type,
                                static_cast<std::uint32_t>(argument::boolean(value, path)));
      case Wire::text:
        return message_.text(field.type, argument::text(field, value, path));
      case Wire::bits:
      case Wire::be_bits:
        return bits(field, value, path);
      case Wire::link:
        return link_attribute(field, value, path);
      case Wire::descriptor:
        return descriptor(field, value, path);
      case Wire::structure:
        return structure(field, argument::object(value, path), path);
      case Wire::structures:
        return structures(field, value, path);
      case Wire::nest: {
        const Record& inner = argument::object(value, path);
        refuse_unknown(inner, field.detail.fields, path);
        const auto nest = message_.nest(field.type);
        return fields(inner, field.detail.fields, path);
      }
      case Wire::selected:
        return selected_object(field, value, record, path);
      case Wire::noun:
        return noun(field, argument::object(value, path), path);
      case Wire::list:
        return list(field, value, path);
      case Wire::nexthops:
        return nexthops(field, value, path);
      case Wire::ip:
      case Wire::ip4:
      case Wire::ip6:
      case Wire::gateway:
        return address(field, value, path);
      case Wire::mac:
        return message_.bytes(field.type, argument::mac(value, path));
      case Wire::bytes:
        if (const auto* bytes = value.as<netlink::Bytes>())
          return message_.bytes(field.type, *bytes);
        argument::wrong(path, "must be a Uint8Array");
      default:
        return integer(field, value, path);
    }
  }

  void integer(const Field& field, const Value& value, const std::string& path) {
    const std::uint64_t given = argument::number(field, value, path);
    switch (field.wire) {
      case Wire::u8:
      case Wire::s8:
        return message_.integer(field.type, static_cast<std::uint8_t>(given));
      case Wire::u16:
        return message_.integer(field.type, static_cast<std::uint16_t>(given));
      case Wire::be16:
        return message_.integer(field.type,
                                netlink::swap_network_order(static_cast<std::uint16_t>(given)));
      case Wire::be32:
      case Wire::be_s32:
        return message_.integer(field.type,
                                netlink::swap_network_order(static_cast<std::uint32_t>(given)));
      case Wire::u64:
        return message_.integer(field.type, given);
      case Wire::be64:
        return message_.integer(field.type, netlink::swap_network_order(given));
      default:
        return message_.integer(field.type, static_cast<std::uint32_t>(given));
    }
  }

  void bits(const Field& field, const Value& value, const std::string& path) {
    const std::uint32_t set = argument::bits(field, value, path);
    if (field.wire == Wire::be_bits) {
      return message_.integer(field.type, netlink::swap_network_order(set));
    }
    switch (field.detail.width) {
      case 1:
        return message_.integer(field.type, static_cast<std::uint8_t>(set));
      case 2:
        return message_.integer(field.type, static_cast<std::uint16_t>(set));
      default:
        return message_.integer(field.type, set);
    }
  }

  /// The index of a link; of one that goes by name, zero now and the index when it is sent.
  std::uint32_t link(const Value& value, std::size_t offset, const std::string& path) {
    static constexpr Field kIndex{"index", 0, Wire::u32, within(0, 0x7fffffff)};
    static constexpr Field kName{"name", 0, Wire::text, at_most(127)};
    const auto* record = value.as<Record>();
    if (record == nullptr) return static_cast<std::uint32_t>(argument::number(kIndex, value, path));
    if (const Value* index = record->find("index")) {
      return static_cast<std::uint32_t>(
          argument::number(kIndex, *index, argument::join(path, "index")));
    }
    const Value* name = record->find("name");
    if (name == nullptr) argument::wrong(path, "must be a link: its index, { index } or { name }");
    out_.references.push_back({.name = argument::text(kName, *name, argument::join(path, "name")),
                               .offset = offset,
                               .path = path});
    return 0;
  }

  void link_attribute(const Field& field, const Value& value, const std::string& path) {
    const std::uint32_t index = link(value, message_.size() + NLA_HDRLEN, path);
    message_.integer(field.type, index);
  }

  void descriptor(const Field& field, const Value& value, const std::string& path) {
    const auto* handle = value.as<Descriptor>();
    if (handle == nullptr) argument::wrong(path, "must be a Namespace");
    out_.held.push_back(handle->owner);
    message_.integer(field.type, static_cast<std::uint32_t>(handle->fd));
  }

  void structure(const Field& field, const Record& record, const std::string& path) {
    message_.bytes(field.type, packed(field.detail.fields, record, path));
  }

  void structures(const Field& field, const Value& value, const std::string& path) {
    netlink::Bytes bytes;
    std::size_t position = 0;
    for (const Value& item : argument::array(value, path)) {
      const std::string place = path + "[" + std::to_string(position++) + "]";
      const auto one = packed(field.detail.fields, argument::object(item, place), place);
      bytes.insert(bytes.end(), one.begin(), one.end());
      bytes.resize(position * field.detail.width);
    }
    message_.bytes(field.type, bytes);
  }

  /// The bytes of a structure: each row where it belongs, zeros between them.
  netlink::Bytes packed(std::span<const Field> fields, const Record& record,
                        const std::string& path) {
    refuse_unknown(record, fields, path);
    netlink::Bytes bytes;
    for (const Field& row : fields) {
      const Value* value = record.find(row.name);
      if (value == nullptr) argument::wrong(argument::join(path, row.name), "is missing");
      Message scratch{0, 0};
      Encoder{scratch, out_, family_}.one(row, *value, record, argument::join(path, row.name));
      const netlink::Bytes encoded = std::move(scratch).finish();
      const std::size_t width =
          netlink::read<nlattr>(netlink::BytesView{encoded}.subspan(NLMSG_HDRLEN))->nla_len -
          std::size_t{NLA_HDRLEN};
      bytes.resize(std::max(bytes.size(), row.type + width));
      std::copy_n(encoded.begin() + NLMSG_HDRLEN + NLA_HDRLEN, width, bytes.begin() + row.type);
    }
    return bytes;
  }

  void selected_object(const Field& field, const Value& value, const Record& record,
                       const std::string& path) {
    const Table* table = selected(field, record);
    if (table == nullptr)
      argument::wrong(path, "needs " + std::string{field.detail.selector->property});
    const Record& inner = argument::object(value, path);
    refuse_unknown(inner, table->fields, path);
    const auto nest = message_.nest(field.type);
    fields(inner, table->fields, path);
  }

  void noun(const Field& field, Record record, const std::string& path) {
    const Noun& noun = *field.detail.noun;
    refuse_unknown(record, noun, path);
    const auto nest = message_.nest(field.type);
    header(record, noun.header, path);
    noun.write_header(record, message_);
    fields(record, noun.attributes, path);
  }

  void list(const Field& field, const Value& value, const std::string& path) {
    const auto nest = message_.nest(field.type);
    std::uint16_t position = 0;
    for (const Value& item : argument::array(value, path)) {
      const std::string place = path + "[" + std::to_string(position) + "]";
      const std::uint16_t type =
          field.detail.element_type == 0 ? position : field.detail.element_type;
      ++position;
      Detail detail = field.detail;
      detail.bounds = {.min = std::numeric_limits<std::int64_t>::min(),
                       .max = std::numeric_limits<std::int64_t>::max()};
      one({.name = field.name, .type = type, .wire = field.detail.element, .detail = detail}, item,
          Record{}, place);
    }
  }

  /// include/uapi/linux/rtnetlink.h, struct rtnexthop: a header with its own length, attributes.
  void nexthops(const Field& field, const Value& value, const std::string& path) {
    const auto nest = message_.nest(field.type);
    std::size_t position = 0;
    for (const Value& item : argument::array(value, path)) {
      const std::string place = path + "[" + std::to_string(position++) + "]";
      Record hop = argument::object(item, place);
      refuse_unknown(hop, field.detail.fields, place);
      const std::size_t start = message_.size();
      const Value* device = hop.find("device");
      const auto index = device == nullptr
                             ? 0
                             : link(*device, start + offsetof(rtnexthop, rtnh_ifindex),
                                    argument::join(place, "device"));
      static constexpr Field kWeight{"weight", 0, Wire::u16, within(1, 256)};
      const Value* weight = hop.find("weight");
      const std::uint64_t times =
          weight == nullptr ? 1
                            : argument::number(kWeight, *weight, argument::join(place, "weight"));
      const Value* onlink = hop.find("onlink");
      message_.body(rtnexthop{
          .rtnh_len = 0,
          .rtnh_flags = static_cast<unsigned char>(
              onlink != nullptr && argument::boolean(*onlink, argument::join(place, "onlink"))
                  ? RTNH_F_ONLINK
                  : 0),
          .rtnh_hops = static_cast<unsigned char>(times - 1),
          .rtnh_ifindex = static_cast<int>(index)});
      fields(hop, field.detail.fields, place);
      message_.overwrite(start, static_cast<std::uint16_t>(message_.size() - start));
    }
  }

  void address(const Field& field, const Value& value, const std::string& path) {
    const Ip ip = argument::ip(value, path);
    std::uint8_t family = family_;
    if (field.wire == Wire::ip4) family = AF_INET;
    if (field.wire == Wire::ip6) family = AF_INET6;
    if (family == AF_UNSPEC || family == ip.family) {
      return message_.bytes(field.type, ip.bytes());
    }
    if (field.wire != Wire::gateway) {
      argument::outside(
          path, std::string{"must be an "} + (family == AF_INET ? "IPv4" : "IPv6") + " address");
    }
    netlink::Bytes via(sizeof(rtvia));
    const std::uint16_t of = ip.family;
    std::memcpy(via.data(), &of, sizeof of);
    via.resize(sizeof of);
    via.insert(via.end(), ip.bytes().begin(), ip.bytes().end());
    message_.bytes(RTA_VIA, via);
  }

  static bool knows(std::span<const Field> fields, std::string_view name, const Record& record,
                    bool& read_only) {
    for (const Field& field : fields) {
      if (field.name == name) {
        if (field.access == Access::both || field.access == Access::given) return true;
        read_only = field.access == Access::reported;
      }
      if (!field.name.empty()) continue;
      if (field.wire == Wire::selected) {
        const Table* table = selected(field, record);
        if (table != nullptr && knows(table->fields, name, record, read_only)) return true;
      } else if (knows(field.detail.fields, name, record, read_only)) {
        return true;
      }
    }
    return false;
  }

 public:
  static void refuse_unknown(const Record& record, std::span<const Field> fields,
                             const std::string& path, std::span<const Field> header = {}) {
    for (const auto& [name, value] : record.entries()) {
      bool read_only = false;
      if (knows(header, name, record, read_only) || knows(fields, name, record, read_only))
        continue;
      argument::wrong(
          argument::join(path, name),
          read_only ? "is reported by the kernel and cannot be given" : "unknown property");
    }
  }
  static void refuse_unknown(const Record& record, const Noun& noun, const std::string& path) {
    refuse_unknown(record, noun.attributes, path, noun.header);
  }

 private:
  Message& message_;
  Encoded& out_;
  std::uint8_t family_;
};

void check_properties(const Operation& operation, const Record& record) {
  const bool only = operation.takes.rule == Takes::Rule::only;
  for (const auto& [name, value] : record.entries()) {
    const bool listed =
        std::ranges::find(operation.takes.names, name) != operation.takes.names.end();
    if (listed != only) throw InvalidArgument{Kind::type, std::string{name}, "unknown property"};
  }
  for (const std::string_view name : operation.needs) {
    if (!record.has(name)) throw InvalidArgument{Kind::type, std::string{name}, "is missing"};
  }
  Encoder::refuse_unknown(record, *operation.noun, {});
}

/// include/uapi/linux/rtnetlink.h: the third of each four message types asks for something.
Message::Acknowledge acknowledgement_of(const Operation& operation) {
  constexpr int kGet = RTM_GETLINK - RTM_NEWLINK;
  const bool asks = operation.message % 4 == kGet && operation.answer == Answer::one;
  return asks ? Message::Acknowledge::no : Message::Acknowledge::yes;
}

}  // namespace

Encoded encode(const Operation& operation, Record record) {
  const Noun& noun = *operation.noun;
  check_properties(operation, record);
  Encoded out;
  Message message{operation.message, operation.flags, acknowledgement_of(operation)};
  Encoder{message, out, AF_UNSPEC}.header(record, noun.header, {});
  if (operation.complete != nullptr) operation.complete(record);
  noun.write_header(record, message);
  const std::uint8_t family = noun.family == nullptr ? AF_UNSPEC : noun.family(record);
  Encoder{message, out, family}.fields(record, noun.attributes, {});
  out.message = std::move(message).finish();
  return out;
}

}  // namespace vethwork::rtnl
