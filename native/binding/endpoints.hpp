// Many endpoints at once, as a JavaScript function.
#pragma once

#include <napi.h>

namespace vethwork::binding {

/// Adds `createEndpoints` to the addon's exports.
void export_endpoints(Napi::Env env, Napi::Object exports);

}  // namespace vethwork::binding
