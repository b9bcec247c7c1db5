// Any bytes as a refusal of any message: what it says, and which property it is about.

#include <array>
#include <vector>

#include "input.hpp"
#include "netfilter/nouns.hpp"
#include "rtnl/codec.hpp"
#include "rtnl/operation.hpp"
#include "xfrm/nouns.hpp"

using vethwork::fuzz::copy_of;
using vethwork::fuzz::Input;
namespace rtnl = vethwork::rtnl;

namespace {

const rtnl::Noun& noun_of(std::size_t chosen) {
  const std::array rooms{rtnl::nouns(), vethwork::netfilter::nouns(), vethwork::xfrm::nouns()};
  std::vector<const rtnl::Noun*> all;
  for (const auto room : rooms) all.insert(all.end(), room.begin(), room.end());
  return *all[chosen % all.size()];
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input{data, size};
  const rtnl::Noun& noun = noun_of(input.byte());
  const auto message = copy_of(input.piece());
  const auto answer = copy_of(input.rest());
  if (const auto acknowledgement = vethwork::netlink::read_acknowledgement(answer)) {
    static_cast<void>(rtnl::refusal_of(*acknowledgement, noun, message));
  }
  return 0;
}
