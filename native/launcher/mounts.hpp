// The mounts of a program inside: /sys and /etc as its namespace has them.
#pragma once

#include <string_view>

namespace vethwork::launcher {

/// Leaves the mounts of the parent for a copy, which changes there still reach and changes here do
/// not leave; then mounts a new /sys, and binds the files below /etc/netns/NAME over those in /etc.
/// An empty name has no files. Ends the launcher if the kernel refuses.
void enter_own_mounts(std::string_view name);

}  // namespace vethwork::launcher
