// What the kernel said when it would not do a thing: a value, because it crosses threads.
#pragma once

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace vethwork::sys {

/// The values that the kernel would have taken for the refused property.
struct AllowedRange {
  std::optional<std::int64_t> min;
  std::optional<std::uint64_t> max;
  std::optional<std::uint64_t> mask;
};

/// One refused operation.
struct Refusal {
  /// A positive errno, `EEXIST`.
  int error = 0;
  /// The kernel's own sentence, or ours where the kernel has none; may be empty.
  std::string detail{};
  /// The property that was refused, as a path (`peer.name`); may be empty.
  std::string field{};
  std::optional<AllowedRange> allowed{};
};

/// The refusal that `errno` stands for, right after a failed system call.
inline Refusal refusal_of_errno(std::string detail = {}) {
  return Refusal{.error = errno, .detail = std::move(detail)};
}

/// A refusal in flight within one thread. It is caught where the thread's job is settled.
struct Refused {
  Refusal refusal;
};

}  // namespace vethwork::sys
