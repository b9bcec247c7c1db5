// What the launcher does, step by step.
#pragma once

#include <cstddef>

namespace vethwork::launcher {

/// The words of a command line; one more, a null, follows them.
struct Words {
  std::size_t count;
  char** words;
};

/// Becomes the program that the command line describes, inside its namespace:
///
///     vethwork-launcher NAMESPACE STATUS MOUNTS NAME UID GID FILE ARGV0 ARGUMENT…
///
/// NAMESPACE and STATUS are descriptors. MOUNTS is `own` for mounts of its own, with the /sys of
/// the namespace and the /etc of its NAME, or `shared`; NAME, UID and GID may be empty. A step that
/// fails is told on STATUS, which a program that was started finds closed, as it does NAMESPACE.
[[noreturn]] void launch(Words line, char** environment);

}  // namespace vethwork::launcher
