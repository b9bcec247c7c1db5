// The counter reader and the sampler as JavaScript functions.
#pragma once

#include <napi.h>

namespace vethwork::binding {

/// Adds `openCounters`, `readCounters`, `readCountersSync`, `counterTime`, `counterIndexes`,
/// `counterChanges`, `closeCounters`, `openSampler`, `writeSamplesTo`, `samplerRows`,
/// `samplerChanges` and `closeSampler` to the addon's exports.
void export_counters(Napi::Env env, Napi::Object exports);

}  // namespace vethwork::binding
