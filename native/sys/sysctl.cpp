#include "sys/sysctl.hpp"

#include <fcntl.h>

#include <array>

#include "sys/fd.hpp"
#include "sys/refusal.hpp"

namespace vethwork::sys {
namespace {

constexpr const char* kSettings = "/proc/sys/net";

/// What an errno of open() means for a setting, where the facade has no better sentence.
std::string why_closed(int error) {
  if (error == ENOENT) return "no such setting";
  if (error == EROFS) {
    return "/proc/sys is mounted read-only, as in a container that is not privileged";
  }
  return {};
}

/// Opens one setting below `directory`, which shows the namespace of the thread that *opened* it.
UniqueFd open_setting(const UniqueFd& directory, const std::string& path, int flags) {
  UniqueFd fd{::openat(directory.get(), path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW)};
  if (!fd) throw Refused{refusal_of_errno(why_closed(errno))};
  return fd;
}

UniqueFd open_settings() {
  UniqueFd fd{::open(kSettings, O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (!fd) throw Refused{refusal_of_errno()};
  return fd;
}

std::string read_all(const UniqueFd& fd) {
  std::string text;
  std::array<char, 4096> part{};
  while (true) {
    const ssize_t count =
        ::pread(fd.get(), part.data(), part.size(), static_cast<off_t>(text.size()));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw Refused{refusal_of_errno()};
    if (count == 0) break;
    text.append(part.data(), static_cast<std::size_t>(count));
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

/// At the beginning of the file, wherever it was read to: the kernel takes nothing elsewhere
/// (kernel/sysctl.c, `sysctl_writes_strict`).
void write_whole(const UniqueFd& fd, const std::string& value) {
  const ssize_t count = ::pwrite(fd.get(), value.data(), value.size(), 0);
  if (count < 0) {
    // EPERM: of some settings the kernel asks only now whether they may be changed.
    throw Refused{refusal_of_errno(errno == EPERM ? "" : "the kernel refused this value")};
  }
  if (static_cast<std::size_t>(count) != value.size()) {
    throw Refused{{.error = EIO, .detail = "only part of the value was taken"}};
  }
}

}  // namespace

std::string read_sysctl(const std::string& path) {
  return read_all(open_setting(open_settings(), path, O_RDONLY));
}

std::string write_sysctl(const std::string& path, const std::string& value) {
  const UniqueFd fd = open_setting(open_settings(), path, O_RDWR);
  std::string earlier = read_all(fd);
  write_whole(fd, value);
  return earlier;
}

void write_sysctls(std::span<const std::pair<std::string, std::string>> settings) {
  if (settings.empty()) return;
  const UniqueFd directory = open_settings();
  for (const auto& [path, value] : settings) {
    write_whole(open_setting(directory, path, O_WRONLY), value);
  }
}

}  // namespace vethwork::sys
