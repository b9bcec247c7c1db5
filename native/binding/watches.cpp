#include "binding/watches.hpp"

#include <utility>

namespace vethwork::binding {

Watches::Watches(Napi::Env env, Napi::Function wake)
    : wake_(Napi::ThreadSafeFunction::New(env, wake, "vethwork watch", 0, 1)),
      listening_([this](const auto& listener) { put_ready(listener); }) {
  wake_.Unref(env);
  env.AddCleanupHook([](Watches* self) { self->stop(); }, this);
}

std::shared_ptr<sys::Listener> Watches::listener_of(const Source& source) {
  return std::visit([](const auto& one) -> std::shared_ptr<sys::Listener> { return one; }, source);
}

void Watches::add(const Source& source, Id id) {
  const auto listener = listener_of(source);
  {
    const std::lock_guard lock{mutex_};
    known_.emplace(listener.get(), Known{.next = {.id = id, .source = source}, .ready = false});
  }
  try {
    listening_.add(listener);
  } catch (...) {
    const std::lock_guard lock{mutex_};
    known_.erase(listener.get());
    throw;
  }
}

void Watches::remove(const Source& source) {
  const auto listener = listener_of(source);
  listening_.remove(listener);
  const std::lock_guard lock{mutex_};
  known_.erase(listener.get());
  std::erase_if(ready_, [&](const Ready& ready) { return ready.source == source; });
}

std::optional<Watches::Ready> Watches::next_ready() {
  const std::lock_guard lock{mutex_};
  if (ready_.empty()) {
    woken_ = false;
    return std::nullopt;
  }
  Ready next = std::move(ready_.front());
  ready_.pop_front();
  known_.at(listener_of(next.source).get()).ready = false;
  return next;
}

void Watches::put_ready(const std::shared_ptr<sys::Listener>& listener) {
  const std::lock_guard lock{mutex_};
  const auto place = known_.find(listener.get());
  if (place == known_.end() || std::exchange(place->second.ready, true)) return;
  ready_.push_back(place->second.next);
  if (!std::exchange(woken_, true)) wake_.NonBlockingCall();
}

void Watches::stop() {
  listening_.stop();
  wake_.Release();
}

}  // namespace vethwork::binding
