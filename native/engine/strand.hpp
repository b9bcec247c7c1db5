// The calls on one namespace: in the order they were made, packed into few sends.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "engine/engine.hpp"
#include "netlink/socket.hpp"
#include "sys/fd.hpp"

namespace vethwork::engine {

/// A namespace, its sockets and its queues, one of each per lane.
///
/// Jobs of one lane run in the order they were submitted and one pack at a time; the lanes run
/// beside each other, and so do the strands. A socket is opened inside the namespace by the first
/// job that needs it, and is closed with the strand.
class Strand : public std::enable_shared_from_this<Strand> {
 public:
  /// A namespace's descriptor, shared with the messages that name it.
  using Namespace = std::shared_ptr<const sys::UniqueFd>;

  Strand(Engine& engine, Namespace ns) : engine_(engine), namespace_(std::move(ns)) {}

  /// Queues a job; false, and the job untouched, once the strand is closed.
  bool submit(Lane lane, std::unique_ptr<Job>& job);

  /// Goes on with a lane whose first job has become ready.
  void resume(Lane lane);

  /// Lets nothing new in, and gives `last` back when all earlier jobs have ended and the
  /// descriptors are closed. False, and `last` untouched, if the strand is closed already.
  bool close(std::unique_ptr<Job>& last);

  /// The namespace; null once the strand is closed.
  [[nodiscard]] Namespace ns() const;

 private:
  struct Queue {
    std::deque<std::unique_ptr<Job>> jobs{};
    bool running = false;
    std::optional<netlink::Socket> socket{};
  };

  Queue& queue(Lane lane) { return queues_.at(static_cast<std::size_t>(lane)); }
  /// Has the lane drained, unless it is or its first job is not ready.
  void schedule(Lane lane);
  void drain(Lane lane) noexcept;
  /// Waits as long as more jobs keep coming, at most 3 ms: what can be done together takes 16 ms
  /// at once and 16 ms each one after the other.
  void linger(const Queue& queue) const;
  /// The next jobs to do together; those before them that nobody wants any more go to `dropped`.
  static Engine::Jobs take(Queue& queue, Engine::Jobs& dropped);
  void execute(Queue& queue, Engine::Jobs& jobs);
  netlink::Socket& socket_of(Queue& queue);
  void finish(Lane lane);
  /// What is left to do once a closing strand is idle; null if it is not. The caller has the lock.
  std::unique_ptr<Job> conclude();

  Engine& engine_;
  mutable std::mutex mutex_;
  Namespace namespace_;
  std::array<Queue, 2> queues_;
  bool closing_ = false;
  std::unique_ptr<Job> last_;
};

}  // namespace vethwork::engine
