// Reads and writes /proc/sys/net of the namespace that the calling thread is in.
#pragma once

#include <span>
#include <string>
#include <utility>

namespace vethwork::sys {

/// Reads one setting, without its final newline. `path` is relative to /proc/sys/net and must have
/// been checked: no empty, `.` or `..` component. Throws `Refused`: `ENOENT` if there is none.
std::string read_sysctl(const std::string& path);

/// Writes one setting and returns its earlier value. Throws `Refused`: `EROFS` where /proc/sys is
/// mounted read-only, as in a container that is not privileged.
std::string write_sysctl(const std::string& path, const std::string& value);

/// Writes several settings, paths and values, in order. The kernel looks `net` up among those of
/// all namespaces, one after another, so that is done once.
void write_sysctls(std::span<const std::pair<std::string, std::string>> settings);

}  // namespace vethwork::sys
