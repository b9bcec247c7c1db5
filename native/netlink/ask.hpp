// A request that keeps its answer, for the few that the library makes on its own account.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "netlink/message.hpp"
#include "netlink/socket.hpp"

namespace vethwork::netlink {

class Ask final : public Request {
 public:
  explicit Ask(Message message) : message_(std::move(message).finish()) {}
  explicit Ask(Bytes message) : message_(std::move(message)) {}

  std::span<std::byte> message() override { return message_; }
  bool on_part(BytesView part) override {
    parts_.emplace_back(part.begin(), part.end());
    return true;
  }
  void on_restart() override { parts_.clear(); }
  void on_end(const Acknowledgement& acknowledgement, bool interrupted) override {
    acknowledgement_ = acknowledgement;
    interrupted_ = interrupted;
  }

  /// What the kernel answered; a `Socket` call sets it in any case.
  [[nodiscard]] const Acknowledgement& acknowledgement() const { return acknowledgement_; }
  /// True if all was done and, of a dump, all was read.
  [[nodiscard]] bool succeeded() const { return acknowledgement_.error == 0 && !interrupted_; }
  /// The replies, each from its nlmsghdr on.
  [[nodiscard]] const std::vector<Bytes>& parts() const { return parts_; }

 private:
  Bytes message_;
  std::vector<Bytes> parts_;
  Acknowledgement acknowledgement_;
  bool interrupted_ = false;
};

/// Sends requests, as many packs as it takes.
inline void exchange_all(Socket& socket, std::span<const std::unique_ptr<Ask>> asks) {
  std::vector<Request*> pack;
  for (const auto& ask : asks) {
    pack.push_back(ask.get());
    if (pack.size() == Socket::kMostPacked) {
      socket.exchange(pack);
      pack.clear();
    }
  }
  socket.exchange(pack);
}

}  // namespace vethwork::netlink
