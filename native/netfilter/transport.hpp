// How netfilter is spoken to: one question at a time, and changes of the ruleset in one batch.
//
// A socket lives for one exchange: opening it takes microseconds, and a change of the ruleset takes
// the kernel a hundred times as long.
#pragma once

#include <span>
#include <vector>

#include "netlink/bytes.hpp"
#include "rtnl/operation.hpp"
#include "rtnl/record.hpp"

namespace vethwork::netfilter {

/// A message, and what it is, to explain a refusal by.
struct Change {
  const rtnl::Operation* operation;
  netlink::Bytes message;
};

/// Asks, in the calling thread's namespace, and returns what was answered. Throws `sys::Refused`.
std::vector<rtnl::Record> ask(const rtnl::Operation& operation, netlink::Bytes message);

/// Changes the ruleset of the calling thread's namespace: all changes or none. Throws
/// `sys::Refused`, whose field begins with the first change that was refused, `changes[3]`.
///
/// @see net/netfilter/nfnetlink.c, nfnetlink_rcv_batch()
void change(std::span<const Change> changes);

}  // namespace vethwork::netfilter
