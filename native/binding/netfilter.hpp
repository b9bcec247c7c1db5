// nftables and tracked connections as JavaScript functions.
#pragma once

#include <napi.h>

namespace vethwork::binding {

/// Adds `askNetfilter` and `changeRuleset` to the addon's exports.
void export_netfilter(Napi::Env env, Napi::Object exports);

}  // namespace vethwork::binding
