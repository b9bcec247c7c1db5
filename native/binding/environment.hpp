// What one JavaScript environment (the main thread, or a worker thread) owns of the addon.
#pragma once

#include <napi.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/strand.hpp"

namespace vethwork::binding {

class Environment;
class Watches;

/// A job whose end settles a promise.
class PromiseJob : public engine::Job {
 public:
  explicit PromiseJob(Napi::Env env) : deferred_(Napi::Promise::Deferred::New(env)) {}

  [[nodiscard]] Napi::Promise promise() const { return deferred_.Promise(); }

  void fail(const sys::Refusal& refusal) override { refusal_ = refusal; }

  /// Settles the promise, on the JavaScript thread. False if it has done a part and wants another
  /// turn of the event loop.
  bool settle(Environment& environment);

 protected:
  /// What the promise is resolved with; empty to be asked again in a later turn.
  virtual Napi::Value result(Environment& environment) = 0;
  /// The value that the promise is rejected with.
  virtual Napi::Value rejection(Environment& environment);

  std::optional<sys::Refusal> refusal_;

 private:
  Napi::Promise::Deferred deferred_;
};

/// Owns the engine and brings finished jobs back to the JavaScript thread.
///
/// Pending promises keep the process alive; handles do not. When the environment ends, a clean-up
/// hook waits for the system calls in progress (tens of milliseconds at most) and drops the rest.
class Environment {
 public:
  explicit Environment(Napi::Env env);
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() = default;

  static Environment& of(Napi::Env env) { return *env.GetInstanceData<Environment>(); }

  [[nodiscard]] Napi::Env env() const { return env_; }
  engine::Engine& engine() { return engine_; }
  /// What listens for the watchers; null before the first.
  std::shared_ptr<Watches>& watches() { return watches_; }

  /// Counts a job that was handed to the engine; its promise is pending.
  void started();
  /// The job is settled, or was not taken.
  void ended();

  /// A property name as a JavaScript string, made once. `name` is a literal of the tables.
  napi_value key(std::string_view name);

  /// What JSON.parse() makes of a text.
  Napi::Object parse_json(const std::string& text);

 private:
  void deliver(engine::Engine::Jobs jobs);
  engine::Engine::Jobs take_finished();
  void settle_some();
  void stop();
  static void call(Napi::Env env, Napi::Function, Environment* self, void*);

  using Waker = Napi::TypedThreadSafeFunction<Environment, void, &Environment::call>;

  Napi::Env env_;
  std::mutex mutex_;
  std::deque<std::unique_ptr<engine::Job>> finished_;
  std::size_t pending_ = 0;
  Waker waker_;
  Napi::FunctionReference set_immediate_;
  Napi::FunctionReference settle_later_;
  Napi::FunctionReference json_parse_;
  Napi::ObjectReference keys_;
  std::unordered_map<const char*, std::uint32_t> key_numbers_;
  engine::Engine engine_;
  std::shared_ptr<Watches> watches_;
};

/// Queues a job on a namespace. Throws a JavaScript error if its handle is closed.
void submit(Environment& environment, engine::Strand& strand, engine::Lane lane,
            std::unique_ptr<PromiseJob> job);

}  // namespace vethwork::binding
