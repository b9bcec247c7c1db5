#include "netlink/socket.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bitset>
#include <cerrno>

#include "sys/refusal.hpp"

namespace vethwork::netlink {
namespace {

/// rtnetlink answers inside sendmsg(); this only bounds the wait for an answer that was lost.
constexpr timeval kAnswerTimeout{.tv_sec = 30, .tv_usec = 0};

/// Room for the events of some thousand links at once, as far as the limits allow.
constexpr int kEventQueue = 4 * 1024 * 1024;

/// net/netlink/af_netlink.c, netlink_recvmsg(): no part of a dump is larger than this.
constexpr std::size_t kReceiveBuffer = std::size_t{32} * 1024;

std::atomic<std::uint32_t> next_sequence{1};

void set_option(int fd, int option) {
  const int on = 1;
  if (::setsockopt(fd, SOL_NETLINK, option, &on, sizeof on) != 0) {
    throw sys::Refused{sys::refusal_of_errno("the kernel is older than Linux 4.20")};
  }
}

/// The requests of one send, which of them have not ended, and the events among the answers.
class Exchange {
 public:
  Exchange(int fd, Listener* listener, std::span<Request* const> requests)
      : fd_(fd),
        listener_(listener),
        requests_(requests),
        open_(requests.size()),
        first_(next_sequence.fetch_add(static_cast<std::uint32_t>(requests.size()))) {}

  enum class Result { ended, restart, broken };

  /// Sends and receives. `may_restart`: an interrupted dump is not ended but reported.
  Result run(bool may_restart) {
    may_restart_ = may_restart;
    if (const int error = send(); error != 0) {
      end_all({.error = error});
      return Result::ended;
    }
    while (open_ > 0) {
      const int error = receive(missed_ ? MSG_DONTWAIT : 0);
      if (error == 0 || (error == ENOBUFS && miss())) continue;
      end_all(explain(missed_ && error == EAGAIN ? ENOBUFS : error));
      // Of a list the rest may still come; who hears events takes it by `hear_pending`.
      return error == ENOBUFS && listener_ != nullptr ? Result::ended : Result::broken;
    }
    return restart_ ? Result::restart : Result::ended;
  }

  /// Hears the events that have come.
  void hear() {
    for (int error = 0; error == 0 || error == ENOBUFS; error = receive(MSG_DONTWAIT)) {
      if (error == ENOBUFS) miss();
    }
  }

 private:
  int send() {
    std::array<iovec, Socket::kMostPacked> parts;  // NOLINT(*-member-init): filled as far as used
    std::size_t count = 0;
    for (Request* request : requests_) {
      const std::span<std::byte> message = request->message();
      overwrite(message, offsetof(nlmsghdr, nlmsg_seq), first_ + static_cast<std::uint32_t>(count));
      parts.at(count++) = {.iov_base = message.data(), .iov_len = message.size()};
    }
    // No address: what is not connected speaks to the kernel (af_netlink.c, netlink_sendmsg()).
    msghdr header{};
    header.msg_iov = parts.data();
    // The C libraries disagree about its type.
    header.msg_iovlen = static_cast<decltype(header.msg_iovlen)>(count);
    // A tenth of a microsecond is a twentieth of a short exchange.
    const auto one = [&] { return ::send(fd_, parts[0].iov_base, parts[0].iov_len, 0); };
    while ((count == 1 ? one() : ::sendmsg(fd_, &header, 0)) < 0) {
      if (errno != EINTR) return errno;
    }
    return 0;
  }

  /// Receives one datagram. 0, or the errno.
  int receive(int flags) {
    alignas(nlmsghdr) static thread_local std::array<std::byte, kReceiveBuffer> buffer;
    sockaddr_nl source{};
    socklen_t length = sizeof source;
    const ssize_t count = ::recvfrom(fd_, buffer.data(), buffer.size(), MSG_TRUNC | flags,
                                     reinterpret_cast<sockaddr*>(&source), &length);
    if (count < 0) return errno == EINTR ? 0 : errno;
    const auto size = static_cast<std::size_t>(count);
    // An event carries the sequence number of whoever caused it, which can be one of ours; the
    // group tells it from an answer. (An echo has one as well: who listens asks for none.)
    const bool event = listener_ != nullptr && source.nl_groups != 0;
    if (size > buffer.size()) return event ? ENOBUFS : EMSGSIZE;
    return read_datagram(BytesView{buffer}.first(size), event);
  }

  int read_datagram(BytesView rest, bool event) {
    while (const auto header = read<nlmsghdr>(rest)) {
      if (header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > rest.size()) return EBADMSG;
      const BytesView message = rest.first(header->nlmsg_len);
      if (event) {
        listener_->hear(message);
      } else if (const int error = read_answer(*header, message); error != 0) {
        return error;
      }
      rest = rest.subspan(std::min<std::size_t>(NLMSG_ALIGN(header->nlmsg_len), rest.size()));
    }
    return rest.empty() ? 0 : EBADMSG;
  }

