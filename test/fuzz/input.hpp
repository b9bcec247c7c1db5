// A fuzzer's input, taken piece by piece.
#pragma once

#include <algorithm>
#include <cstdint>

#include "netlink/bytes.hpp"

namespace vethwork::fuzz {

/// What is left of an input. When nothing is, numbers are zero and pieces are empty.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(std::as_bytes(std::span{data, size})) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }

  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_ = rest_.subspan(1);
    return value;
  }

  std::uint16_t word() {
    const auto low = byte();
    return static_cast<std::uint16_t>(low | (byte() << 8));
  }

  /// At most so many bytes.
  netlink::BytesView piece(std::size_t most) {
    const auto taken = rest_.first(std::min(most, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }

  /// A piece whose length is said before it.
  netlink::BytesView piece() { return piece(word()); }

  netlink::BytesView rest() { return piece(rest_.size()); }

 private:
  netlink::BytesView rest_;
};

/// A copy of its own size on the heap, so that what is read beyond its end is found.
inline netlink::Bytes copy_of(netlink::BytesView bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace vethwork::fuzz
