// One operation on a socket of its own, of any protocol of netlink that the codec has tables for.
//
// A socket lives for one exchange: opening it takes microseconds.
#pragma once

#include <vector>

#include "netlink/bytes.hpp"
#include "rtnl/operation.hpp"
#include "rtnl/record.hpp"

namespace vethwork::rtnl {

/// Sends an operation's message, in the calling thread's namespace, and returns what was answered.
/// The message is wiped before its memory is given back: it may hold a key. Throws `sys::Refused`.
std::vector<Record> ask(int protocol, const Operation& operation, netlink::Bytes message);

}  // namespace vethwork::rtnl
