// Sockets made inside a namespace and handed over as descriptors.
#pragma once

#include <napi.h>

namespace vethwork::binding {

void export_sockets(Napi::Env env, Napi::Object exports);

}  // namespace vethwork::binding
