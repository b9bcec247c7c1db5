#include "netfilter/transport.hpp"

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <optional>
#include <span>
#include <string>

#include "netlink/extended_ack.hpp"
#include "netlink/message.hpp"
#include "rtnl/ask.hpp"
#include "rtnl/codec.hpp"
#include "sys/fd.hpp"
#include "sys/refusal.hpp"

namespace vethwork::netfilter {
namespace {

using netlink::Bytes;
using netlink::BytesView;

/// The kernel keeps a sent batch in one piece, and twice as much for its own account.
constexpr std::size_t kAccounting = 2;
/// Errors are short; the acknowledgement of the last change comes behind them.
constexpr std::size_t kReceiveBuffer = std::size_t{16} * 1024;
constexpr int kErrorQueue = 1024 * 1024;
/// Another one changed the ruleset at the same time.
constexpr int kMostAttempts = 10;

std::atomic<std::uint32_t> next_sequence{1};

Bytes boundary(std::uint16_t type) {
  netlink::Message message{type, 0, netlink::Message::Acknowledge::no};
  message.body(nfgenmsg{
      .nfgen_family = 0,
      .version = NFNETLINK_V0,
      .res_id = netlink::swap_network_order(static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES))});
  return std::move(message).finish();
}

/// All messages of a batch, numbered one after another.
class Batch {
 public:
  explicit Batch(std::span<const Change> changes)
      : changes_(changes),
        first_(next_sequence.fetch_add(static_cast<std::uint32_t>(changes_.size()) + 2)) {
    append(boundary(NFNL_MSG_BATCH_BEGIN));
    for (std::size_t position = 0; position < changes_.size(); ++position) {
      // Refusals are told in any case; of success it is enough to hear once.
      append(changes_[position].message, position + 1 == changes_.size());
    }
    append(boundary(NFNL_MSG_BATCH_END));
  }

  /// Sends, and returns what was refused first: nothing if all was done.
  std::optional<sys::Refusal> exchange() {
    const sys::UniqueFd fd = open();
    send(fd.get());
    // Whatever the kernel has to say is said when sending returns.
    std::optional<sys::Refusal> first;
    bool done = false;
    while (receive(fd.get(), first, done)) {
    }
    if (first || done) return first;
    return sys::Refusal{.error = ENOBUFS, .detail = "the kernel's answer was lost"};
  }

 private:
  void append(Bytes message, bool acknowledge = false) {
    constexpr std::uint16_t kAcknowledge = NLM_F_ACK;
    auto flags =
        *netlink::read<std::uint16_t>(BytesView{message}.subspan(offsetof(nlmsghdr, nlmsg_flags)));
    flags = static_cast<std::uint16_t>(flags & ~kAcknowledge);
    if (acknowledge) flags |= kAcknowledge;
    netlink::overwrite(std::span{message}, offsetof(nlmsghdr, nlmsg_flags), flags);
    netlink::overwrite(std::span{message}, offsetof(nlmsghdr, nlmsg_seq), first_ + count_++);
    bytes_.insert(bytes_.end(), message.begin(), message.end());
  }

  [[nodiscard]] sys::UniqueFd open() const {
    sys::UniqueFd fd{::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)};
    if (!fd) throw sys::Refused{sys::refusal_of_errno("the kernel has no netfilter")};
    const int on = 1;
    ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    const int room = static_cast<int>(bytes_.size() * kAccounting);
    grow(fd.get(), SO_SNDBUFFORCE, SO_SNDBUF, room);
    grow(fd.get(), SO_RCVBUFFORCE, SO_RCVBUF, kErrorQueue);
    return fd;
  }

  /// The first needs CAP_NET_ADMIN on the machine; the second is cut to the machine's limit.
  static void grow(int fd, int forced, int asked, int size) {
    int present = 0;
    socklen_t length = sizeof present;
    if (::getsockopt(fd, SOL_SOCKET, asked, &present, &length) == 0 && present >= size) return;
    if (::setsockopt(fd, SOL_SOCKET, forced, &size, sizeof size) != 0) {
      ::setsockopt(fd, SOL_SOCKET, asked, &size, sizeof size);
    }
  }

  void send(int fd) const {
    while (::send(fd, bytes_.data(), bytes_.size(), 0) < 0) {
      if (errno == EINTR) continue;
      if (errno == EMSGSIZE) throw sys::Refused{sys::refusal_of_errno("the batch is too large")};
      throw sys::Refused{sys::refusal_of_errno()};
    }
  }

  /// Reads one datagram; false if there is none.
  bool receive(int fd, std::optional<sys::Refusal>& first, bool& done) const {
    alignas(nlmsghdr) std::array<std::byte, kReceiveBuffer> buffer;  // NOLINT(*-member-init)
    const ssize_t count = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    // Lost errors stand behind the ones that are there: ENOBUFS is said once, then they are read.
    if (count < 0) return errno == EINTR || errno == ENOBUFS;
    BytesView rest = BytesView{buffer}.first(static_cast<std::size_t>(count));
    while (const auto header = netlink::read<nlmsghdr>(rest)) {
      if (header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > rest.size()) break;
      if (header->nlmsg_type == NLMSG_ERROR) {
        hear(*header, rest.first(header->nlmsg_len), first, done);
      }
      rest = rest.subspan(std::min<std::size_t>(NLMSG_ALIGN(header->nlmsg_len), rest.size()));
    }
    return true;
  }

  void hear(const nlmsghdr& header, BytesView message, std::optional<sys::Refusal>& first,
            bool& done) const {
    const auto acknowledgement = netlink::read_acknowledgement(message);
    if (!acknowledgement) return;
    if (acknowledgement->error == 0) {
      done = true;
    } else if (!first) {
      first = explain(header.nlmsg_seq - first_, *acknowledgement);
    }
  }

  /// Position 0 is the beginning of the batch: then nothing in particular was refused.
  [[nodiscard]] sys::Refusal explain(std::uint32_t position,
                                     const netlink::Acknowledgement& acknowledgement) const {
    if (position == 0 || position > changes_.size()) {
      return {.error = acknowledgement.error, .detail = acknowledgement.detail};
    }
    const auto& [operation, message] = changes_[position - 1];
    sys::Refusal refusal = rtnl::refusal_of(acknowledgement, *operation->noun, message);
    const std::string place = "changes[" + std::to_string(position - 1) + "]";
    refusal.field = refusal.field.empty() ? place : place + "." + refusal.field;
    return refusal;
  }

  std::span<const Change> changes_;
  std::uint32_t first_;
  std::uint32_t count_ = 0;
  Bytes bytes_;
};

}  // namespace

std::vector<rtnl::Record> ask(const rtnl::Operation& operation, Bytes message) {
  return rtnl::ask(NETLINK_NETFILTER, operation, std::move(message));
}

void change(std::span<const Change> changes) {
  if (changes.empty()) return;
  for (int attempt = 1;; ++attempt) {
    const auto refusal = Batch{changes}.exchange();
    if (!refusal) return;
    // Without a place in the batch it is the whole that came too late.
    const bool clash =
        refusal->field.empty() && (refusal->error == EAGAIN || refusal->error == EINTR);
    if (!clash || attempt == kMostAttempts) throw sys::Refused{*refusal};
  }
}

}  // namespace vethwork::netfilter
