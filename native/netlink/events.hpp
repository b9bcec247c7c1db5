// A netlink socket that hears of changes without asking.
#pragma once

#include <cstdint>
#include <functional>

#include "netlink/bytes.hpp"
#include "sys/fd.hpp"

namespace vethwork::netlink {

/// A NETLINK_ROUTE socket that has joined a multicast group; it hears the namespace it was opened
/// in. One thread at a time may use it.
class Events {
 public:
  /// Joins an RTNLGRP_* in the calling thread's namespace. Throws `sys::Refused`.
  static Events open(std::uint32_t group);

  /// Calls `heard` for each message that has come, from its nlmsghdr on, and never waits.
  /// False if the kernel had to drop messages: what they said must be asked for.
  [[nodiscard]] bool drain(const std::function<void(BytesView)>& heard) const;

 private:
  explicit Events(sys::UniqueFd fd) : fd_(std::move(fd)) {}

  sys::UniqueFd fd_;
};

}  // namespace vethwork::netlink
