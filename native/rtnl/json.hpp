// Records as JSON, for whoever reads that faster than anything else.
#pragma once

#include <string>

#include "rtnl/record.hpp"

namespace vethwork::rtnl {

/// Appends a record as a JSON object. False, and `text` as it was, if JSON cannot say it: it has no
/// 64-bit numbers, no bytes and no descriptors.
[[nodiscard]] bool append_json(std::string& text, const Record& record);

}  // namespace vethwork::rtnl
