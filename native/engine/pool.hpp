// A few threads that run what they are handed, started when there is work and none is free.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace vethwork::engine {

class Pool {
 public:
  explicit Pool(std::size_t most_threads) : most_threads_(most_threads) {}
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() { stop(); }

  /// Runs `work`, which must not throw, on some thread; nothing after `stop`. False, and nothing
  /// done, if there is no thread and none can be started.
  [[nodiscard]] bool post(std::function<void()> work);

  /// Waits for the work in progress, drops the rest and ends the threads.
  void stop();

 private:
  void serve();

  const std::size_t most_threads_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace vethwork::engine
