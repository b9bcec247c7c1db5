#include "rtnl/link_index.hpp"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <algorithm>

#include "netlink/ask.hpp"

namespace vethwork::rtnl {
namespace {

netlink::Message query(const std::string& name) {
  netlink::Message message{RTM_GETLINK, 0};
  message.body(ifinfomsg{});
  message.text(IFLA_ALT_IFNAME, name);
  message.integer(IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS});
  return message;
}

}  // namespace

std::optional<std::uint32_t> link_index(netlink::Socket& socket, const std::string& name) {
  if (name.size() >= IFNAMSIZ) {
    netlink::Ask ask{query(name)};
    netlink::Request* const one = &ask;
    socket.exchange({&one, 1});
    if (ask.parts().empty()) return std::nullopt;
    const auto body = netlink::BytesView{ask.parts().front()}.subspan(NLMSG_HDRLEN);
    const auto header = netlink::read<ifinfomsg>(body);
    if (!header) return std::nullopt;
    return static_cast<std::uint32_t>(header->ifi_index);
  }
  ifreq request{};
  std::copy(name.begin(), name.end(), std::begin(request.ifr_name));
  if (::ioctl(socket.descriptor(), SIOCGIFINDEX, &request) != 0) return std::nullopt;
  return static_cast<std::uint32_t>(request.ifr_ifindex);
}

}  // namespace vethwork::rtnl
