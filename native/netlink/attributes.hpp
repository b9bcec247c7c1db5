// Walks the attributes of a message, trusting no length.
//
//   | length 2 | type 2 | value … | padding to 4 |      an attribute
//
// The two top bits of the type are flags (nested, network byte order) and are masked out.
#pragma once

#include <linux/netlink.h>

#include <algorithm>
#include <cstdint>
#include <optional>

#include "netlink/bytes.hpp"

namespace vethwork::netlink {

/// One attribute of a message.
struct Attribute {
  std::uint16_t type;
  BytesView value;
};

/// The attributes that `bytes` holds, front to back.
///
///     Attributes attributes{payload};
///     while (const auto attribute = attributes.next()) use(*attribute);
///     if (attributes.malformed()) refuse();
class Attributes {
 public:
  explicit Attributes(BytesView bytes) : rest_(bytes) {}

  /// The next attribute; nothing at the end or at the first malformed one.
  [[nodiscard]] std::optional<Attribute> next() {
    const auto header = read<nlattr>(rest_);
    if (!header) {
      malformed_ = !rest_.empty();
      return std::nullopt;
    }
    if (header->nla_len < NLA_HDRLEN || header->nla_len > rest_.size()) {
      malformed_ = true;
      return std::nullopt;
    }
    const Attribute attribute{static_cast<std::uint16_t>(header->nla_type & NLA_TYPE_MASK),
                              rest_.subspan(NLA_HDRLEN, header->nla_len - NLA_HDRLEN)};
    const std::size_t step = NLA_ALIGN(std::size_t{header->nla_len});
    rest_ = rest_.subspan(std::min(step, rest_.size()));
    return attribute;
  }

  /// True once a length was found that the bytes do not cover.
  [[nodiscard]] bool malformed() const { return malformed_; }

 private:
  BytesView rest_;
  bool malformed_ = false;
};

/// The first attribute of a type, or nothing.
[[nodiscard]] inline std::optional<BytesView> find_attribute(BytesView bytes, std::uint16_t type) {
  Attributes attributes{bytes};
  while (const auto attribute = attributes.next()) {
    if (attribute->type == type) return attribute->value;
  }
  return std::nullopt;
}

}  // namespace vethwork::netlink
