#include "binding/netfilter.hpp"

#include <string>
#include <utility>
#include <vector>

#include "binding/ask.hpp"
#include "binding/convert.hpp"
#include "binding/value_job.hpp"
#include "netfilter/nouns.hpp"
#include "netfilter/transport.hpp"
#include "sys/netns.hpp"

namespace vethwork::binding {
namespace {

constexpr Room kRoom{.find_operation = netfilter::find_operation, .ask = netfilter::ask};

/// askNetfilter(namespace, operation, record): Promise<object[]>
Napi::Value ask_netfilter(const Napi::CallbackInfo& info) { return ask(info, kRoom); }

/// changeRuleset(namespace, [operation, record][]): Promise<void>
Napi::Value change_ruleset(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto strand = namespace_argument(info, 0);
  const auto given = info[1].As<Napi::Array>();
  std::vector<netfilter::Change> changes;
  changes.reserve(given.Length());
  for (std::uint32_t position = 0; position < given.Length(); ++position) {
    const auto pair = given.Get(position).As<Napi::Array>();
    const rtnl::Operation& operation = operation_named(env, kRoom, pair.Get(0U));
    const std::string place = "changes[" + std::to_string(position) + "]";
    changes.push_back({&operation, encoded(env, operation, pair.Get(1U), place)});
  }
  return start_on<bool>(
      env, *strand,
      [ns = strand->ns(), changes = std::move(changes)] {
        const sys::Inside inside{ns->get()};
        netfilter::change(changes);
        return true;
      },
      show_nothing);
}

}  // namespace

void export_netfilter(Napi::Env env, Napi::Object exports) {
  exports.Set("askNetfilter", Napi::Function::New(env, ask_netfilter, "askNetfilter"));
  exports.Set("changeRuleset", Napi::Function::New(env, change_ruleset, "changeRuleset"));
}

}  // namespace vethwork::binding
