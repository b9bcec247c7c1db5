#include "sys/listening.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "sys/refusal.hpp"
#include "sys/thread.hpp"

namespace vethwork::sys {
namespace {

/// How long the kernel is given until it may have memory for another descriptor.
constexpr std::chrono::seconds kAnotherTry{1};

}  // namespace

void Listening::add(const std::shared_ptr<Listener>& listener) {
  const std::lock_guard lock{mutex_};
  if (stopping_) return;
  if (!poller_) {
    // The thread that served earlier listeners, if there was one, has ended with the last of them.
    if (thread_.joinable()) thread_.join();
    auto poller = std::make_unique<Poller>();
    // It begins by waiting for this lock.
    thread_ = start_thread([this] { serve(); });
    poller_ = std::move(poller);
  }
  served_.insert(listener.get());
  changes_.emplace_back(Change::add, listener);
  poller_->wake();
}

void Listening::revisit(const std::shared_ptr<Listener>& listener) {
  post(Change::revisit, listener);
}

void Listening::remove(const std::shared_ptr<Listener>& listener) {
  post(Change::remove, listener);
}

void Listening::post(Change change, const std::shared_ptr<Listener>& listener) {
  const std::lock_guard lock{mutex_};
  if (!served_.contains(listener.get()) || !poller_) return;
  changes_.emplace_back(change, listener);
  poller_->wake();
}

void Listening::wait_until_gone(const std::shared_ptr<Listener>& listener) {
  std::unique_lock lock{mutex_};
  gone_.wait(lock, [&] { return !served_.contains(listener.get()); });
}

void Listening::stop() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    if (poller_) poller_->wake();
  }
  if (thread_.joinable()) thread_.join();
}

void Listening::serve() {
  while (take_changes()) {
    wait_and_read();
    tend_due();
  }
}

bool Listening::take_changes() {
  std::vector<std::pair<Change, std::shared_ptr<Listener>>> changes;
  {
    const std::lock_guard lock{mutex_};
    std::swap(changes, changes_);
    for (const auto& [change, listener] : changes) {
      if (change == Change::add) places_.try_emplace(listener.get(), Place{.listener = listener});
      if (change != Change::remove) continue;
      const auto place = places_.find(listener.get());
      if (place == places_.end()) continue;
      if (place->second.polled) poller_->remove(listener->descriptor());
      places_.erase(place);
      due_.erase(listener.get());
      served_.erase(listener.get());
    }
    gone_.notify_all();
    if (stopping_ || places_.empty()) {
      served_.clear();
      places_.clear();
      due_.clear();
      poller_.reset();
      return false;
    }
  }
  for (const auto& [change, listener] : changes) {
    const auto place = places_.find(listener.get());
    if (place != places_.end()) look_after(place->second);
  }
  return true;
}

void Listening::wait_and_read() {
  std::optional<std::chrono::milliseconds> patience;
  const auto soonest =
      std::ranges::min_element(due_, {}, [](const auto& due) { return due.second; });
  if (soonest != due_.end()) {
    // Rounded up, so that it is due when the wait is over.
    patience =
        std::chrono::ceil<std::chrono::milliseconds>(soonest->second - Listener::Clock::now());
  }
  std::array<void*, 64> ready{};
  const std::size_t count = poller_->wait(ready, patience);
  for (void* const token : std::span{ready}.first(count)) {
    const auto place = places_.find(static_cast<const Listener*>(token));
    if (place == places_.end()) continue;
    place->second.listener->read();
    look_after(place->second);
  }
}

void Listening::tend_due() {
  const auto now = Listener::Clock::now();
  std::vector<const Listener*> due;
  for (const auto& [listener, when] : due_) {
    if (when <= now) due.push_back(listener);
  }
  for (const Listener* const listener : due) look_after(places_.at(listener));
}

void Listening::look_after(Place& place) {
  Listener& listener = *place.listener;
  if (const auto when = listener.tend(Listener::Clock::now())) {
    due_[&listener] = *when;
  } else {
    due_.erase(&listener);
  }
  // Taken out altogether, for epoll cannot be told to leave out a socket's error, which stays.
  if (place.polled && listener.full()) {
    poller_->remove(listener.descriptor());
    place.polled = false;
  } else if (!place.polled && !listener.full()) {
    place.polled = poller_->add(listener.descriptor(), &listener, listener.awaits());
    if (!place.polled) due_[&listener] = Listener::Clock::now() + kAnotherTry;
  }
  if (listener.has_news()) news_(place.listener);
}

}  // namespace vethwork::sys
