#include "binding/endpoints.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "binding/convert.hpp"
#include "binding/handle.hpp"
#include "rtnl/endpoint.hpp"

namespace vethwork::binding {
namespace {

/// Plans that several workers take one after another, once all of them are there.
class Bulk {
 public:
  explicit Bulk(const std::shared_ptr<engine::Strand>& strand)
      : strand_(strand), host_(strand->ns()) {}
  Bulk(const Bulk&) = delete;
  Bulk& operator=(const Bulk&) = delete;

  [[nodiscard]] const engine::Strand::Namespace& host() const { return host_; }

  void add(rtnl::EndpointPlan plan) { plans_.push_back(std::move(plan)); }

  void abandon() {
    plans_.clear();
    begin({});
  }

  /// Lets the workers begin. `instances`: the facade's namespaces, one for each plan.
  void begin(Napi::ObjectReference instances) {
    instances_ = std::move(instances);
    results_.resize(plans_.size());
    ready_ = true;
    // The queue that holds the job owns this too: hence the weak way back to it.
    if (const auto strand = strand_.lock()) strand->resume(engine::Lane::quick);
  }
  [[nodiscard]] bool ready() const { return ready_; }

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

  /// Takes plans until there are none and waits for who helps. Where neither can begin, what is
  /// left fails.
  void finish() {
    std::optional<sys::Refusal> refusal;
    try {
      work();
    } catch (const sys::Refused& refused) {
      refusal = refused.refusal;
    }
    std::unique_lock lock{mutex_};
    idle_.wait(lock, [this] { return helping_ == 0; });
    finished_ = true;
    for (std::size_t next = next_++; next < plans_.size(); next = next_++) {
      results_[next].refusal = refusal;
      results_[next].refused = "createEndpoints";
    }
    host_.reset();
  }

  std::vector<rtnl::EndpointResult>& results() { return results_; }
  [[nodiscard]] Napi::Object instance(std::uint32_t position) const {
    return instances_.Value().Get(position).As<Napi::Object>();
  }

 private:
  void work() {
    if (plans_.empty()) return;
    rtnl::EndpointMaker maker{host_->get()};
    for (std::size_t next = next_++; next < plans_.size(); next = next_++) {
      results_[next] = maker.make(plans_[next]);
    }
  }

  std::weak_ptr<engine::Strand> strand_;
  engine::Strand::Namespace host_;
  Napi::ObjectReference instances_;
  std::vector<rtnl::EndpointPlan> plans_;
  std::vector<rtnl::EndpointResult> results_;
  std::atomic<bool> ready_ = false;
  std::atomic<std::size_t> next_ = 0;
  std::mutex mutex_;
  std::condition_variable idle_;
  int helping_ = 0;
  bool finished_ = false;
};

constexpr napi_type_tag kBulkTag{.lower = 0x51d7f0c2b86e4f93, .upper = 0xa3846be91c07d25f};

rtnl::Step step_of(std::string_view operation, const rtnl::Record& record) {
  const rtnl::Operation* row = rtnl::find_operation(operation);
  return {.operation = row, .encoded = rtnl::encode(*row, record)};
}

/// The veth whose peer is on the host. Not by the facade's handle, which may be closing by now.
rtnl::Record veth_to(const engine::Strand::Namespace& host, rtnl::Record veth) {
  const rtnl::Value* const given = veth.find("peer");
  const auto* outer = given == nullptr ? nullptr : given->as<rtnl::Record>();
  rtnl::Record peer = outer == nullptr ? rtnl::Record{} : *outer;
  peer.append("namespace", rtnl::Descriptor{.fd = host->get(), .owner = host});
  veth.set("peer", std::move(peer));
  return veth;
}

/// { name, ipv6, veth: record, inside: [operation, record][], outside: record }
rtnl::EndpointPlan plan_of(Napi::Env env, const engine::Strand::Namespace& host,
                           Napi::Object given) {
  rtnl::EndpointPlan plan{.name = given.Get("name").As<Napi::String>().Utf8Value(),
                          .ipv6 = given.Get("ipv6").ToBoolean(),
                          .inside = {},
                          .outside = step_of("setLink", record_of(env, given.Get("outside")))};
  plan.inside.push_back(step_of("createLink", veth_to(host, record_of(env, given.Get("veth")))));
  const auto steps = given.Get("inside").As<Napi::Array>();
  for (std::uint32_t position = 0; position < steps.Length(); ++position) {
    const auto step = steps.Get(position).As<Napi::Array>();
    plan.inside.push_back(
        step_of(step.Get(0U).As<Napi::String>().Utf8Value(), record_of(env, step.Get(1U))));
  }
  return plan;
}

Napi::Value result_object(Environment& environment, Napi::Object instance,
                          rtnl::EndpointResult& result) {
  const Napi::Env env = environment.env();
  if (result.refusal) {
    Napi::Object refusal = refusal_object(env, *result.refusal);
    refusal.Set("operation", std::string{result.refused});
    return refusal;
  }
  // Moved: the batch lives until it is collected, and would keep a namespace that is closed by
  // then.
  attach_strand(instance,
                std::make_shared<engine::Strand>(environment.engine(), std::move(result.ns)));
  const Napi::Object object = Napi::Object::New(env);
  object.Set("index", result.index);
  object.Set("hostIndex", result.host_index);
  return object;
}

/// Has the endpoints made and shows the results, some in each turn of the event loop.
class BulkJob final : public PromiseJob {
 public:
  BulkJob(Napi::Env env, std::shared_ptr<Bulk> bulk)
      : PromiseJob(env), bulk_(std::move(bulk)), engine_(Environment::of(env).engine()) {}

