// How XFRM is spoken to: one question at a time.
#pragma once

#include <vector>

#include "netlink/bytes.hpp"
#include "rtnl/operation.hpp"
#include "rtnl/record.hpp"

namespace vethwork::xfrm {

/// Asks, in the calling thread's namespace, and returns what was answered. Throws `sys::Refused`:
/// `EPROTONOSUPPORT` also if the kernel has no XFRM to ask (CONFIG_XFRM_USER).
std::vector<rtnl::Record> ask(const rtnl::Operation& operation, netlink::Bytes message);

}  // namespace vethwork::xfrm
