// What the scripted kernel says, as a fuzzer's input has it.
#pragma once

#include <cerrno>

#include "input.hpp"
#include "kernel.hpp"

namespace vethwork::fuzz {

/// Few, so that an input's worth is in its bytes and not in their number.
inline constexpr std::size_t kMostDeliveries = 16;

/// Each has a byte of flags, then an errno or a datagram.
inline std::deque<Delivery> deliveries_of(Input& input) {
  constexpr std::uint8_t kFails = 1;
  constexpr std::uint8_t kEvent = 2;
  constexpr std::uint8_t kForeign = 4;
  constexpr int kLargestError = 133;
  std::deque<Delivery> all;
  while (!input.empty() && all.size() < kMostDeliveries) {
    const auto flags = input.byte();
    Delivery delivery{};
    delivery.event = (flags & kEvent) != 0;
    delivery.answers = (flags & kForeign) == 0;
    if ((flags & kFails) != 0) {
      delivery.error = 1 + input.byte() % kLargestError;
    } else {
      delivery.datagram = copy_of(input.piece());
    }
    all.push_back(std::move(delivery));
  }
  return all;
}

}  // namespace vethwork::fuzz
