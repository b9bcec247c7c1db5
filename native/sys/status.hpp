// What the kernel tells of a file: inode and mount.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace vethwork::sys {

/// The inode behind a descriptor; nothing, and errno, if it is none.
std::optional<std::uint64_t> inode_of(int descriptor);

/// The mount that a path lies on; 0 on kernels that do not tell (before Linux 5.8).
std::uint64_t mount_of(const std::string& path);

}  // namespace vethwork::sys
