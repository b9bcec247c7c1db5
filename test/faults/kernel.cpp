// A kernel that can be made to fail: in the place of the system calls that the addon makes.
//
// It is loaded before libc (LD_PRELOAD), so that the addon under test is the one that is shipped.
// What is to happen is written by the test into a file that is shared memory here
// (VETHWORK_FAULTS); see `Script`. Calls of Node itself are none of its business.
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

namespace {

/// In the order of `calls` in test/faults/script.ts.
enum class Call : std::uint32_t {
  socket,
  setsockopt,
  bind,
  getsockname,
  send,
  receive,
  open,
  openat,
  mount,
  umount,
  unshare,
  setns,
  unlink,
  mkdir,
  flock,
  fstat,
  read,
  write,
  epoll_create,
  epoll_ctl,
  eventfd,
  listen,
  connect,
  thread,
  count,
};

/// What becomes of an answer that is received; errnos are positive.
enum Twist : std::int32_t {
  kTruncated = -1,    ///< its last bytes are missing
  kInterrupted = -2,  ///< it says that the list changed meanwhile
  kLate = -3,         ///< it comes after the next one; not of a list, whose parts have an order
  kLost = -4,  ///< it never comes; not of a list, of which the kernel loses no part in silence
  kSlow = -5,  ///< it takes a tenth of a second
};

/// Shared with the test. Words of 32 bits.
struct Script {
  /// Counts calls, and has them fail, while it is 1.
  std::atomic<std::uint32_t> armed;
  std::atomic<std::uint32_t> call;
  /// Which of the calls since arming, from 1 on; 0 for none.
  std::atomic<std::uint32_t> position;
  /// An errno or a `Twist`.
  std::atomic<std::int32_t> effect;
  /// How often it has happened.
  std::atomic<std::uint32_t> happened;
  std::array<std::atomic<std::uint32_t>, static_cast<std::size_t>(Call::count)> counted;
};

Script* script() {
  static Script* const shared = [] {
    const char* const path = std::getenv("VETHWORK_FAULTS");
    if (path == nullptr) return static_cast<Script*>(nullptr);
    const auto opened = reinterpret_cast<int (*)(const char*, int, ...)>(dlsym(RTLD_NEXT, "open"));
    const int fd = opened(path, O_RDWR | O_CLOEXEC);
    void* const memory = mmap(nullptr, sizeof(Script), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    return memory == MAP_FAILED ? nullptr : static_cast<Script*>(memory);
  }();
  return shared;
}

/// Where the addon's code lies.
struct Range {
  std::uintptr_t start = 0;
  std::uintptr_t end = 0;
};

Range find_addon() {
  Range range;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        if (!std::string_view{info->dlpi_name}.ends_with("vethwork.node")) return 0;
        auto& found = *static_cast<Range*>(data);
        for (int n = 0; n < info->dlpi_phnum; ++n) {
          const auto& segment = info->dlpi_phdr[n];
          if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
          found.start = info->dlpi_addr + segment.p_vaddr;
          found.end = found.start + segment.p_memsz;
        }
        return 1;
      },
      &range);
  return range;
}

/// Whether a call comes from the addon.
bool is_ours(const void* caller) {
  static std::atomic<std::uintptr_t> start{0};
  static std::atomic<std::uintptr_t> end{0};
  if (end.load() == 0) {
    const Range range = find_addon();
    if (range.end == 0) return false;
    start.store(range.start);
    end.store(range.end);
  }
  const auto address = reinterpret_cast<std::uintptr_t>(caller);
  return address >= start.load() && address < end.load();
}

/// What is to become of this call: 0 for nothing, an errno or a `Twist`.
std::int32_t effect_on(Call call, const void* caller) {
  Script* const shared = script();
  if (shared == nullptr || shared->armed.load() != 1 || !is_ours(caller)) return 0;
  const auto index = static_cast<std::uint32_t>(call);
  const auto number = shared->counted.at(index).fetch_add(1) + 1;
  if (shared->call.load() != index || shared->position.load() != number) return 0;
  shared->happened.fetch_add(1);
  return shared->effect.load();
}

bool fails(Call call, const void* caller) {
  const auto effect = effect_on(call, caller);
  if (effect <= 0) return false;
  errno = effect;
  return true;
}

