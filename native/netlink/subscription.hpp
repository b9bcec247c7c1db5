// A netlink socket that hears of changes and is asked for what there is, all in one queue.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "netlink/bytes.hpp"
#include "sys/fd.hpp"

namespace vethwork::netlink {

/// A NETLINK_ROUTE socket that has joined multicast groups and never waits.
///
/// The answers to what is asked by it lie among the events in the order in which the kernel queued
/// them. It hears the namespace that it was opened in. One thread at a time may use it.
class Subscription {
 public:
  /// Called for each message, from its nlmsghdr on.
  using Heard = std::function<void(BytesView)>;
  enum class Outcome : std::uint8_t {
    heard,    ///< a datagram was read
    nothing,  ///< there is none
    lost,     ///< the kernel had to drop messages, or one did not fit
  };

  /// Joins groups (RTNLGRP_*) in the calling thread's namespace; one that the kernel does not have
  /// is left out. `receive_queue`: bytes. Throws `sys::Refused`.
  static Subscription open(std::span<const std::uint32_t> groups, int receive_queue);

  /// Reads one datagram.
  Outcome receive(const Heard& heard);

  /// Waits until there is something to receive, at most so long.
  void wait(std::chrono::milliseconds most) const;

  /// Sends a request and returns its sequence number; 0 if it could not be sent.
  std::uint32_t send(Bytes message);

  /// True for a message that answers the request of this number.
  [[nodiscard]] bool answers(BytesView message, std::uint32_t sequence) const;

  [[nodiscard]] int descriptor() const { return fd_.get(); }

 private:
  Subscription(sys::UniqueFd fd, std::uint32_t port) : fd_(std::move(fd)), port_(port) {}

  sys::UniqueFd fd_;
  std::uint32_t port_;
  Bytes buffer_;
};

}  // namespace vethwork::netlink