  /// Events were dropped, and answers may have been with them. The kernel answers while it is
  /// asked, so what has not come by now never will: from now on nothing is waited for.
  bool miss() {
    if (listener_ == nullptr) return false;
    listener_->miss();
    missed_ = true;
    return true;
  }

  int read_answer(const nlmsghdr& header, BytesView message) {
    // An answer to an earlier exchange that gave up, or an echo meant for a namesake of ours.
    const std::uint32_t position = header.nlmsg_seq - first_;
    if (position >= requests_.size() || ended_[position]) return 0;

    constexpr std::uint16_t kBrokenPart = NLM_F_MULTI | NLM_F_DUMP_INTR;
    if ((header.nlmsg_flags & kBrokenPart) == kBrokenPart) interrupted_ = true;
    if (header.nlmsg_type == NLMSG_NOOP) return 0;
    if (header.nlmsg_type != NLMSG_ERROR && header.nlmsg_type != NLMSG_DONE) {
      if (!requests_[position]->on_part(message)) return EBADMSG;
      if (answer_is_end(position)) end(position, {});
      return 0;
    }
    const auto acknowledgement = read_acknowledgement(message);
    if (!acknowledgement) return EBADMSG;
    end(position, *acknowledgement);
    return 0;
  }

  /// True for a request that asked neither for an acknowledgement nor for a dump.
  [[nodiscard]] bool answer_is_end(std::uint32_t position) const {
    const auto header = read<nlmsghdr>(requests_[position]->message());
    return (header->nlmsg_flags & (NLM_F_ACK | NLM_F_DUMP)) == 0;
  }

  void end(std::uint32_t position, const Acknowledgement& acknowledgement) {
    ended_[position] = true;
    --open_;
    if (interrupted_ && may_restart_ && acknowledgement.error == 0) {
      restart_ = true;
    } else {
      requests_[position]->on_end(acknowledgement, interrupted_);
    }
  }

  void end_all(const Acknowledgement& acknowledgement) {
    for (std::uint32_t position = 0; position < requests_.size(); ++position) {
      if (!ended_[position]) end(position, acknowledgement);
    }
  }

  static Acknowledgement explain(int error) {
    switch (error) {
      case EAGAIN:
        return {.error = ETIMEDOUT, .detail = "the kernel did not answer"};
      case ENOBUFS:
        return {.error = ENOBUFS,
                .detail = "the kernel's answer was lost; it may have done what was asked"};
      case EBADMSG:
        return {.error = EBADMSG, .detail = "the kernel's answer is malformed"};
      default:
        return {.error = error};
    }
  }

  int fd_;
  Listener* listener_;
  std::span<Request* const> requests_;
  std::bitset<Socket::kMostPacked> ended_;
  std::size_t open_;
  std::uint32_t first_;
  bool may_restart_ = false;
  bool missed_ = false;
  bool interrupted_ = false;
  bool restart_ = false;
};

}  // namespace

Socket Socket::open(int protocol) {
  sys::UniqueFd fd{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)};
  if (!fd) throw sys::Refused{sys::refusal_of_errno("cannot open a netlink socket")};
  set_option(fd.get(), NETLINK_EXT_ACK);
  set_option(fd.get(), NETLINK_CAP_ACK);
  set_option(fd.get(), NETLINK_GET_STRICT_CHK);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kAnswerTimeout, sizeof kAnswerTimeout);
  return Socket{std::move(fd)};
}

void Socket::listen(std::uint32_t group, Listener& listener) {
  // The first needs CAP_NET_ADMIN on the machine; the second is cut to net.core.rmem_max.
  if (::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kEventQueue, sizeof kEventQueue) != 0) {
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &kEventQueue, sizeof kEventQueue);
  }
  if (::setsockopt(fd_.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0) {
    throw sys::Refused{sys::refusal_of_errno("cannot join a netlink group")};
  }
  listener_ = &listener;
}

void Socket::hear_pending() noexcept { Exchange{fd_.get(), listener_, {}}.hear(); }

void Socket::exchange(std::span<Request* const> requests) noexcept {
  if (requests.empty()) return;
  broken_ = Exchange{fd_.get(), listener_, requests}.run(false) == Exchange::Result::broken;
}

void Socket::dump(Request& request) noexcept {
  Request* const one = &request;
  for (int attempt = 1; attempt < kDumpAttempts; ++attempt) {
    const auto result = Exchange{fd_.get(), listener_, {&one, 1}}.run(true);
    broken_ = result == Exchange::Result::broken;
    if (result != Exchange::Result::restart) return;
    request.on_restart();
  }
  broken_ = Exchange{fd_.get(), listener_, {&one, 1}}.run(false) == Exchange::Result::broken;
}

}  // namespace vethwork::netlink
