// One netlink socket: sends requests, several at once, and sorts answers and events.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <span>

#include "netlink/bytes.hpp"
#include "netlink/extended_ack.hpp"
#include "sys/fd.hpp"

namespace vethwork::netlink {

/// One request in an exchange, and what becomes of it. Called on the exchanging thread only.
class Request {
 public:
  Request() = default;
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  virtual ~Request() = default;

  /// The message to send; the socket stamps its sequence number.
  virtual std::span<std::byte> message() = 0;

  /// A reply other than the acknowledgement, from its nlmsghdr on. False if it is malformed.
  virtual bool on_part(BytesView message) = 0;

  /// An interrupted dump begins anew: forget the parts.
  virtual void on_restart() = 0;

  /// The end. `interrupted`: the dump stayed inconsistent, the parts are not the whole truth.
  virtual void on_end(const Acknowledgement& acknowledgement, bool interrupted) = 0;
};

/// Who hears what the kernel tells unasked. Called on the thread that uses the socket.
class Listener {
 public:
  Listener() = default;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  virtual ~Listener() = default;

  /// An event, from its nlmsghdr on.
  virtual void hear(BytesView message) = 0;

  /// The kernel had to drop events: what they said must be asked for.
  virtual void miss() = 0;
};

/// A netlink socket. It belongs for life to the namespace that it was opened in.
///
/// Extended acknowledgements, capped acknowledgements and strict checking are always on. One
/// thread at a time may use it. Sequence numbers are unique in the whole process, because the
/// kernel addresses an echo by port number alone and sockets of ours in two namespaces can have
/// the same one.
class Socket {
 public:
  /// How many plain requests one send may hold: the default receive queue takes 256 answers.
  static constexpr std::size_t kMostPacked = 128;
  /// How often an interrupted dump is asked for before its caller is told.
  static constexpr int kDumpAttempts = 12;

  /// Opens a socket in the calling thread's namespace; by default one that speaks rtnetlink. Throws
  /// `sys::Refused`.
  static Socket open(int protocol = NETLINK_ROUTE);

  /// Sends requests that are no dumps in one system call and returns when each has ended.
  ///
  /// The kernel carries all of them out in order and goes on after a failing one: a pack is not a
  /// transaction. Never throws; what cannot be sent or answered ends with the errno.
  void exchange(std::span<Request* const> requests) noexcept;

  /// Sends one dump request; an interrupted dump (NLM_F_DUMP_INTR on any part) is repeated.
  void dump(Request& request) noexcept;

  /// Joins an RTNLGRP_*. From now on events come to `listener`, who must outlive the socket, in
  /// their true order among the answers: who has the answer to a question has heard of all that
  /// happened before. Throws `sys::Refused`.
  void listen(std::uint32_t group, Listener& listener);

  /// Hears what has happened since the last exchange; never waits.
  void hear_pending() noexcept;

  /// True after an answer that broke off half-way: a dump may still hang on the socket, and who
  /// owns it opens another.
  [[nodiscard]] bool broken() const { return broken_; }

  [[nodiscard]] int descriptor() const { return fd_.get(); }

 private:
  explicit Socket(sys::UniqueFd fd) : fd_(std::move(fd)) {}

  sys::UniqueFd fd_;
  Listener* listener_ = nullptr;
  bool broken_ = false;
};

}  // namespace vethwork::netlink
