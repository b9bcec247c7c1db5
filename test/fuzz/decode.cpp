// Any bytes as a message of any noun: read, shown as JSON, printed.

#include <string>
#include <vector>

#include "input.hpp"
#include "netfilter/nouns.hpp"
#include "rtnl/codec.hpp"
#include "rtnl/json.hpp"
#include "rtnl/operation.hpp"
#include "xfrm/nouns.hpp"

using vethwork::fuzz::copy_of;
using vethwork::fuzz::Input;
namespace rtnl = vethwork::rtnl;

namespace {

std::vector<const rtnl::Noun*> all_nouns() {
  std::vector<const rtnl::Noun*> all;
  for (const auto* noun : rtnl::nouns()) all.push_back(noun);
  for (const auto* noun : vethwork::netfilter::nouns()) all.push_back(noun);
  for (const auto* noun : vethwork::xfrm::nouns()) all.push_back(noun);
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto nouns = all_nouns();
  Input input{data, size};
  const rtnl::Noun& noun = *nouns[input.byte() % nouns.size()];
  const auto body = copy_of(input.rest());
  if (const auto record = rtnl::decode(noun, body)) {
    std::string text;
    static_cast<void>(rtnl::append_json(text, *record));
  }
  static_cast<void>(rtnl::print(noun, body));
  return 0;
}
