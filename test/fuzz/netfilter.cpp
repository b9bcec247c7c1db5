// Any answers to a list of nftables' objects, and to a batch of changes.

#include <utility>
#include <vector>

#include "deliveries.hpp"
#include "netfilter/nouns.hpp"
#include "netfilter/transport.hpp"
#include "rtnl/codec.hpp"

using vethwork::fuzz::deliveries_of;
using vethwork::fuzz::Input;
namespace netfilter = vethwork::netfilter;
namespace rtnl = vethwork::rtnl;

namespace {

netfilter::Change deletion_of_table() {
  const rtnl::Operation* operation = netfilter::find_operation("deleteTable");
  rtnl::Record record;
  record.append("family", rtnl::Value{std::string{"inet"}});
  record.append("table", rtnl::Value{std::string{"t"}});
  return {.operation = operation, .message = rtnl::encode(*operation, std::move(record)).message};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input{data, size};
  const auto all = netfilter::operations();
  const rtnl::Operation& operation = all[input.byte() % all.size()];
  vethwork::fuzz::script(deliveries_of(input));
  try {
    if (operation.answer == rtnl::Answer::nothing) {
      const std::vector changes{deletion_of_table(), deletion_of_table()};
      netfilter::change(changes);
    } else {
      vethwork::netlink::Message message{operation.message, operation.flags};
      message.append(vethwork::netlink::Bytes(operation.noun->header_size));
      static_cast<void>(netfilter::ask(operation, std::move(message).finish()));
    }
  } catch (const vethwork::sys::Refused&) {
    // What was said was refused, which is as good as any answer.
  }
  return 0;
}
