// Starts the library's own threads.
#pragma once

#include <pthread.h>

#include <csignal>
#include <functional>
#include <system_error>
#include <thread>
#include <utility>

#include "sys/refusal.hpp"

namespace vethwork::sys {

/// A thread that no signal is delivered to: signals are the process's business, and none is to
/// interrupt a system call of ours. Throws `Refused`: `EAGAIN` where there may be no more threads.
inline std::thread start_thread(std::function<void()> body) {
  sigset_t all;
  sigset_t earlier;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &earlier);
  std::thread thread;
  int error = 0;
  try {
    thread = std::thread{std::move(body)};
  } catch (const std::system_error& refused) {
    error = refused.code().value();
  }
  ::pthread_sigmask(SIG_SETMASK, &earlier, nullptr);
  if (error != 0) throw Refused{{.error = error, .detail = "no thread can be started"}};
  return thread;
}

}  // namespace vethwork::sys
