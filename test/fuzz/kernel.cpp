#include "kernel.hpp"

#include <linux/netlink.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>

namespace vethwork::fuzz {
namespace {

std::deque<Delivery> deliveries;
netlink::Bytes file;
std::uint32_t last_sequence = 0;

/// Takes note of the number that a message was sent with.
void note(const void* bytes, std::size_t size) {
  nlmsghdr header{};
  if (size < sizeof header) return;
  std::memcpy(&header, bytes, sizeof header);
  last_sequence = header.nlmsg_seq;
}

ssize_t deliver(void* buffer, std::size_t room, bool truncated_length, std::uint32_t* groups) {
  if (deliveries.empty()) {
    errno = EAGAIN;
    return -1;
  }
  Delivery next = std::move(deliveries.front());
  deliveries.pop_front();
  if (next.error != 0) {
    errno = next.error;
    return -1;
  }
  if (next.answers && next.datagram.size() >= sizeof(nlmsghdr)) {
    netlink::overwrite(std::span{next.datagram}, offsetof(nlmsghdr, nlmsg_seq), last_sequence);
  }
  if (groups != nullptr) *groups = next.event ? 1 : 0;
  const std::size_t copied = std::min(room, next.datagram.size());
  if (copied > 0) std::memcpy(buffer, next.datagram.data(), copied);
  return static_cast<ssize_t>(truncated_length ? next.datagram.size() : copied);
}

}  // namespace

void script(std::deque<Delivery> wanted) { deliveries = std::move(wanted); }

void show_file(netlink::Bytes content) { file = std::move(content); }

}  // namespace vethwork::fuzz

// In the place of libc's, for the whole program; libFuzzer itself uses none of them.
extern "C" {

int socket(int, int, int) { return ::eventfd(0, EFD_CLOEXEC); }
int setsockopt(int, int, int, const void*, socklen_t) noexcept { return 0; }
int bind(int, const sockaddr*, socklen_t) noexcept { return 0; }

int getsockname(int, sockaddr* address, socklen_t*) noexcept {
  sockaddr_nl own{};
  own.nl_family = AF_NETLINK;
  own.nl_pid = 1;
  std::memcpy(address, &own, sizeof own);
  return 0;
}

ssize_t send(int, const void* bytes, size_t size, int) {
  vethwork::fuzz::note(bytes, size);
  return static_cast<ssize_t>(size);
}

ssize_t sendmsg(int, const msghdr* message, int) {
  ssize_t size = 0;
  for (std::size_t part = 0; part < message->msg_iovlen; ++part) {
    const iovec& one = message->msg_iov[part];
    vethwork::fuzz::note(one.iov_base, one.iov_len);
    size += static_cast<ssize_t>(one.iov_len);
  }
  return size;
}

ssize_t recv(int, void* buffer, size_t room, int flags) {
  return vethwork::fuzz::deliver(buffer, room, (flags & MSG_TRUNC) != 0, nullptr);
}

ssize_t recvfrom(int, void* buffer, size_t room, int flags, sockaddr* source, socklen_t*) {
  std::uint32_t groups = 0;
  const auto size = vethwork::fuzz::deliver(buffer, room, (flags & MSG_TRUNC) != 0, &groups);
  if (source != nullptr) {
    sockaddr_nl from{};
    from.nl_family = AF_NETLINK;
    from.nl_groups = groups;
    std::memcpy(source, &from, sizeof from);
  }
  return size;
}

int poll(pollfd*, nfds_t, int) { return 1; }

ssize_t pread(int, void* buffer, size_t room, off_t offset) {
  const auto& file = vethwork::fuzz::file;
  const auto start = std::min(static_cast<std::size_t>(offset), file.size());
  const std::size_t copied = std::min(room, file.size() - start);
  if (copied > 0) std::memcpy(buffer, file.data() + start, copied);
  return static_cast<ssize_t>(copied);
}

}  // extern "C"
