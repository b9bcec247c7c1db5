#include "netlink/events.hpp"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "sys/refusal.hpp"

namespace vethwork::netlink {
namespace {

/// Room for the events of some thousand links at once, as far as the limits allow.
constexpr int kReceiveQueue = 4 * 1024 * 1024;

void hear(BytesView datagram, const std::function<void(BytesView)>& heard) {
  while (const auto header = read<nlmsghdr>(datagram)) {
    if (header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > datagram.size()) return;
    heard(datagram.first(header->nlmsg_len));
    const std::size_t step = NLMSG_ALIGN(std::size_t{header->nlmsg_len});
    datagram = datagram.subspan(std::min(step, datagram.size()));
  }
}

}  // namespace

Events Events::open(std::uint32_t group) {
  sys::UniqueFd fd{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)};
  if (!fd) throw sys::Refused{sys::refusal_of_errno("cannot open a netlink socket")};
  // The first needs CAP_NET_ADMIN on the machine; the second is cut to net.core.rmem_max.
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveQueue, sizeof kReceiveQueue) !=
      0) {
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kReceiveQueue, sizeof kReceiveQueue);
  }
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0 ||
      ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) {
    throw sys::Refused{sys::refusal_of_errno("cannot join a netlink group")};
  }
  return Events{std::move(fd)};
}

bool Events::drain(const std::function<void(BytesView)>& heard) const {
  alignas(nlmsghdr) static thread_local std::array<std::byte, std::size_t{32} * 1024> buffer;
  bool complete = true;
  while (true) {
    const ssize_t count = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_TRUNC);
    if (count >= 0) {
      const auto size = static_cast<std::size_t>(count);
      complete = complete && size <= buffer.size();
      hear(BytesView{buffer}.first(std::min(size, buffer.size())), heard);
    } else if (errno == ENOBUFS) {
      complete = false;
    } else if (errno != EINTR) {
      return complete;
    }
  }
}

}  // namespace vethwork::netlink
