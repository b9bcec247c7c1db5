#include "engine/strand.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "sys/netns.hpp"

namespace vethwork::engine {
namespace {

/// A pack's requests must fit the socket's send buffer, 208 KiB by default, with room to spare.
constexpr std::size_t kMostBytesPacked = std::size_t{64} * 1024;

bool together(const Job& first, const Job& next) {
  return first.together_token() != nullptr && first.together_token() == next.together_token();
}

bool packable(const Job& first, const Job& next) {
  return !first.alone() && !next.alone() && first.together_token() == nullptr &&
         next.together_token() == nullptr;
}

void fail_all(const Engine::Jobs& jobs, const sys::Refusal& refusal) {
  for (const auto& job : jobs) job->fail(refusal);
}

}  // namespace

bool Strand::submit(Lane lane, std::unique_ptr<Job>& job) {
  const std::lock_guard lock{mutex_};
  if (closing_) return false;
  queue(lane).jobs.push_back(std::move(job));
  schedule(lane);
  return true;
}

void Strand::resume(Lane lane) {
  const std::lock_guard lock{mutex_};
  schedule(lane);
}

bool Strand::close(std::unique_ptr<Job>& last) {
  const std::lock_guard lock{mutex_};
  if (closing_) return false;
  closing_ = true;
  last_ = std::move(last);
  // An empty turn of the quick lane finds out whether all is drained.
  schedule(Lane::quick);
  return true;
}

Strand::Namespace Strand::ns() const {
  const std::lock_guard lock{mutex_};
  return closing_ ? nullptr : namespace_;
}

void Strand::schedule(Lane lane) {
  const Queue& mine = queue(lane);
  if (!mine.jobs.empty() && !mine.jobs.front()->ready()) return;
  if (std::exchange(queue(lane).running, true)) return;
  if (engine_.post(lane, [self = shared_from_this(), lane] { self->drain(lane); })) return;
  queue(lane).running = false;
  Engine::Jobs refused;
  for (auto& job : queue(lane).jobs) refused.push_back(std::move(job));
  queue(lane).jobs.clear();
  fail_all(refused, no_worker());
  if (auto last = conclude()) refused.push_back(std::move(last));
  engine_.give_back(std::move(refused));
}

void Strand::linger(const Queue& queue) const {
  constexpr auto kStep = std::chrono::microseconds{150};
  constexpr int kMostSteps = 20;
  std::size_t seen = 0;
  for (int step = 0; step < kMostSteps; ++step) {
    {
      const std::lock_guard lock{mutex_};
      if (queue.jobs.size() == seen) return;
      seen = queue.jobs.size();
    }
    std::this_thread::sleep_for(kStep);
  }
}

void Strand::drain(Lane lane) noexcept {
  Queue& mine = queue(lane);
  if (lane == Lane::slow) linger(mine);
  Engine::Jobs jobs;
  Engine::Jobs dropped;
  {
    const std::lock_guard lock{mutex_};
    jobs = take(mine, dropped);
  }
  if (!dropped.empty()) {
    fail_all(dropped, {.error = ECANCELED, .detail = "dropped before it was sent"});
    engine_.give_back(std::move(dropped));
  }
  if (!jobs.empty()) {
    execute(mine, jobs);
    engine_.give_back(std::move(jobs));
  }
  finish(lane);
}

Engine::Jobs Strand::take(Queue& queue, Engine::Jobs& dropped) {
  Engine::Jobs jobs;
  std::size_t weight = 0;
  std::size_t bytes = 0;
  while (!queue.jobs.empty()) {
    Job& next = *queue.jobs.front();
    if (!next.ready()) break;
    const Job& first = jobs.empty() ? next : *jobs.front();
    const bool packs = packable(first, next);
    if (!jobs.empty() && !packs && !together(first, next)) break;
    if (packs) {
      weight += next.weight();
      bytes += next.request()->message().size();
      const bool full = weight > netlink::Socket::kMostPacked || bytes > kMostBytesPacked;
      if (full && !jobs.empty()) break;
    }
    Engine::Jobs& into = next.begin() ? jobs : dropped;
    into.push_back(std::move(queue.jobs.front()));
    queue.jobs.pop_front();
  }
  return jobs;
}

void Strand::execute(Queue& queue, Engine::Jobs& jobs) {
  Job& first = *jobs.front();
  if (first.request() == nullptr) return run_task(first);
  try {
    netlink::Socket& socket = socket_of(queue);
    if (together(first, first)) {
      std::vector<Job*> all;
      for (const auto& job : jobs) all.push_back(job.get());
      first.run_together(socket, all);
    } else if (first.dumps()) {
      if (first.prepare(socket)) socket.dump(*first.request());
    } else {
      std::vector<netlink::Request*> requests;
      for (const auto& job : jobs) {
        if (!job->alone() || job->prepare(socket)) requests.push_back(job->request());
      }
      socket.exchange(requests);
    }
    if (socket.broken()) queue.socket.reset();
  } catch (const sys::Refused& refused) {
    fail_all(jobs, refused.refusal);
  }
}

netlink::Socket& Strand::socket_of(Queue& queue) {
  if (!queue.socket) {
    const sys::Inside inside{namespace_->get()};
    queue.socket = netlink::Socket::open();
  }
  return *queue.socket;
}

void Strand::finish(Lane lane) {
  Engine::Jobs closed;
  {
    const std::lock_guard lock{mutex_};
    queue(lane).running = false;
    if (!queue(lane).jobs.empty()) return schedule(lane);
    auto last = conclude();
    if (!last) return;
    closed.push_back(std::move(last));
  }
  engine_.give_back(std::move(closed));
}

std::unique_ptr<Job> Strand::conclude() {
  const bool idle = std::ranges::all_of(
      queues_, [](const Queue& each) { return !each.running && each.jobs.empty(); });
  if (!closing_ || !idle || !last_) return nullptr;
  for (Queue& each : queues_) each.socket.reset();
  namespace_.reset();
  return std::move(last_);
}

}  // namespace vethwork::engine
