// The workers of one environment, and the way back to it.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "engine/job.hpp"
#include "engine/pool.hpp"

namespace vethwork::engine {

/// Deletions and moves wait 16 ms for an RCU grace period, so they have threads of their own.
enum class Lane : std::uint8_t { quick, slow };

class Engine {
 public:
  using Jobs = std::vector<std::unique_ptr<Job>>;
  /// Takes finished jobs back; called on a worker.
  using Done = std::function<void(Jobs)>;

  explicit Engine(Done done) : done_(std::move(done)) {}

  /// Runs a task that belongs to no namespace.
  void run(std::unique_ptr<Job> task);

  /// Runs `work` on a worker of the lane; false, and nothing done, if there can be none.
  [[nodiscard]] bool post(Lane lane, std::function<void()> work);

  void give_back(Jobs jobs) const { done_(std::move(jobs)); }

  /// Waits for what is in progress and drops the rest. `Done` is not called afterwards.
  void stop();

 private:
  Done done_;
  // Two of each keep two cores busy; more would only queue for the kernel's one rtnl lock.
  Pool quick_{2};
  Pool slow_{2};
};

/// Why there can be no worker.
inline sys::Refusal no_worker() { return {.error = EAGAIN, .detail = "no thread can be started"}; }

/// Does a task, turning what it throws into its failure.
void run_task(Job& task) noexcept;

}  // namespace vethwork::engine
