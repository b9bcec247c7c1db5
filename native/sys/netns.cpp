#include "sys/netns.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <net/if.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <memory>

#include "sys/refusal.hpp"
#include "sys/status.hpp"

namespace vethwork::sys {
namespace {

constexpr long kNsfsMagic = 0x6e736673;  // linux/magic.h, NSFS_MAGIC

std::string path_of_name(const std::string& name) {
  return std::string{kNamesDirectory} + "/" + name;
}

[[noreturn]] void refuse(std::string detail = {}) {
  throw Refused{refusal_of_errno(std::move(detail))};
}

UniqueFd open_own_namespace() {
  UniqueFd fd{::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
  if (!fd) refuse("cannot open /proc/thread-self/ns/net; is /proc mounted?");
  return fd;
}

/// The namespace that the calling thread was born in, opened before it first leaves it.
const UniqueFd& home() {
  thread_local const UniqueFd fd = open_own_namespace();
  return fd;
}

/// Refuses to leave home where there is no way back: returning wants CAP_SYS_ADMIN in the user
/// namespace that home belongs to (net/core/net_namespace.c, netns_install()), which a process
/// lacks that has a user namespace of its own and the network namespace of others.
void check_way_back() {
  if (::setns(home().get(), CLONE_NEWNET) == 0) return;
  refuse(errno == EPERM
             ? "needs CAP_SYS_ADMIN where the process's own network namespace belongs, to "
               "return there (unshare --user goes with --net), and a seccomp profile that "
               "allows setns()"
             : "");
}

/// Holds the lock that `ip netns add` takes, so that two makers do not both mount the directory.
class NamesDirectoryLock {
 public:
  NamesDirectoryLock()
      : fd_(::open(std::string{kNamesDirectory}.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (!fd_ || ::flock(fd_.get(), LOCK_EX) != 0) refuse();
  }

 private:
  UniqueFd fd_;
};

/// What could not be mounted, and what that takes.
[[noreturn]] void refuse_mount(const std::string& what) {
  const bool forbidden = errno == EPERM || errno == EACCES;
  refuse(forbidden ? what +
                         ", which needs CAP_SYS_ADMIN in the user namespace that owns the mounts, "
                         "and seccomp and AppArmor profiles that allow mount()"
                   : what);
}

/// Makes /run/netns a shared mount, so that names appear and vanish in every mount namespace that
/// sees it and no copy keeps a namespace busy (iproute2, ip/ipnetns.c, create_netns_dir()).
void share_mount(const std::string& directory) {
  if (::mount("", directory.c_str(), "none", MS_SHARED | MS_REC, nullptr) == 0) return;
  if (errno != EINVAL) refuse_mount("cannot share " + directory);
  if (::mount(directory.c_str(), directory.c_str(), "none", MS_BIND | MS_REC, nullptr) != 0 ||
      ::mount("", directory.c_str(), "none", MS_SHARED | MS_REC, nullptr) != 0) {
    refuse_mount("cannot mount " + directory);
  }
}

/// Once for each mount, since the kernel goes through all names below it.
void share_names_directory() {
  static std::atomic<std::uint64_t> shared{0};
  const std::string directory{kNamesDirectory};
  const std::uint64_t mount = mount_of(directory);
  if (mount != 0 && mount == shared) return;
  share_mount(directory);
  shared = mount_of(directory);
}

bool is_namespace_file(const std::string& path) {
  struct statfs info {};
  return ::statfs(path.c_str(), &info) == 0 && info.f_type == kNsfsMagic;
}

}  // namespace

Inside::Inside(int namespace_fd) {
  // Entering wants CAP_SYS_ADMIN, even to where one is: who has none can still look at home.
  if (namespace_inode(namespace_fd) == namespace_inode(home().get())) return;
  check_way_back();
  if (::setns(namespace_fd, CLONE_NEWNET) != 0) {
    refuse(errno == EPERM ? "needs CAP_SYS_ADMIN in the user namespaces of the process and of the "
                            "namespace, and a seccomp profile that allows setns()"
                          : "");
  }
  left_home_ = true;
}

Inside::~Inside() {
  if (left_home_) go_home();
}

UniqueFd unshare_namespace() {
  check_way_back();
  if (::unshare(CLONE_NEWNET) != 0) refuse();
  try {
    return open_own_namespace();
  } catch (...) {
    go_home();
    throw;
  }
}

void go_home() noexcept {
  // The descriptor is ours and open, and the thread came from there with the same credentials; a
  // thread that could not return would run its next job in the wrong place.
  if (::setns(home().get(), CLONE_NEWNET) != 0) std::abort();
}

void raise_loopback() {
  const UniqueFd socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  ifreq request{};
  request.ifr_name[0] = 'l';
  request.ifr_name[1] = 'o';
  request.ifr_flags = IFF_UP;
  if (!socket || ::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) {
    refuse(errno == EPERM ? "needs CAP_NET_ADMIN to raise lo" : "cannot raise lo");
  }
}

UniqueFd open_namespace(const std::string& path) {
  UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) refuse();
  if (::ioctl(fd.get(), NS_GET_NSTYPE) != CLONE_NEWNET) {
    throw Refused{{.error = EINVAL, .detail = "not a network namespace"}};
  }
  return fd;
}

UniqueFd duplicate_namespace(int namespace_fd) {
  UniqueFd fd{::fcntl(namespace_fd, F_DUPFD_CLOEXEC, 0)};
  if (!fd) refuse();
  return fd;
}

std::uint64_t namespace_inode(int namespace_fd) {
  const auto inode = inode_of(namespace_fd);
  if (!inode) refuse();
  return *inode;
}

void bind_name(int namespace_fd, const std::string& name) {
  const std::string directory{kNamesDirectory};
  if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST)
    refuse("cannot create " + directory);
  const NamesDirectoryLock lock;
  share_names_directory();

  const std::string path = path_of_name(name);
  if (const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0)};
      !file) {
    refuse(errno == EEXIST ? "a namespace of that name exists" : "cannot create " + path);
  }
  const std::string source = "/proc/thread-self/fd/" + std::to_string(namespace_fd);
  if (::mount(source.c_str(), path.c_str(), "none", MS_BIND, nullptr) != 0) {
    const Refusal refusal = refusal_of_errno("cannot mount on " + path);
    ::unlink(path.c_str());
    throw Refused{refusal};
  }
}

void unbind_name(const std::string& name) {
  const std::string path = path_of_name(name);
  // EINVAL: the file is there but nothing is mounted on it, as after a crash between the two steps.
  if (::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0 && errno != EINVAL) {
    refuse(errno == ENOENT ? "no namespace of that name" : "");
  }
  if (::unlink(path.c_str()) != 0) refuse();
}

std::vector<std::string> list_names() {
  const std::string directory{kNamesDirectory};
  const std::unique_ptr<DIR, int (*)(DIR*)> entries{::opendir(directory.c_str()), ::closedir};
  std::vector<std::string> names;
  if (!entries) {
    if (errno == ENOENT) return names;
    refuse();
  }
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != ".." && is_namespace_file(path_of_name(name))) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace vethwork::sys