  [[nodiscard]] bool ready() const override { return bulk_->ready(); }

  void run() override {
    // Two symmetric workers gain a quarter over one; the kernel's lock leaves no room for more.
    static_cast<void>(engine_.post(engine::Lane::quick, [bulk = bulk_] { bulk->help(); }));
    bulk_->finish();
  }

 protected:
  Napi::Value result(Environment& environment) override {
    const Napi::Env env = environment.env();
    auto& results = bulk_->results();
    if (shown_.IsEmpty()) {
      shown_ = Napi::Persistent(Napi::Array::New(env, results.size()).As<Napi::Object>());
    }
    const std::size_t end = std::min(next_ + kResultsPerTurn, results.size());
    for (; next_ < end; ++next_) {
      const Napi::HandleScope scope{env};
      const auto position = static_cast<std::uint32_t>(next_);
      shown_.Value().Set(position,
                         result_object(environment, bulk_->instance(position), results[next_]));
    }
    if (next_ < results.size()) return {};
    return shown_.Value();
  }

 private:
  /// About a millisecond's worth.
  static constexpr std::size_t kResultsPerTurn = 128;

  std::shared_ptr<Bulk> bulk_;
  engine::Engine& engine_;
  Napi::ObjectReference shown_;
  std::size_t next_ = 0;
};

std::shared_ptr<Bulk> bulk_argument(const Napi::CallbackInfo& info) {
  return attached<Bulk>(info.Env(), info[0], kBulkTag);
}

/// beginEndpoints(batch, host): Promise of { index, hostIndex } or a refusal, each. It has its
/// place among the host's calls from now on, which wait until the batch is made or abandoned.
Napi::Value begin_endpoints(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto strand = namespace_argument(info, 1);
  const auto bulk = std::make_shared<Bulk>(strand);
  attach(info[0].As<Napi::Object>(), kBulkTag, bulk);
  auto job = std::make_unique<BulkJob>(env, bulk);
  const Napi::Promise promise = job->promise();
  submit(Environment::of(env), *strand, engine::Lane::quick, std::move(job));
  return promise;
}

/// planEndpoints(batch, plans, first): void. Adds plans, of which the first has that position.
Napi::Value plan_endpoints(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto bulk = bulk_argument(info);
  const auto given = info[1].As<Napi::Array>();
  const auto first = info[2].As<Napi::Number>().Uint32Value();
  for (std::uint32_t position = 0; position < given.Length(); ++position) {
    const Napi::HandleScope scope{env};
    try {
      bulk->add(plan_of(env, bulk->host(), given.Get(position).As<Napi::Object>()));
    } catch (const rtnl::InvalidArgument& error) {
      const std::string path = "[" + std::to_string(first + position) + "]";
      throw_to_javascript(env, {error.kind(), path, error.what()});
    }
  }
  return env.Undefined();
}

/// makeEndpoints(batch, instances): void
Napi::Value make_endpoints(const Napi::CallbackInfo& info) {
  const auto bulk = bulk_argument(info);
  bulk->begin(Napi::Persistent(info[1].As<Napi::Object>()));
  return info.Env().Undefined();
}

/// abandonEndpoints(batch): void
Napi::Value abandon_endpoints(const Napi::CallbackInfo& info) {
  bulk_argument(info)->abandon();
  return info.Env().Undefined();
}

}  // namespace

void export_endpoints(Napi::Env env, Napi::Object exports) {
  exports.Set("beginEndpoints", Napi::Function::New(env, begin_endpoints, "beginEndpoints"));
  exports.Set("planEndpoints", Napi::Function::New(env, plan_endpoints, "planEndpoints"));
  exports.Set("makeEndpoints", Napi::Function::New(env, make_endpoints, "makeEndpoints"));
  exports.Set("abandonEndpoints", Napi::Function::New(env, abandon_endpoints, "abandonEndpoints"));
}

}  // namespace vethwork::binding
