#include "binding/xfrm.hpp"

#include "binding/ask.hpp"
#include "xfrm/nouns.hpp"
#include "xfrm/transport.hpp"

namespace vethwork::binding {
namespace {

constexpr Room kRoom{.find_operation = xfrm::find_operation, .ask = xfrm::ask};

/// askXfrm(namespace, operation, record): Promise<object[]>
Napi::Value ask_xfrm(const Napi::CallbackInfo& info) { return ask(info, kRoom); }

}  // namespace

void export_xfrm(Napi::Env env, Napi::Object exports) {
  exports.Set("askXfrm", Napi::Function::New(env, ask_xfrm, "askXfrm"));
}

}  // namespace vethwork::binding
