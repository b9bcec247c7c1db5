// The last steps: another user, and another program.
#pragma once

#include <string_view>

namespace vethwork::launcher {

/// Becomes another group and user, where they are not empty, without supplementary groups. Ends the
/// launcher if the kernel refuses.
void become(std::string_view user, std::string_view group);

/// Becomes a program; ends the launcher if the kernel refuses. The file is looked for as execvp()
/// does: in the PATH of the environment if it has no slash. A text without a first line that names
/// its interpreter is run by /bin/sh; `arguments` needs room for one more word in front.
[[noreturn]] void become(const char* file, char** arguments, char** environment);

}  // namespace vethwork::launcher
