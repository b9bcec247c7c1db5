// Any bytes as a refusal of any message: what it says, and which property it is about.

#include <vector>

#include "input.hpp"
#include "netfilter/nouns.hpp"
#include "rtnl/codec.hpp"
#include "rtnl/operation.hpp"

using vethwork::fuzz::copy_of;
using vethwork::fuzz::Input;
namespace rtnl = vethwork::rtnl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input{data, size};
  const auto rtnetlink = rtnl::nouns();
  const auto netfilter = vethwork::netfilter::nouns();
  const std::size_t chosen = input.byte() % (rtnetlink.size() + netfilter.size());
  const rtnl::Noun& noun =
      chosen < rtnetlink.size() ? *rtnetlink[chosen] : *netfilter[chosen - rtnetlink.size()];
  const auto message = copy_of(input.piece());
  const auto answer = copy_of(input.rest());
  if (const auto acknowledgement = vethwork::netlink::read_acknowledgement(answer)) {
    static_cast<void>(rtnl::refusal_of(*acknowledgement, noun, message));
  }
  return 0;
}
