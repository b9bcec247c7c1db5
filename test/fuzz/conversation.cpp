// Any answers and events to questions, packs of them, lists, and a subscription.

#include <linux/rtnetlink.h>

#include <array>
#include <memory>
#include <vector>

#include "deliveries.hpp"
#include "netlink/ask.hpp"
#include "netlink/subscription.hpp"
#include "rtnl/codec.hpp"
#include "rtnl/nouns.hpp"

using vethwork::fuzz::deliveries_of;
using vethwork::fuzz::Input;
namespace netlink = vethwork::netlink;
namespace rtnl = vethwork::rtnl;

namespace {

class Deaf final : public netlink::Listener {
 public:
  void hear(netlink::BytesView message) override {
    static_cast<void>(rtnl::decode(rtnl::kLink, message.subspan(NLMSG_HDRLEN)));
  }
  void miss() override {}
};

netlink::Bytes question(std::uint16_t flags) {
  netlink::Message message{RTM_GETLINK, flags};
  message.body(ifinfomsg{});
  return std::move(message).finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMostAsked = 4;
  Input input{data, size};
  const auto shape = input.byte();
  Deaf listener;
  auto socket = netlink::Socket::open();
  if ((shape & 1) != 0) socket.listen(RTNLGRP_LINK, listener);
  vethwork::fuzz::script(deliveries_of(input));
  if ((shape & 2) != 0) {
    netlink::Ask list{question(NLM_F_DUMP)};
    socket.dump(list);
  } else {
    std::vector<std::unique_ptr<netlink::Ask>> asked;
    for (std::size_t n = 0; n <= (shape >> 2) % kMostAsked; ++n) {
      asked.push_back(std::make_unique<netlink::Ask>(question(0)));
    }
    netlink::exchange_all(socket, asked);
  }
  if ((shape & 1) != 0) socket.hear_pending();
  const std::array<std::uint32_t, 1> groups{RTNLGRP_LINK};
  auto subscription = netlink::Subscription::open(groups, 0);
  const auto sequence = subscription.send(question(NLM_F_DUMP));
  vethwork::fuzz::script(deliveries_of(input));
  const auto hear = [&](netlink::BytesView message) {
    static_cast<void>(subscription.answers(message, sequence));
  };
  while (subscription.receive(hear) != netlink::Subscription::Outcome::nothing) {
  }
  return 0;
}
