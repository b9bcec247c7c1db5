// Watchers for JavaScript: opened, closed, and what they hear taken in slices.
#pragma once

#include <napi.h>

namespace vethwork::binding {

/// Adds hearBy, openWatch, openMountWatch, takeHeard, listAgain, closeWatch and
/// namedNamespaces.
void export_watches(Napi::Env env, Napi::Object exports);

}  // namespace vethwork::binding
