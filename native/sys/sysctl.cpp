#include "sys/sysctl.hpp"

#include <fcntl.h>

#include <array>
#include <string_view>

#include "sys/fd.hpp"
#include "sys/refusal.hpp"

namespace vethwork::sys {
namespace {

/// /proc/sys/net shows the namespace of the thread that *opens* a file there, so nothing is cached.
UniqueFd open_setting(const std::string& path, int flags) {
  UniqueFd fd{::open(("/proc/sys/net/" + path).c_str(), flags | O_CLOEXEC | O_NOFOLLOW)};
  if (!fd) throw Refused{refusal_of_errno(errno == ENOENT ? "no such setting" : "")};
  return fd;
}

}  // namespace

std::string read_sysctl(const std::string& path) {
  const UniqueFd fd = open_setting(path, O_RDONLY);
  std::string text;
  std::array<char, 4096> part{};
  while (true) {
    const ssize_t count = ::read(fd.get(), part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw Refused{refusal_of_errno()};
    if (count == 0) break;
    text.append(part.data(), static_cast<std::size_t>(count));
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

std::string write_sysctl(const std::string& path, const std::string& value) {
  std::string earlier = read_sysctl(path);
  const UniqueFd fd = open_setting(path, O_WRONLY);
  const ssize_t count = ::write(fd.get(), value.data(), value.size());
  if (count < 0) throw Refused{refusal_of_errno("the kernel refused this value")};
  if (static_cast<std::size_t>(count) != value.size()) {
    throw Refused{{.error = EIO, .detail = "only part of the value was taken"}};
  }
  return earlier;
}

}  // namespace vethwork::sys
