// What a table says of a message: property name, attribute number, wire type.
//
// The same rows serve encoding, decoding, the errors of bad arguments, the path of a refused
// attribute, the printed form of a message and schema().
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>

namespace vethwork::rtnl {

struct Field;
struct Noun;

/// How a value looks on the wire, and what it is in a record.
enum class Wire : std::uint8_t {
  flag,       ///< written without payload if true; read as true if empty or not zero
  boolean8,   ///< u8, 0 or 1 ↔ boolean
  boolean32,  ///< u32, 0 or 1 ↔ boolean
  u8,
  u16,
  u32,
  u64,  ///< ↔ bigint
  s8,
  s32,
  be16,  ///< network byte order, as port numbers are
  be32,
  be_s32,
  be64,          ///< ↔ bigint
  be_bits,       ///< u32 of named bits in network byte order ↔ list of names
  text,          ///< NUL-terminated
  ip,            ///< 4 or 16 bytes ↔ "10.0.0.2"; checked against the message's family
  ip4,           ///< 4 bytes ↔ "10.0.0.2", whatever the message's family
  ip6,           ///< 16 bytes ↔ "fd00::2", whatever the message's family
  gateway,       ///< ip; of the other family than the message's it is written as RTA_VIA
  via,           ///< struct rtvia: family and address; read only, see `gateway`
  mac,           ///< link-layer address of any length ↔ "02:00:00:00:00:01"
  bytes,         ///< ↔ Uint8Array
  link,          ///< u32 interface index; given as number, { index } or { name }
  descriptor,    ///< u32 file descriptor of a namespace handle; write only
  namespace_id,  ///< s32 as the observing namespace counts; negative ↔ absent
  bits,          ///< u32 or u8 or u16 (by `width`) of named bits ↔ list of names
  masked_bits,   ///< u32 value, u32 mask ↔ a boolean per row in the mask, flat in the record
  structure,     ///< packed values ↔ the rows of `fields` (type = byte offset), flat if unnamed
  structures,    ///< structures of `width` bytes, one behind the other ↔ list of records
  nest,          ///< attributes of `fields`; flat in the same record if unnamed
  list,          ///< attributes, each an `element` ↔ list; all of `element_type`, or 0, 1, 2 …
  selected,      ///< attributes of the table that `selector` chooses; flat if unnamed
  noun,          ///< a family header and attributes of another noun (a veth's peer)
  nexthops,      ///< struct rtnexthop and attributes, repeated ↔ list of records
};

/// A number that has a name: `{"bridge", MACVLAN_MODE_BRIDGE}`.
struct Name {
  std::string_view text;
  std::uint32_t number;
};
using Names = std::span<const Name>;

/// Which way a property goes.
enum class Access : std::uint8_t {
  both,
  given,     ///< written only: not reported under this name, or not to be shown
  reported,  ///< read only: giving it is refused
  implied,   ///< neither given nor shown: follows from other properties, see `Operation::complete`
};

/// The values that are taken besides what the wire type can say.
struct Bounds {
  std::int64_t min = 0;
  std::int64_t max = std::numeric_limits<std::uint32_t>::max();
};

/// Rows that lie one after another. A row has rows itself, so this is copied before the compiler
/// knows how long one is: libc++ 17 does not copy a span then.
class Rows {
 public:
  constexpr Rows() = default;
  constexpr Rows(std::span<const Field> rows);
  template <std::size_t count>
  constexpr Rows(const std::array<Field, count>& rows) : Rows(std::span<const Field>{rows}) {}

  constexpr const Field* begin() const { return first_; }
  constexpr const Field* end() const { return end_; }
  constexpr bool empty() const { return first_ == end_; }

 private:
  const Field* first_ = nullptr;
  const Field* end_ = nullptr;
};

/// Attributes that belong together: all of a message, of a kind, of a nest.
struct Table {
  std::string_view name;
  Rows fields;
};

/// How `Wire::selected` finds its table: by the text of a property (`kind`), which a sibling
/// attribute (`sibling`) carries.
struct Selector {
  std::string_view property;
  std::uint16_t sibling;
  std::span<const Table> tables;
};

/// What a wire type needs besides its number. Only the members that its comment names are read.
struct Detail {
  Names names{};                       ///< integers and `bits`: text instead of numbers
  Rows fields{};                       ///< nest, structure, structures, masked_bits, nexthops
  const Selector* selector = nullptr;  ///< selected
  const Noun* noun = nullptr;          ///< noun
  Wire element = Wire::u32;            ///< list: ip, ip4, mac, u16, u32, text, structure …
  std::uint16_t element_type = 0;      ///< list: every element's number; 0 counts them from 0
  Bounds bounds{.min = std::numeric_limits<std::int64_t>::min(),
                .max = std::numeric_limits<std::int64_t>::max()};  ///< integers; text: bytes
  std::uint8_t width = 4;    ///< bits, structures: bytes of one on the wire
  bool sent_if_any = false;  ///< masked_bits: no attribute means that all of them are false
};

/// One row.
struct Field {
  /// The property; empty for a nest whose properties lie flat in the record around it.
  std::string_view name;
  /// The attribute number, or `kInHeader`, or the offset in a structure, or a bit.
  std::uint16_t type;
  Wire wire;
  Detail detail{};
  Access access = Access::both;
};

constexpr Rows::Rows(std::span<const Field> rows)
    : first_(rows.data()), end_(rows.data() + rows.size()) {}

/// The number of a field that has no attribute: the noun's header functions place it.
inline constexpr std::uint16_t kInHeader = 0xffff;

// The rows read better with these: Field{"mode", IFLA_MACVLAN_MODE, Wire::u32, named(kModes)}.

/// An integer that goes by names; also the names of `Wire::bits`.
constexpr Detail named(Names names, std::uint8_t width = 4) {
  return Detail{.names = names, .width = width};
}
/// The rows of a nest, a structure, masked bits or next hops.
constexpr Detail of(Rows fields) { return Detail{.fields = fields}; }
/// Masked bits that the kernel tells nothing of while none is set.
constexpr Detail sent_if_any(Rows fields) { return Detail{.fields = fields, .sent_if_any = true}; }
constexpr Detail each_of(Rows fields, std::uint8_t width) {
  return Detail{.fields = fields, .width = width};
}
constexpr Detail chosen_by(const Selector& selector) { return Detail{.selector = &selector}; }
constexpr Detail message_of(const Noun& noun) { return Detail{.noun = &noun}; }
constexpr Detail each(Wire element, std::uint16_t type = 0, Rows fields = {}) {
  return Detail{.fields = fields, .element = element, .element_type = type};
}
constexpr Detail within(std::int64_t min, std::int64_t max) {
  return Detail{.bounds = {.min = min, .max = max}};
}
/// Text of at most so many bytes, and at least one.
constexpr Detail at_most(std::int64_t bytes) { return within(1, bytes); }

/// A field that is read only, written only, or neither.
constexpr Field reported(Field field) {
  field.access = Access::reported;
  return field;
}
constexpr Field given(Field field) {
  field.access = Access::given;
  return field;
}
constexpr Field implied(Field field) {
  field.access = Access::implied;
  return field;
}

}  // namespace vethwork::rtnl
