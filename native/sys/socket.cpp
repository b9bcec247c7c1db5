#include "sys/socket.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <mutex>

#include "sys/refusal.hpp"
#include "sys/sysctl.hpp"

namespace vethwork::sys {
namespace {

[[noreturn]] void refuse(int error = errno) { throw Refused{{.error = error}}; }

/// An address in the kernel's form.
class Place {
 public:
  explicit Place(const SocketPlan& plan) {
    if (plan.family == AF_INET) {
      internet(plan.address, plan.port);
    } else if (plan.family == AF_INET6) {
      internet6(plan.address, plan.port);
    } else {
      local(plan.address);
    }
  }

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  [[nodiscard]] socklen_t length() const { return length_; }

 private:
  template <typename T>
  void keep(const T& address, std::size_t length = sizeof(T)) {
    std::memcpy(&storage_, &address, length);
    length_ = static_cast<socklen_t>(length);
  }

  void internet(const std::string& text, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (::inet_pton(AF_INET, text.c_str(), &address.sin_addr) != 1) refuse(EINVAL);
    keep(address);
  }

  void internet6(const std::string& text, std::uint16_t port) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    if (::inet_pton(AF_INET6, text.c_str(), &address.sin6_addr) != 1) refuse(EINVAL);
    keep(address);
  }

  void local(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path) refuse(EINVAL);
    std::memcpy(address.sun_path, path.data(), path.size());
    // A path ends with a NUL, an abstract name where its length says.
    const bool abstract = path.front() == '\0';
    keep(address, offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1));
  }

  sockaddr_storage storage_{};
  socklen_t length_ = 0;
};

void set_option(int fd, int level, int option, int value) {
  if (::setsockopt(fd, level, option, &value, sizeof value) != 0) refuse();
}

/// Link-local addresses mean something on one link only. The socket is inside, so the name is one
/// of the links there, whatever a link of that name in the process's own namespace may be.
void bind_to_device(int fd, const std::string& name) {
  if (::setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name.c_str(),
                   static_cast<socklen_t>(name.size())) != 0) {
    refuse();
  }
}

void set_options(int fd, const SocketPlan& plan) {
  if (plan.reuse_address) set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (plan.reuse_port) set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
  if (plan.family == AF_INET6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, plan.ipv6_only ? 1 : 0);
  if (!plan.device.empty()) bind_to_device(fd, plan.device);
}

/// By way of the socket, which knows the links of its own namespace.
std::string link_name(int fd, std::uint32_t index) {
  ifreq request{};
  request.ifr_ifindex = static_cast<int>(index);
  if (::ioctl(fd, SIOCGIFNAME, &request) != 0) return std::to_string(index);
  return {request.ifr_name, ::strnlen(request.ifr_name, sizeof request.ifr_name)};
}

UniqueFd new_socket(const SocketPlan& plan, int protocol) {
  UniqueFd fd{::socket(plan.family, plan.type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol)};
  if (!fd) refuse();
  return fd;
}

/// net/ipv4/ping.c, ping_init_sock(): a setting of the namespace says which groups may have one,
/// and by default none may. Ours may while it is made.
UniqueFd new_echo_socket(const SocketPlan& plan) {
  const int protocol = plan.family == AF_INET6 ? int{IPPROTO_ICMPV6} : int{IPPROTO_ICMP};
  // Otherwise one thread would take for the earlier value what another has set meanwhile.
  static std::mutex mutex;
  const std::lock_guard lock{mutex};
  try {
    return new_socket(plan, protocol);
  } catch (const Refused& refused) {
    if (refused.refusal.error != EACCES) throw;
  }
  constexpr const char* kGroups = "ipv4/ping_group_range";
  const std::string group = std::to_string(::getegid());
  struct Restore {
    std::string value;
    ~Restore() {
      try {
        write_sysctl(kGroups, value);
      } catch (const Refused&) {
        // Then it stays open to our group.
      }
    }
  };
  const Restore restore{write_sysctl(kGroups, group + " " + group)};
  return new_socket(plan, protocol);
}

}  // namespace

std::optional<SocketName> name_of(int fd, bool far) {
  sockaddr_in6 address{};
  socklen_t length = sizeof address;
  const auto ask = far ? ::getpeername : ::getsockname;
  if (ask(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0 ||
      address.sin6_family != AF_INET6) {
    return std::nullopt;
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
  SocketName name{.address = text.data(), .port = ntohs(address.sin6_port)};
  if (address.sin6_scope_id != 0) name.address += "%" + link_name(fd, address.sin6_scope_id);
  return name;
}

UniqueFd open_socket(const SocketPlan& plan) {
  UniqueFd fd = plan.echo ? new_echo_socket(plan) : new_socket(plan, 0);
  set_options(fd.get(), plan);
  if (plan.use == SocketUse::none) return fd;
  const Place place{plan};
  const auto act = plan.use == SocketUse::connects ? ::connect : ::bind;
  if (act(fd.get(), place.get(), place.length()) != 0) refuse();
  if (plan.use == SocketUse::listens && ::listen(fd.get(), plan.backlog) != 0) refuse();
  return fd;
}

}  // namespace vethwork::sys
