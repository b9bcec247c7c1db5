// The index of a link that goes by its name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "netlink/socket.hpp"

namespace vethwork::rtnl {

/// Looks a name or an alternative name up in the socket's namespace; nothing if no link has it.
///
/// Without the rtnl lock for names of up to 15 bytes (net/core/dev_ioctl.c, dev_ifconf()), with one
/// request for longer ones, which can only be alternative names.
std::optional<std::uint32_t> link_index(netlink::Socket& socket, const std::string& name);

}  // namespace vethwork::rtnl
