// Waits for many descriptors at once, and can be woken.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

#include "sys/fd.hpp"

namespace vethwork::sys {

/// An epoll instance and an eventfd. One thread waits; any may do the rest.
class Poller {
 public:
  /// What a descriptor is waited for: data to read, or a change of the mount table (poll(2) of
  /// /proc/self/mountinfo).
  enum class For : std::uint8_t { data, changes };

  /// Throws `Refused`.
  Poller();

  /// Waits for a descriptor, too, and tells of it by `token`; false if the kernel refuses.
  [[nodiscard]] bool add(int fd, void* token, For what) const noexcept;
  void remove(int fd) const noexcept;

  /// Lets the waiting thread go on.
  void wake() const noexcept;

  /// Waits until something is ready, `wake` was called or `timeout` is over; the tokens of what is
  /// ready are written into `ready` and counted.
  std::size_t wait(std::span<void*> ready, std::optional<std::chrono::milliseconds> timeout) const;

 private:
  UniqueFd epoll_;
  UniqueFd wakes_;
};

}  // namespace vethwork::sys
