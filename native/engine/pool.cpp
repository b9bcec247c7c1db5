#include "engine/pool.hpp"

#include <pthread.h>

#include <csignal>
#include <utility>

namespace vethwork::engine {
namespace {

/// Signals are the process's business, not a worker's: none interrupts a system call here.
std::thread start_without_signals(const std::function<void()>& body) {
  sigset_t all;
  sigset_t earlier;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &earlier);
  std::thread thread{body};
  ::pthread_sigmask(SIG_SETMASK, &earlier, nullptr);
  return thread;
}

}  // namespace

void Pool::post(std::function<void()> work) {
  {
    const std::lock_guard lock{mutex_};
    if (stopping_) return;
    queue_.push_back(std::move(work));
    if (queue_.size() > idle_ && threads_.size() < most_threads_) {
      threads_.push_back(start_without_signals([this] { serve(); }));
    }
  }
  wake_.notify_one();
}

void Pool::stop() {
  std::deque<std::function<void()>> dropped;
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    std::swap(dropped, queue_);
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Pool::serve() {
  std::unique_lock lock{mutex_};
  while (true) {
    ++idle_;
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    --idle_;
    if (stopping_) return;
    std::function<void()> work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
  }
}

}  // namespace vethwork::engine
