// A kernel that says what it is told to: in the place of the system calls on netlink sockets.
#pragma once

#include <deque>

#include "netlink/bytes.hpp"

namespace vethwork::fuzz {

/// What a receiving call returns next.
struct Delivery {
  netlink::Bytes datagram;
  /// If not 0, the call fails with it.
  int error = 0;
  /// Whether it is said unasked: it then comes from a multicast group.
  bool event = false;
  /// Whether the first message gets the number of the last request.
  bool answers = true;
};

/// The script of the next receiving calls; when it is done, they fail with EAGAIN.
void script(std::deque<Delivery> deliveries);

/// What is read from files of /proc.
void show_file(netlink::Bytes content);

}  // namespace vethwork::fuzz
