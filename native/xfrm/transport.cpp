#include "xfrm/transport.hpp"

#include <linux/netlink.h>

#include <utility>

#include "rtnl/ask.hpp"

namespace vethwork::xfrm {

std::vector<rtnl::Record> ask(const rtnl::Operation& operation, netlink::Bytes message) {
  return rtnl::ask(NETLINK_XFRM, operation, std::move(message));
}

}  // namespace vethwork::xfrm
