// The operations as JavaScript functions: request, and the codec by itself for tests.
#pragma once

#include <napi.h>

namespace vethwork::binding {

/// Adds `request`, `encode`, `decode`, `print` and `schema` to the addon's exports.
void export_requests(Napi::Env env, Napi::Object exports);

}  // namespace vethwork::binding
