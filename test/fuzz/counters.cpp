// Any answers, events and texts of /proc/net/dev to a reader of counters.

#include "rtnl/counters.hpp"

#include <vector>

#include "deliveries.hpp"

using vethwork::fuzz::copy_of;
using vethwork::fuzz::deliveries_of;
using vethwork::fuzz::Input;
namespace rtnl = vethwork::rtnl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kRows = 8;
  Input input{data, size};
  const auto shape = input.byte();
  rtnl::CounterOptions options{};
  if ((shape & 1) != 0) options.source = rtnl::CounterSource::proc;
  options.far_ends = (shape & 2) != 0;
  if ((shape & 4) != 0) options.selection.indexes = {1, 2, 70000};
  if ((shape & 8) != 0) options.selection.group = 5;
  vethwork::fuzz::show_file(copy_of(input.piece()));
  auto deliveries = deliveries_of(input);
  vethwork::fuzz::script(std::move(deliveries));
  try {
    rtnl::CounterReader reader{options};
    std::vector<std::uint64_t> into(kRows * rtnl::kCounterColumns);
    for (int sweep = 0; sweep < 3; ++sweep) {
      vethwork::fuzz::script(deliveries_of(input));
      static_cast<void>(reader.sweep(into));
      static_cast<void>(reader.take_changes());
      static_cast<void>(reader.indexes());
    }
  } catch (const vethwork::sys::Refused&) {
    // What was said was refused, which is as good as any answer.
  }
  return 0;
}
