#include "binding/ask.hpp"

#include <stdexcept>
#include <utility>

#include "binding/convert.hpp"
#include "binding/value_job.hpp"
#include "rtnl/codec.hpp"
#include "sys/netns.hpp"

namespace vethwork::binding {
namespace {

using Records = std::vector<rtnl::Record>;

Napi::Value show(Environment& environment, Records& records) {
  const Napi::Array array = Napi::Array::New(environment.env(), records.size());
  std::uint32_t position = 0;
  for (const rtnl::Record& record : records) {
    array.Set(position++, object_of(environment, record));
  }
  return array;
}

}  // namespace

const rtnl::Operation& operation_named(Napi::Env env, const Room& room, Napi::Value name) {
  const auto* operation = room.find_operation(name.As<Napi::String>().Utf8Value());
  if (operation == nullptr) throw Napi::TypeError::New(env, "no such operation");
  return *operation;
}

netlink::Bytes encoded(Napi::Env env, const rtnl::Operation& operation, Napi::Value record,
                       const std::string& place) {
  try {
    return rtnl::encode(operation, record_of(env, record)).message;
  } catch (const rtnl::InvalidArgument& error) {
    if (place.empty()) throw_to_javascript(env, error);
    const std::string path = error.path().empty() ? place : place + "." + error.path();
    throw_to_javascript(env, {error.kind(), path, error.what()});
  } catch (const std::length_error&) {
    throw_to_javascript(env, {rtnl::InvalidArgument::Kind::range, place, "is too long"});
  }
}

Napi::Value ask(const Napi::CallbackInfo& info, const Room& room) {
  const Napi::Env env = info.Env();
  const auto strand = namespace_argument(info, 0);
  const rtnl::Operation& operation = operation_named(env, room, info[1]);
  return start_on<Records>(
      env, *strand,
      // The message is moved on, not copied, so that there is one to be wiped.
      [ns = strand->ns(), &operation, ask = room.ask,
       message = encoded(env, operation, info[2])]() mutable {
        const sys::Inside inside{ns->get()};
        return ask(operation, std::move(message));
      },
      show);
}

}  // namespace vethwork::binding
