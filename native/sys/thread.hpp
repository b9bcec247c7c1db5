// Starts the library's own threads.
#pragma once

#include <pthread.h>

#include <csignal>
#include <functional>
#include <thread>
#include <utility>

namespace vethwork::sys {

/// A thread that no signal is delivered to: signals are the process's business, and none is to
/// interrupt a system call of ours.
inline std::thread start_thread(std::function<void()> body) {
  sigset_t all;
  sigset_t earlier;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &earlier);
  std::thread thread{std::move(body)};
  ::pthread_sigmask(SIG_SETMASK, &earlier, nullptr);
  return thread;
}

}  // namespace vethwork::sys
