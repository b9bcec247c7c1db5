// States and policies of IPsec as JavaScript functions.
#pragma once

#include <napi.h>

namespace vethwork::binding {

/// Adds `askXfrm` to the addon's exports.
void export_xfrm(Napi::Env env, Napi::Object exports);

}  // namespace vethwork::binding
