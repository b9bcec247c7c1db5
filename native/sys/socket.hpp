// Makes the sockets that an application uses inside a namespace.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sys/fd.hpp"

namespace vethwork::sys {

/// What is done with a socket before it is handed over.
enum class SocketUse : std::uint8_t {
  none,     ///< Its owner connects it.
  bound,    ///< Bound to the address.
  listens,  ///< Bound, and listening.
  connects  ///< Connected, of AF_UNIX alone: there it takes no time.
};

/// What a socket shall be like.
struct SocketPlan {
  int family;
  int type;
  /// Whether it sends ICMP echoes. Any group may have one then: the kernel asks when it is made.
  bool echo = false;
  SocketUse use = SocketUse::none;
  /// An IP address as text; a path, or after a NUL the name of an abstract socket.
  std::string address{};
  std::uint16_t port = 0;
  /// The link that it is bound to, by name: what follows "%" in a link-local address.
  std::string device{};
  int backlog = 0;
  bool reuse_address = false;
  bool reuse_port = false;
  bool ipv6_only = false;
};

/// Makes a socket in the calling thread's namespace, to which it belongs for life. It does not
/// block. Throws `Refused`; `EINVAL` if the address is none.
UniqueFd open_socket(const SocketPlan& plan);

/// An end of a connection.
struct SocketName {
  /// A link-local address has its link: "fe80::1%eth0".
  std::string address;
  std::uint16_t port;
};

/// The far end of an IPv6 connection, or the near one; nothing if it is none.
std::optional<SocketName> name_of(int fd, bool far);

}  // namespace vethwork::sys
