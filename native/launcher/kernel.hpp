// System calls, without a C library: each returns what the kernel did, or a negative errno.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/vfs.h>

#include <cstddef>

namespace vethwork::launcher::kernel {

inline long call(long number, long first, long second = 0, long third = 0, long fourth = 0,
                 long fifth = 0) {
#if defined(__x86_64__)
  long result = number;
  register long r10 asm("r10") = fourth;
  register long r8 asm("r8") = fifth;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(first), "S"(second), "d"(third), "r"(r10), "r"(r8)
               : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = first;
  register long x1 asm("x1") = second;
  register long x2 asm("x2") = third;
  register long x3 asm("x3") = fourth;
  register long x4 asm("x4") = fifth;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
#else
#error "the launcher knows how to call the kernel on x86-64 and arm64"
#endif
}

inline long word(const void* pointer) { return reinterpret_cast<long>(pointer); }

inline long open(const char* path, int flags) {
  return call(SYS_openat, AT_FDCWD, word(path), flags);
}

inline long close(int fd) { return call(SYS_close, fd); }

inline long read(int fd, void* into, std::size_t size) {
  return call(SYS_read, fd, word(into), static_cast<long>(size));
}

inline long write(int fd, const void* from, std::size_t size) {
  return call(SYS_write, fd, word(from), static_cast<long>(size));
}

/// Fills `into` with records of `struct dirent`.
inline long list(int fd, void* into, std::size_t size) {
  return call(SYS_getdents64, fd, word(into), static_cast<long>(size));
}

inline long close_on_exec(int fd) { return call(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC); }

/// What an open file is.
inline long status(int fd, struct stat& into) { return call(SYS_fstat, fd, word(&into)); }

/// What is at a path; a symbolic link is looked at, not followed.
inline long lookup(const char* path, struct stat& into) {
  return call(SYS_newfstatat, AT_FDCWD, word(path), word(&into), AT_SYMLINK_NOFOLLOW);
}

inline long filesystem(const char* path, struct statfs& into) {
  return call(SYS_statfs, word(path), word(&into));
}

inline long working_directory(char* into, std::size_t size) {
  return call(SYS_getcwd, word(into), static_cast<long>(size));
}

inline long change_directory(const char* path) { return call(SYS_chdir, word(path)); }

inline long enter_namespace(int fd, int kind) { return call(SYS_setns, fd, kind); }

inline long unshare(int kinds) { return call(SYS_unshare, kinds); }

inline long mount(const char* source, const char* target, const char* type, unsigned long flags) {
  return call(SYS_mount, word(source), word(target), word(type), static_cast<long>(flags));
}

inline long drop_groups() { return call(SYS_setgroups, 0); }

inline long set_group(long id) { return call(SYS_setgid, id); }

inline long set_user(long id) { return call(SYS_setuid, id); }

inline long execute(const char* path, char* const* arguments, char* const* environment) {
  return call(SYS_execve, word(path), word(arguments), word(environment));
}

[[noreturn]] inline void exit(int code) {
  while (true) call(SYS_exit_group, code);
}

}  // namespace vethwork::launcher::kernel
