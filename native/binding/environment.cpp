#include "binding/environment.hpp"

#include <utility>

#include "binding/convert.hpp"

namespace vethwork::binding {
namespace {

/// How many promises are settled in one turn of the event loop: about a millisecond's worth.
constexpr std::size_t kJobsPerTurn = 256;

}  // namespace

bool PromiseJob::settle(Environment& environment) {
  if (refusal_) {
    deferred_.Reject(rejection(environment));
    return true;
  }
  const Napi::Value value = result(environment);
  if (value.IsEmpty()) return false;
  deferred_.Resolve(value);
  return true;
}

Napi::Value PromiseJob::rejection(Environment& environment) {
  return refusal_object(environment.env(), *refusal_);
}

Environment::Environment(Napi::Env env)
    : env_(env),
      waker_(Waker::New(env, "vethwork", 0, 1, this)),
      set_immediate_(Napi::Persistent(env.Global().Get("setImmediate").As<Napi::Function>())),
      settle_later_(Napi::Persistent(Napi::Function::New(
          env, [this](const Napi::CallbackInfo&) { settle_some(); }, "settleSome"))),
      json_parse_(Napi::Persistent(
          env.Global().Get("JSON").As<Napi::Object>().Get("parse").As<Napi::Function>())),
      keys_(Napi::Persistent(Napi::Array::New(env).As<Napi::Object>())),
      engine_([this](engine::Engine::Jobs jobs) { deliver(std::move(jobs)); }) {
  waker_.Unref(env);
  env.AddCleanupHook([](Environment* self) { self->stop(); }, this);
}

void Environment::started() {
  if (pending_++ == 0) waker_.Ref(env_);
}

void Environment::ended() {
  if (--pending_ == 0) waker_.Unref(env_);
}

napi_value Environment::key(std::string_view name) {
  const auto [entry, added] =
      key_numbers_.try_emplace(name.data(), static_cast<std::uint32_t>(key_numbers_.size()));
  const Napi::Object keys = keys_.Value();
  if (added) keys.Set(entry->second, Napi::String::New(env_, name.data(), name.size()));
  napi_value value = nullptr;
  napi_get_element(env_, keys, entry->second, &value);
  return value;
}

Napi::Object Environment::parse_json(const std::string& text) {
  return json_parse_.Call({Napi::String::New(env_, text)}).As<Napi::Object>();
}

void Environment::deliver(engine::Engine::Jobs jobs) {
  bool first = false;
  {
    const std::lock_guard lock{mutex_};
    first = finished_.empty();
    for (auto& job : jobs) finished_.push_back(std::move(job));
  }
  if (first) waker_.NonBlockingCall();
}

void Environment::call(Napi::Env env, Napi::Function, Environment* self, void*) {
  // Without an environment the process is ending and there is nobody left to tell.
  if (env != nullptr) self->settle_some();
}

engine::Engine::Jobs Environment::take_finished() {
  const std::lock_guard lock{mutex_};
  engine::Engine::Jobs jobs;
  while (!finished_.empty() && jobs.size() < kJobsPerTurn) {
    jobs.push_back(std::move(finished_.front()));
    finished_.pop_front();
  }
  return jobs;
}

void Environment::settle_some() {
  engine::Engine::Jobs unfinished;
  for (auto& job : take_finished()) {
    const Napi::HandleScope scope{env_};
    // Every job of this environment's engine is one of ours.
    if (static_cast<PromiseJob&>(*job).settle(*this)) {
      ended();
    } else {
      unfinished.push_back(std::move(job));
    }
  }
  bool more = false;
  {
    const std::lock_guard lock{mutex_};
    for (auto& job : unfinished) finished_.push_back(std::move(job));
    more = !finished_.empty();
  }
  // Not by the waker, whose calls from here would be served in this same turn of the loop.
  if (more) set_immediate_.Call({settle_later_.Value()});
}

void Environment::stop() {
  engine_.stop();
  waker_.Release();
}

void submit(Environment& environment, engine::Strand& strand, engine::Lane lane,
            std::unique_ptr<PromiseJob> job) {
  std::unique_ptr<engine::Job> queued = std::move(job);
  // Counted first: the job may be done before submit() returns.
  environment.started();
  if (strand.submit(lane, queued)) return;
  environment.ended();
  throw_with_code(environment.env(), "ERR_NAMESPACE_CLOSED", "the namespace handle is closed");
}

}  // namespace vethwork::binding
