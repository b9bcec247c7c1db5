#include "engine/pool.hpp"

#include <utility>

#include "sys/refusal.hpp"
#include "sys/thread.hpp"

namespace vethwork::engine {

bool Pool::post(std::function<void()> work) {
  {
    const std::lock_guard lock{mutex_};
    if (stopping_) return true;
    queue_.push_back(std::move(work));
    if (queue_.size() > idle_ && threads_.size() < most_threads_) {
      try {
        threads_.push_back(sys::start_thread([this] { serve(); }));
      } catch (const sys::Refused&) {
        // Those that there are do it, later.
        if (threads_.empty()) {
          queue_.pop_back();
          return false;
        }
      }
    }
  }
  wake_.notify_one();
  return true;
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
