// A task that makes a value on a worker and shows it to JavaScript afterwards.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "binding/environment.hpp"

namespace vethwork::binding {

template <typename T>
class ValueJob final : public PromiseJob {
 public:
  using Work = std::function<T()>;
  using Show = std::function<Napi::Value(Environment&, T&)>;

  ValueJob(Napi::Env env, Work work, Show show)
      : PromiseJob(env), work_(std::move(work)), show_(std::move(show)) {}

  void run() override { value_ = work_(); }

 protected:
  Napi::Value result(Environment& environment) override { return show_(environment, value_); }

 private:
  Work work_;
  Show show_;
  T value_{};
};

/// Starts a task that belongs to no namespace.
template <typename T>
Napi::Value start(Napi::Env env, typename ValueJob<T>::Work work, typename ValueJob<T>::Show show) {
  auto job = std::make_unique<ValueJob<T>>(env, std::move(work), std::move(show));
  const Napi::Promise promise = job->promise();
  Environment& environment = Environment::of(env);
  environment.started();
  environment.engine().run(std::move(job));
  return promise;
}

/// Queues a task on a namespace, after the calls made before it.
template <typename T>
Napi::Value start_on(Napi::Env env, engine::Strand& strand, typename ValueJob<T>::Work work,
                     typename ValueJob<T>::Show show) {
  auto job = std::make_unique<ValueJob<T>>(env, std::move(work), std::move(show));
  const Napi::Promise promise = job->promise();
  submit(Environment::of(env), strand, engine::Lane::quick, std::move(job));
  return promise;
}

/// Shows nothing.
inline Napi::Value show_nothing(Environment& environment, bool&) {
  return environment.env().Undefined();
}

}  // namespace vethwork::binding
