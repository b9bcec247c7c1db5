// Network namespaces as the kernel has them: descriptors, threads inside, names in /run/netns.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sys/fd.hpp"

namespace vethwork::sys {

/// Where `ip netns` keeps its names, and so do we.
inline constexpr std::string_view kNamesDirectory = "/run/netns";

/// Keeps the calling thread inside a namespace for the guard's life.
///
/// Only native worker threads use it. When the guard dies the thread goes back to the namespace it
/// was born in, so that an idle worker never keeps a closed namespace alive; nobody relies on where
/// a thread is, since whoever needs to be inside enters first. Throws `Refused`.
class Inside {
 public:
  explicit Inside(int namespace_fd);
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
  ~Inside();

 private:
  bool left_home_ = false;
};

/// Makes a namespace that only the returned descriptor holds, and runs `prepare` inside it.
///
/// Throws `Refused` (`EPERM` without CAP_SYS_ADMIN).
template <typename Prepare>
UniqueFd create_namespace(Prepare prepare);

/// Moves the calling thread into a new namespace and opens it. See `create_namespace`. Where it
/// throws, the thread is where it was.
UniqueFd unshare_namespace();

/// Takes the calling thread back to the namespace it was born in.
void go_home() noexcept;

template <typename Prepare>
UniqueFd create_namespace(Prepare prepare) {
  struct Return {
    ~Return() { go_home(); }
  };
  UniqueFd fd = unshare_namespace();
  const Return back;
  prepare(fd.get());
  return fd;
}

/// Raises `lo` in the calling thread's namespace. Throws `Refused`.
void raise_loopback();

/// Opens a namespace by its file. Throws `Refused`: `EINVAL` if the file is no network namespace.
UniqueFd open_namespace(const std::string& path);

/// Another descriptor of the same namespace. Throws `Refused`.
UniqueFd duplicate_namespace(int namespace_fd);

/// The inode that identifies a namespace, as `ls -L -i /run/netns/NAME` and `lsns` print it.
std::uint64_t namespace_inode(int namespace_fd);

/// Gives a namespace a name, so that it outlives its holders: /run/netns/NAME, as `ip netns` does.
///
/// Throws `Refused`: `EEXIST` if the name is taken.
void bind_name(int namespace_fd, const std::string& name);

/// Takes a name away. Throws `Refused`: `ENOENT` if there is none.
void unbind_name(const std::string& name);

/// Every name that stands for a live namespace, sorted.
std::vector<std::string> list_names();

}  // namespace vethwork::sys
