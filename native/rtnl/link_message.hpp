// Messages about links that the library sends on its own account.
#pragma once

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <cstdint>

#include "netlink/message.hpp"

namespace vethwork::rtnl {

/// A message about one link.
inline netlink::Message link_message(std::uint16_t type, std::uint32_t index) {
  netlink::Message message{type, 0};
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(index);
  message.body(header);
  return message;
}

/// Asks for all links, without their counters, which are half of an answer.
inline netlink::Message link_list_message() {
  netlink::Message message{RTM_GETLINK, NLM_F_DUMP};
  message.body(ifinfomsg{});
  message.integer(IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS});
  return message;
}

}  // namespace vethwork::rtnl
