#include "netlink/subscription.hpp"

#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "sys/refusal.hpp"

namespace vethwork::netlink {
namespace {

/// net/netlink/af_netlink.c, netlink_recvmsg(): a dump's parts are as large as this at most. An
/// event that is larger makes the buffer grow.
constexpr std::size_t kReceiveBuffer = std::size_t{32} * 1024;

/// Numbers of this socket's requests. An event carries the number that another program chose for
/// the request behind it; those count from 1 or from the time, so the upper half is left to us.
std::atomic<std::uint32_t> next_sequence{0};
constexpr std::uint32_t kOurs = 0x80000000;

[[noreturn]] void refuse(const char* detail) { throw sys::Refused{sys::refusal_of_errno(detail)}; }

void set_option(int fd, int option, std::uint32_t value, const char* detail) {
  if (::setsockopt(fd, SOL_NETLINK, option, &value, sizeof value) != 0) refuse(detail);
}

void set_receive_queue(int fd, int bytes) {
  // The first needs CAP_NET_ADMIN on the machine; the second is cut to net.core.rmem_max.
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) {
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
}

void join(int fd, std::uint32_t group) {
  const bool joined =
      ::setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) == 0;
  if (!joined && errno != EINVAL) refuse("cannot join a netlink group");
}

}  // namespace

Subscription Subscription::open(std::span<const std::uint32_t> groups, int receive_queue) {
  sys::UniqueFd fd{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)};
  if (!fd) refuse("cannot open a netlink socket");
  set_option(fd.get(), NETLINK_GET_STRICT_CHK, 1, "the kernel is older than Linux 4.20");
  set_receive_queue(fd.get(), receive_queue);
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  socklen_t size = sizeof own;
  auto* address = reinterpret_cast<sockaddr*>(&own);
  if (::bind(fd.get(), address, size) != 0 || ::getsockname(fd.get(), address, &size) != 0) {
    refuse("cannot bind a netlink socket");
  }
  for (const std::uint32_t group : groups) join(fd.get(), group);
  return Subscription{std::move(fd), own.nl_pid};
}

Subscription::Outcome Subscription::receive(const Heard& heard) {
  if (buffer_.empty()) buffer_.resize(kReceiveBuffer);
  ssize_t count = -1;
  do {
    count = ::recv(fd_.get(), buffer_.data(), buffer_.size(), MSG_TRUNC);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return errno == EAGAIN ? Outcome::nothing : Outcome::lost;
  const auto size = static_cast<std::size_t>(count);
  if (size > buffer_.size()) {
    buffer_.resize(size);
    return Outcome::lost;
  }
  BytesView rest = BytesView{buffer_}.first(size);
  while (const auto header = read<nlmsghdr>(rest)) {
    if (header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > rest.size()) {
      return Outcome::lost;
    }
    heard(rest.first(header->nlmsg_len));
    rest = rest.subspan(std::min<std::size_t>(NLMSG_ALIGN(header->nlmsg_len), rest.size()));
  }
  return Outcome::heard;
}

void Subscription::wait(std::chrono::milliseconds most) const {
  pollfd waiting{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  ::poll(&waiting, 1, static_cast<int>(most.count()));
}

std::uint32_t Subscription::send(Bytes message) {
  const std::uint32_t sequence = kOurs | next_sequence.fetch_add(1);
  overwrite(std::span{message}, offsetof(nlmsghdr, nlmsg_seq), sequence);
  ssize_t sent = -1;
  do {
    sent = ::send(fd_.get(), message.data(), message.size(), 0);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? 0 : sequence;
}

bool Subscription::answers(BytesView message, std::uint32_t sequence) const {
  const auto header = read<nlmsghdr>(message);
  return header && sequence != 0 && header->nlmsg_seq == sequence && header->nlmsg_pid == port_;
}

}  // namespace vethwork::netlink
