// The addon's door: what lib/native.ts loads.
#include <napi.h>

#include "binding/counters.hpp"
#include "binding/endpoints.hpp"
#include "binding/environment.hpp"
#include "binding/namespace.hpp"
#include "binding/netfilter.hpp"
#include "binding/request.hpp"
#include "binding/sockets.hpp"
#include "binding/watch.hpp"
#include "binding/xfrm.hpp"

namespace {

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new vethwork::binding::Environment{env});
  vethwork::binding::export_namespaces(env, exports);
  vethwork::binding::export_requests(env, exports);
  vethwork::binding::export_counters(env, exports);
  vethwork::binding::export_endpoints(env, exports);
  vethwork::binding::export_netfilter(env, exports);
  vethwork::binding::export_sockets(env, exports);
  vethwork::binding::export_watches(env, exports);
  vethwork::binding::export_xfrm(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(vethwork, init)
