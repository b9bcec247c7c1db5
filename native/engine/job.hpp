// One thing to do on a worker: a netlink request, or a task.
#pragma once

#include <cstddef>
#include <span>

#include "netlink/socket.hpp"
#include "sys/refusal.hpp"

namespace vethwork::engine {

/// What a strand runs. Made on one thread, run on a worker, given back through `Engine::Done`.
class Job {
 public:
  Job() = default;
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;
  virtual ~Job() = default;

  /// The netlink request that this job is; null if it is a task.
  virtual netlink::Request* request() { return nullptr; }

  /// A request that must be sent alone: a dump, or one that `prepare` has work for.
  [[nodiscard]] virtual bool alone() const { return true; }
  [[nodiscard]] virtual bool dumps() const { return false; }

  /// How much of the receive queue the answer takes, in plain acknowledgements.
  [[nodiscard]] virtual std::size_t weight() const { return 1; }

  /// Right before a request is sent alone; false if the job has failed and is not to be sent.
  virtual bool prepare(netlink::Socket&) { return true; }

  /// Does a task. May throw `sys::Refused`.
  virtual void run() {}

  /// False while what the job needs is still being prepared elsewhere: the lane then waits with it,
  /// and whoever has made it ready calls `Strand::resume()`.
  [[nodiscard]] virtual bool ready() const { return true; }

  /// Right before a job is carried out; false if nobody wants it any more.
  virtual bool begin() { return true; }

  /// Ends the job with a refusal; it was not carried out.
  virtual void fail(const sys::Refusal& refusal) = 0;

  /// What the job can be done together with: neighbours in the queue that have the same token,
  /// other than null, are handed to the first one's `run_together()`.
  [[nodiscard]] virtual const void* together_token() const { return nullptr; }
  /// Does jobs of the same token, itself included, and ends each.
  virtual void run_together(netlink::Socket&, std::span<Job* const>) {}
};

}  // namespace vethwork::engine
