#include "binding/netfilter.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "binding/convert.hpp"
#include "binding/value_job.hpp"
#include "netfilter/nouns.hpp"
#include "netfilter/transport.hpp"
#include "rtnl/codec.hpp"
#include "sys/netns.hpp"

namespace vethwork::binding {
namespace {

using Records = std::vector<rtnl::Record>;

const rtnl::Operation& operation_named(Napi::Env env, Napi::Value name) {
  const auto* operation = netfilter::find_operation(name.As<Napi::String>().Utf8Value());
  if (operation == nullptr) throw Napi::TypeError::New(env, "no such operation");
  return *operation;
}

netlink::Bytes encoded(Napi::Env env, const rtnl::Operation& operation, Napi::Value record,
                       const std::string& place) {
  try {
    return rtnl::encode(operation, record_of(env, record)).message;
  } catch (const rtnl::InvalidArgument& error) {
    const std::string path =
        place.empty() || error.path().empty() ? place + error.path() : place + "." + error.path();
    throw_to_javascript(env, {error.kind(), path, error.what()});
  } catch (const std::length_error&) {
    throw_to_javascript(env, {rtnl::InvalidArgument::Kind::range, place, "is too long"});
  }
}

/// askNetfilter(namespace, operation, record): Promise<object[]>
Napi::Value ask_netfilter(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto strand = namespace_argument(info, 0);
  const rtnl::Operation& operation = operation_named(env, info[1]);
  return start_on<Records>(
      env, *strand,
      [ns = strand->ns(), &operation, message = encoded(env, operation, info[2], {})] {
        const sys::Inside inside{ns->get()};
        return netfilter::ask(operation, message);
      },
      [](Environment& environment, Records& records) -> Napi::Value {
        const Napi::Array array = Napi::Array::New(environment.env(), records.size());
        std::uint32_t position = 0;
        for (const rtnl::Record& record : records) {
          array.Set(position++, object_of(environment, record));
        }
        return array;
      });
}

/// changeRuleset(namespace, [operation, record][]): Promise<void>
Napi::Value change_ruleset(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto strand = namespace_argument(info, 0);
  const auto given = info[1].As<Napi::Array>();
  std::vector<netfilter::Change> changes;
  changes.reserve(given.Length());
  for (std::uint32_t position = 0; position < given.Length(); ++position) {
    const auto pair = given.Get(position).As<Napi::Array>();
    const rtnl::Operation& operation = operation_named(env, pair.Get(0U));
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
