// Tells the parent why there is no program.
#pragma once

namespace vethwork::launcher {

/// Says where reports go; a program that is started finds it closed.
void report_to(int fd);

/// Ends the launcher. The parent reads the step, the errno and the path, with blanks between them;
/// `error` is negative, as the kernel gave it.
[[noreturn]] void fail(const char* step, long error, const char* path = "");

}  // namespace vethwork::launcher
