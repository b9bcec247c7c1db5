#include "launcher/mounts.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include <array>
#include <cerrno>

#include "launcher/kernel.hpp"
#include "launcher/report.hpp"
#include "launcher/text.hpp"

namespace vethwork::launcher {
namespace {

/// Reads a file line by line. One that is longer than the buffer is read in pieces.
class Lines {
 public:
  explicit Lines(const char* path)
      : fd_(static_cast<int>(kernel::open(path, O_RDONLY | O_CLOEXEC))) {}
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;
  ~Lines() {
    if (fd_ >= 0) kernel::close(fd_);
  }

  /// False at the end.
  bool next(std::string_view& line) {
    if (rest().find('\n') == std::string_view::npos) refill();
    std::string_view unread = rest();
    if (unread.empty()) return false;
    line = take_until(unread, '\n');
    first_ = last_ - unread.size();
    return true;
  }

 private:
  [[nodiscard]] std::string_view rest() const { return {buffer_.data() + first_, last_ - first_}; }

  void refill() {
    for (std::size_t position = 0; position < last_ - first_; ++position) {
      buffer_[position] = buffer_[first_ + position];
    }
    last_ -= first_;
    first_ = 0;
    while (last_ < buffer_.size()) {
      const long count = kernel::read(fd_, buffer_.data() + last_, buffer_.size() - last_);
      if (count <= 0) return;
      last_ += static_cast<std::size_t>(count);
    }
  }

  int fd_;
  std::array<char, 32768> buffer_;
  std::size_t first_ = 0;
  std::size_t last_ = 0;
};

/// The mounts below /sys (cgroups, bpf, a container's masks), which a new sysfs would hide.
class MountsBelowSys {
 public:
  /// Holds them open. What lies below one of them comes along with it.
  MountsBelowSys() {
    struct stat sys {};
    if (kernel::lookup("/sys", sys) < 0) return;
    Lines lines{"/proc/self/mountinfo"};
    std::string_view line;
    while (count_ < held_.size() && lines.next(line)) {
      // Number, parent, device, root, mount point; see proc_pid_mountinfo(5).
      for (int field = 0; field < 4; ++field) take_until(line, ' ');
      const std::string_view point = take_until(line, ' ');
      if (is_within(point, "/sys") && point != "/sys" && !holds(point)) hold(point, sys.st_dev);
    }
  }
  MountsBelowSys(const MountsBelowSys&) = delete;
  MountsBelowSys& operator=(const MountsBelowSys&) = delete;
  ~MountsBelowSys() {
    for (std::size_t position = 0; position < count_; ++position) kernel::close(held_[position].fd);
  }

  /// Binds them over the same places of what is at /sys now. Where the new one has no such place,
  /// or the kernel will not bind, there is nothing.
  void put_back() const {
    for (std::size_t position = 0; position < count_; ++position) {
      const auto& [path, fd] = held_[position];
      const Path open_file{"/proc/self/fd/", Decimal{static_cast<unsigned long>(fd)}.text()};
      kernel::mount(open_file.text(), path.text(), nullptr, MS_BIND | MS_REC);
    }
  }

 private:
  struct Held {
    Path path{};
    int fd = -1;
  };

  [[nodiscard]] bool holds(std::string_view point) const {
    for (std::size_t position = 0; position < count_; ++position) {
      if (is_within(point, held_[position].path.text())) return true;
    }
    return false;
  }

  void hold(std::string_view point, dev_t sys) {
    const Path path{point};
    const long fd = kernel::open(path.text(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return;
    struct stat found {};
    // Of the device of /sys itself: a mount that a later one covers, and nothing to keep.
    if (kernel::status(static_cast<int>(fd), found) < 0 || found.st_dev == sys) {
      kernel::close(static_cast<int>(fd));
      return;
    }
    held_[count_++] = {.path = path, .fd = static_cast<int>(fd)};
  }

  std::array<Held, 32> held_;
  std::size_t count_ = 0;
};

/// sysfs shows the network namespace that it was mounted in (fs/sysfs/mount.c, sysfs_get_tree()).
void renew_sys() {
  struct statfs now {};
  // Without the directory nothing could be shown, nor was.
  if (kernel::filesystem("/sys", now) == -ENOENT) return;
  const MountsBelowSys below;
  // A copy that is less restricted than what it covers is refused in a user namespace.
  constexpr auto kKept = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME;
  const auto flags = static_cast<unsigned long>(now.f_flags) & kKept;
  const long result = kernel::mount("sysfs", "/sys", "sysfs", flags);
  // A file system is not mounted over itself: /sys shows the namespace already.
  if (result == -EBUSY) return;
  if (result < 0) fail("sysfs", result, "/sys");
  below.put_back();
}

void bind_over_etc(std::string_view name, std::string_view file) {
  const Path target{"/etc/", file};
  struct stat there {};
  if (kernel::lookup(target.text(), there) == -ENOENT) return;
  const Path source{"/etc/netns/", name, "/", file};
  const long result = kernel::mount(source.text(), target.text(), nullptr, MS_BIND);
  if (result < 0) fail("bind", result, target.text());
}

void bind_files_of(std::string_view name) {
  const Path directory{"/etc/netns/", name};
  const long opened = kernel::open(directory.text(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened == -ENOENT) return;
  if (opened < 0) fail("bind", opened, directory.text());
  const int fd = static_cast<int>(opened);
  // On 64-bit machines a dirent is what the kernel writes, by whichever C library's header.
  alignas(dirent) std::array<char, 4096> records;
  while (true) {
    const long size = kernel::list(fd, records.data(), records.size());
    if (size < 0) fail("bind", size, directory.text());
    if (size == 0) break;
    for (long position = 0; position < size;) {
      const auto* entry = reinterpret_cast<const dirent*>(records.data() + position);
      const std::string_view file{entry->d_name};
      if (file != "." && file != "..") bind_over_etc(name, file);
      position += entry->d_reclen;
    }
  }
  kernel::close(fd);
}

/// Who stands below /sys stands on the old one still.
void step_into_new_sys() {
  std::array<char, PATH_MAX> here{};
  if (kernel::working_directory(here.data(), here.size()) < 0) return;
  if (!is_within(here.data(), "/sys")) return;
  const long result = kernel::change_directory(here.data());
  if (result < 0) fail("start", result);
}

}  // namespace

void enter_own_mounts(std::string_view name) {
  long result = kernel::unshare(CLONE_NEWNS);
  if (result < 0) fail("unshare", result);
  result = kernel::mount(nullptr, "/", nullptr, MS_SLAVE | MS_REC);
  if (result < 0) fail("separate", result, "/");
  renew_sys();
  step_into_new_sys();
  if (!name.empty()) bind_files_of(name);
}

}  // namespace vethwork::launcher
