// Deletes many links in the time of one.
#pragma once

#include <cstdint>
#include <span>

#include "netlink/extended_ack.hpp"
#include "netlink/socket.hpp"

namespace vethwork::rtnl {

/// A link to delete, and the kernel's answer to it.
struct Removal {
  std::uint32_t index;
  netlink::Acknowledgement answer{};
};

/// Deletes links as if each had been deleted by itself, one after the other.
///
/// A deletion waits 16 ms for an RCU grace period, however many links it takes at once
/// (net/core/dev.c, netdev_run_todo()). So the links are put into a group of ours and the group is
/// deleted (net/core/rtnetlink.c, rtnl_group_dellink()). The group's number comes from a range that
/// only this library uses, and no link of the namespace has it. Links that cannot go that way are
/// deleted one by one; when the group is refused, each gets its own group back first.
void remove_links(netlink::Socket& socket, std::span<Removal> removals);

}  // namespace vethwork::rtnl