template <typename Function>
Function real(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

/// Whether a descriptor is the network namespace that the process is in: threads go back there.
bool is_home(int fd) {
  struct stat wanted {};
  struct stat home {};
  return ::fstatat(fd, "", &wanted, AT_EMPTY_PATH) == 0 &&
         ::stat("/proc/self/ns/net", &home) == 0 && wanted.st_ino == home.st_ino;
}

/// A datagram that is held back until the next one was received.
thread_local std::vector<std::byte> held;

ssize_t give_held(void* buffer, std::size_t room) {
  const std::size_t size = std::min(room, held.size());
  std::memcpy(buffer, held.data(), size);
  held.clear();
  return static_cast<ssize_t>(size);
}

bool is_part_of_list(const void* message, std::size_t size) {
  nlmsghdr header{};
  if (size < sizeof header) return false;
  std::memcpy(&header, message, sizeof header);
  return (header.nlmsg_flags & NLM_F_MULTI) != 0;
}

/// Receives by `receive`, and twists what came.
template <typename Receive>
ssize_t received(void* buffer, std::size_t room, int flags, const void* caller, Receive receive) {
  const auto effect = effect_on(Call::receive, caller);
  if (effect > 0) {
    errno = effect;
    return -1;
  }
  if (effect == 0 && !held.empty() && is_ours(caller)) return give_held(buffer, room);
  if (effect == kSlow) ::usleep(100'000);
  const ssize_t count = receive(flags);
  if (effect == 0 || effect == kSlow || count <= 0) return count;
  const auto size = std::min(room, static_cast<std::size_t>(count));
  if ((effect == kLate || effect == kLost) && is_part_of_list(buffer, size)) return count;
  switch (effect) {
    case kTruncated:
      return count > 4 ? count - 4 : count;
    case kInterrupted: {
      auto* const header = static_cast<nlmsghdr*>(buffer);
      if (size >= sizeof *header) header->nlmsg_flags |= NLM_F_DUMP_INTR;
      return count;
    }
    case kLate: {
      const auto* const bytes = static_cast<const std::byte*>(buffer);
      const std::vector<std::byte> first(bytes, bytes + size);
      const ssize_t second = receive(flags | MSG_DONTWAIT);
      if (second <= 0) {
        std::memcpy(buffer, first.data(), first.size());
        return count;
      }
      held = first;
      return second;
    }
    case kLost:
      return receive(flags);
    default:
      return count;
  }
}

}  // namespace

#define CALLER __builtin_return_address(0)

extern "C" {

int socket(int domain, int type, int protocol) noexcept {
  if (fails(Call::socket, CALLER)) return -1;
  return real<decltype(&socket)>("socket")(domain, type, protocol);
}

int setsockopt(int fd, int level, int name, const void* value, socklen_t size) noexcept {
  if (fails(Call::setsockopt, CALLER)) return -1;
  // Answers that are lost are not waited for long.
  constexpr timeval kSoon{.tv_sec = 0, .tv_usec = 300'000};
  const bool patience = level == SOL_SOCKET && name == SO_RCVTIMEO && is_ours(CALLER);
  return real<decltype(&setsockopt)>("setsockopt")(fd, level, name, patience ? &kSoon : value,
                                                   size);
}

int bind(int fd, const sockaddr* address, socklen_t size) noexcept {
  if (fails(Call::bind, CALLER)) return -1;
  return real<decltype(&bind)>("bind")(fd, address, size);
}

int getsockname(int fd, sockaddr* address, socklen_t* size) noexcept {
  if (fails(Call::getsockname, CALLER)) return -1;
  return real<decltype(&getsockname)>("getsockname")(fd, address, size);
}

ssize_t send(int fd, const void* bytes, size_t size, int flags) {
  if (fails(Call::send, CALLER)) return -1;
  return real<decltype(&send)>("send")(fd, bytes, size, flags);
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  if (fails(Call::send, CALLER)) return -1;
  return real<decltype(&sendmsg)>("sendmsg")(fd, message, flags);
}

ssize_t recv(int fd, void* buffer, size_t room, int flags) {
  return received(buffer, room, flags, CALLER,
                  [&](int how) { return real<decltype(&recv)>("recv")(fd, buffer, room, how); });
}

ssize_t recvfrom(int fd, void* buffer, size_t room, int flags, sockaddr* from, socklen_t* size) {
  return received(buffer, room, flags, CALLER, [&](int how) {
    return real<decltype(&recvfrom)>("recvfrom")(fd, buffer, room, how, from, size);
  });
}

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const auto mode = va_arg(arguments, mode_t);
  va_end(arguments);
  if (fails(Call::open, CALLER)) return -1;
  return real<int (*)(const char*, int, ...)>("open")(path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const auto mode = va_arg(arguments, mode_t);
  va_end(arguments);
  if (fails(Call::open, CALLER)) return -1;
  return real<int (*)(const char*, int, ...)>("open64")(path, flags, mode);
}

int openat64(int directory, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const auto mode = va_arg(arguments, mode_t);
  va_end(arguments);
  if (fails(Call::openat, CALLER)) return -1;
  return real<int (*)(int, const char*, int, ...)>("openat64")(directory, path, flags, mode);
}

int mount(const char* source, const char* target, const char* type, unsigned long flags,
          const void* data) noexcept {
  if (fails(Call::mount, CALLER)) return -1;
  return real<decltype(&mount)>("mount")(source, target, type, flags, data);
}

int umount2(const char* target, int flags) noexcept {
  if (fails(Call::umount, CALLER)) return -1;
  return real<decltype(&umount2)>("umount2")(target, flags);
}

int unshare(int flags) noexcept {
  if (fails(Call::unshare, CALLER)) return -1;
  return real<decltype(&unshare)>("unshare")(flags);
}

int setns(int fd, int type) noexcept {
  // A thread that cannot go home ends the process: that is so by design.
  if (!is_home(fd) && fails(Call::setns, CALLER)) return -1;
  return real<decltype(&setns)>("setns")(fd, type);
}

int unlink(const char* path) noexcept {
  if (fails(Call::unlink, CALLER)) return -1;
  return real<decltype(&unlink)>("unlink")(path);
}

int mkdir(const char* path, mode_t mode) noexcept {
  if (fails(Call::mkdir, CALLER)) return -1;
  return real<decltype(&mkdir)>("mkdir")(path, mode);
}

int flock(int fd, int operation) noexcept {
  if (fails(Call::flock, CALLER)) return -1;
  return real<decltype(&flock)>("flock")(fd, operation);
}

int fstat64(int fd, struct stat64* into) noexcept {
  if (fails(Call::fstat, CALLER)) return -1;
  return real<decltype(&fstat64)>("fstat64")(fd, into);
}

ssize_t pread64(int fd, void* buffer, size_t size, off_t offset) {
  if (fails(Call::read, CALLER)) return -1;
  return real<decltype(&pread64)>("pread64")(fd, buffer, size, offset);
}

ssize_t pwrite64(int fd, const void* buffer, size_t size, off_t offset) {
  if (fails(Call::write, CALLER)) return -1;
  return real<decltype(&pwrite64)>("pwrite64")(fd, buffer, size, offset);
}

int epoll_create1(int flags) noexcept {
  if (fails(Call::epoll_create, CALLER)) return -1;
  return real<decltype(&epoll_create1)>("epoll_create1")(flags);
}

int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) noexcept {
  if (fails(Call::epoll_ctl, CALLER)) return -1;
  return real<decltype(&epoll_ctl)>("epoll_ctl")(epoll, operation, fd, event);
}

int eventfd(unsigned int initial, int flags) noexcept {
  if (fails(Call::eventfd, CALLER)) return -1;
  return real<decltype(&eventfd)>("eventfd")(initial, flags);
}

int listen(int fd, int backlog) noexcept {
  if (fails(Call::listen, CALLER)) return -1;
  return real<decltype(&listen)>("listen")(fd, backlog);
}

int connect(int fd, const sockaddr* address, socklen_t size) {
  if (fails(Call::connect, CALLER)) return -1;
  return real<decltype(&connect)>("connect")(fd, address, size);
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*),
                   void* argument) {
  if (const auto effect = effect_on(Call::thread, CALLER); effect > 0) return effect;
  return real<decltype(&pthread_create)>("pthread_create")(thread, attributes, start, argument);
}

}  // extern "C"
