// Namespaces and their settings as JavaScript functions.
#pragma once

#include <napi.h>

namespace vethwork::binding {

/// Adds `createNamespace`, `openNamespace`, `shareNamespace`, `closeNamespace`, `namespaceInode`,
/// `listNamespaces`, `deleteNamespace`, `readSysctl` and `writeSysctl` to the addon's exports.
void export_namespaces(Napi::Env env, Napi::Object exports);

}  // namespace vethwork::binding
