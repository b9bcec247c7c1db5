#include "binding/endpoints.hpp"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "binding/convert.hpp"
#include "binding/value_job.hpp"
#include "rtnl/endpoint.hpp"

namespace vethwork::binding {
namespace {

/// Plans that several workers take one after another.
class Bulk {
 public:
  Bulk(std::vector<rtnl::EndpointPlan> plans, engine::Strand::Namespace host)
      : plans_(std::move(plans)), results_(plans_.size()), host_(std::move(host)) {}

  /// Takes plans along with `finish`; does nothing once that has returned. Where it cannot begin,
  /// for want of a descriptor, `finish` does its share.
  void help() {
    {
      const std::lock_guard lock{mutex_};
      if (finished_) return;
      ++helping_;
    }
    try {
      work();
    } catch (const sys::Refused&) {
    }
    const std::lock_guard lock{mutex_};
    --helping_;
    idle_.notify_all();
  }

  /// Takes plans until there are none and waits for who helps. Throws `sys::Refused` if it cannot
  /// begin.
  std::vector<rtnl::EndpointResult> finish() {
    work();
    std::unique_lock lock{mutex_};
    idle_.wait(lock, [this] { return helping_ == 0; });
    finished_ = true;
    return std::move(results_);
  }

 private:
  void work() {
    rtnl::EndpointMaker maker{host_->get()};
    for (std::size_t next = next_++; next < plans_.size(); next = next_++) {
      results_[next] = maker.make(plans_[next]);
    }
  }

  std::vector<rtnl::EndpointPlan> plans_;
  std::vector<rtnl::EndpointResult> results_;
  engine::Strand::Namespace host_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex mutex_;
  std::condition_variable idle_;
  int helping_ = 0;
  bool finished_ = false;
};

rtnl::Step step_of(Napi::Env env, const char* operation, Napi::Value record) {
  const rtnl::Operation* row = rtnl::find_operation(operation);
  return {.operation = row, .encoded = rtnl::encode(*row, record_of(env, record))};
}

/// { name, ipv6, inside: [operation, record][], outside: record }
rtnl::EndpointPlan plan_of(Napi::Env env, Napi::Object given) {
  rtnl::EndpointPlan plan{.name = given.Get("name").As<Napi::String>().Utf8Value(),
                          .ipv6 = given.Get("ipv6").ToBoolean(),
                          .inside = {},
                          .outside = step_of(env, "setLink", given.Get("outside"))};
  const auto steps = given.Get("inside").As<Napi::Array>();
  for (std::uint32_t position = 0; position < steps.Length(); ++position) {
    const auto step = steps.Get(position).As<Napi::Array>();
    plan.inside.push_back(
        step_of(env, step.Get(0U).As<Napi::String>().Utf8Value().c_str(), step.Get(1U)));
  }
  return plan;
}

std::vector<rtnl::EndpointPlan> plans_of(Napi::Env env, Napi::Array given) {
  std::vector<rtnl::EndpointPlan> plans;
  plans.reserve(given.Length());
  for (std::uint32_t position = 0; position < given.Length(); ++position) {
    const Napi::HandleScope scope{env};
    try {
      plans.push_back(plan_of(env, given.Get(position).As<Napi::Object>()));
    } catch (const rtnl::InvalidArgument& error) {
      throw_to_javascript(env, {error.kind(), "[" + std::to_string(position) + "]", error.what()});
    }
  }
  return plans;
}

Napi::Value result_object(Environment& environment, Napi::Object instance,
                          rtnl::EndpointResult& result) {
  const Napi::Env env = environment.env();
  if (result.refusal) {
    Napi::Object refusal = refusal_object(env, *result.refusal);
    refusal.Set("operation", std::string{result.refused});
    return refusal;
  }
  attach_strand(instance, std::make_shared<engine::Strand>(environment.engine(), result.ns));
  const Napi::Object object = Napi::Object::New(env);
  object.Set("index", result.index);
  object.Set("hostIndex", result.host_index);
  return object;
}

/// createEndpoints(host, instances, plans): Promise of { index, hostIndex } or a refusal, each
Napi::Value create_endpoints(const Napi::CallbackInfo& info) {
  using Results = std::vector<rtnl::EndpointResult>;
  const Napi::Env env = info.Env();
  const auto strand = namespace_argument(info, 0);
  auto instances =
      std::make_shared<Napi::ObjectReference>(Napi::Persistent(info[1].As<Napi::Object>()));
  const auto bulk = std::make_shared<Bulk>(plans_of(env, info[2].As<Napi::Array>()), strand->ns());
  return start_on<Results>(
      env, *strand,
      [bulk, &engine = Environment::of(env).engine()] {
        // Two symmetric workers gain a quarter over one; the kernel's lock leaves no room for more.
        engine.post(engine::Lane::quick, [bulk] { bulk->help(); });
        return bulk->finish();
      },
      [instances](Environment& environment, Results& results) -> Napi::Value {
        const Napi::Array array = Napi::Array::New(environment.env(), results.size());
        for (std::uint32_t position = 0; position < results.size(); ++position) {
          const auto instance = instances->Value().Get(position).As<Napi::Object>();
          array.Set(position, result_object(environment, instance, results[position]));
        }
        return array;
      });
}

}  // namespace

void export_endpoints(Napi::Env env, Napi::Object exports) {
  exports.Set("createEndpoints", Napi::Function::New(env, create_endpoints, "createEndpoints"));
}

}  // namespace vethwork::binding
