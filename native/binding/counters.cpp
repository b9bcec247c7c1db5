#include "binding/counters.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "binding/convert.hpp"
#include "binding/handle.hpp"
#include "binding/value_job.hpp"
#include "rtnl/sampler.hpp"
#include "sys/netns.hpp"

namespace vethwork::binding {
namespace {

constexpr napi_type_tag kCountersTag{.lower = 0x2c5ed08b7f194ae3, .upper = 0xb1a9637de40f4c58};
constexpr napi_type_tag kSamplerTag{.lower = 0x90d1f4c63b2e487a, .upper = 0x8e75ac1203d94bf6};

constexpr const char* kClosed = "the counter reader is closed";

/// A reader, what it has read last, and buffers that are not in use.
struct Counters {
  std::shared_ptr<rtnl::CounterReader> reader;
  std::uint64_t time = 0;
  std::vector<std::vector<std::uint64_t>> spare{};
};

/// A sampler and the memory that it writes into.
struct SamplerHandle {
  std::shared_ptr<rtnl::Sampler> sampler;
  Napi::ObjectReference memory;
};

std::shared_ptr<Counters> counters_argument(const Napi::CallbackInfo& info) {
  auto counters = attached<Counters>(info.Env(), info[0], kCountersTag);
  if (!counters || !counters->reader) {
    throw Napi::TypeError::New(info.Env(), kClosed);
  }
  return counters;
}

std::shared_ptr<SamplerHandle> sampler_argument(const Napi::CallbackInfo& info) {
  auto handle = attached<SamplerHandle>(info.Env(), info[0], kSamplerTag);
  if (!handle || !handle->sampler) throw Napi::TypeError::New(info.Env(), "the sampler is closed");
  return handle;
}

/// The memory of a BigUint64Array. By Node-API itself: it is asked once here, by the wrapper's
/// accessors thrice.
std::span<std::uint64_t> words_argument(const Napi::CallbackInfo& info, std::size_t position) {
  napi_typedarray_type type{};
  std::size_t length = 0;
  void* data = nullptr;
  const auto status =
      napi_get_typedarray_info(info.Env(), info[position], &type, &length, &data, nullptr, nullptr);
  if (status != napi_ok || type != napi_biguint64_array) {
    throw_to_javascript(info.Env(),
                        {rtnl::InvalidArgument::Kind::type, "into", "must be a BigUint64Array"});
  }
  return {static_cast<std::uint64_t*>(data), length};
}

/// Whether a script could take an array's memory away: not that of a SharedArrayBuffer.
bool detachable(Napi::Value array) {
  return array.As<Napi::TypedArray>().ArrayBuffer().IsArrayBuffer();
}

std::optional<std::uint32_t> number_in(const Napi::Object& options, const char* name) {
  const Napi::Value value = options.Get(name);
  if (!value.IsNumber()) return std::nullopt;
  return value.As<Napi::Number>().Uint32Value();
}

/// { indexes?: Uint32Array, group?, master?, proc?, farEnds? }, checked by the facade
rtnl::CounterOptions options_argument(const Napi::CallbackInfo& info, std::size_t position) {
  const auto given = info[position].As<Napi::Object>();
  rtnl::CounterOptions options;
  options.selection.group = number_in(given, "group");
  options.selection.master = number_in(given, "master");
  if (given.Get("indexes").IsTypedArray()) {
    auto indexes = given.Get("indexes").As<Napi::Uint32Array>();
    options.selection.indexes.emplace(indexes.Data(), indexes.Data() + indexes.ElementLength());
  }
  if (given.Get("proc").ToBoolean()) options.source = rtnl::CounterSource::proc;
  options.far_ends = given.Get("farEnds").ToBoolean();
  return options;
}

/// Opens a reader inside a namespace, on a worker.
std::function<std::shared_ptr<rtnl::CounterReader>()> opener(const engine::Strand& strand,
                                                             rtnl::CounterOptions options) {
  return [ns = strand.ns(), options = std::move(options)] {
    const sys::Inside inside{ns->get()};
    return std::make_shared<rtnl::CounterReader>(options);
  };
}

/// openCounters(instance, namespace, options): Promise
Napi::Value open_counters(const Napi::CallbackInfo& info) {
  using Reader = std::shared_ptr<rtnl::CounterReader>;
  auto instance =
      std::make_shared<Napi::ObjectReference>(Napi::Persistent(info[0].As<Napi::Object>()));
  const auto strand = namespace_argument(info, 1);
  return start_on<Reader>(info.Env(), *strand, opener(*strand, options_argument(info, 2)),
                          [instance](Environment& environment, Reader& reader) -> Napi::Value {
                            auto counters = std::make_shared<Counters>();
                            counters->reader = std::move(reader);
                            attach(instance->Value(), kCountersTag, std::move(counters));
                            return environment.env().Undefined();
                          });
}

[[noreturn]] void throw_refusal(Napi::Env env, const sys::Refusal& refusal) {
  throw Napi::Error{env, refusal_object(env, refusal)};
}

/// A sweep on a worker. Memory that a script can take away meanwhile is written when it is done.
struct Reading {
  std::vector<std::uint64_t> words;
  rtnl::Sweep sweep;
};

/// readCounters(instance, namespace, into): Promise<number>, the rows; more than `into` has room
/// for: nothing was written
Napi::Value read_counters(const Napi::CallbackInfo& info) {
  const auto counters = counters_argument(info);
  const auto strand = namespace_argument(info, 1);
  const std::span<std::uint64_t> into = words_argument(info, 2);
  const bool copies = detachable(info[2]);
  auto owner =
      std::make_shared<Napi::ObjectReference>(Napi::Persistent(info[2].As<Napi::Object>()));
  std::vector<std::uint64_t> words;
  if (copies) {
    if (!counters->spare.empty()) {
      words = std::move(counters->spare.back());
      counters->spare.pop_back();
    }
    words.resize(into.size());
  }
  return start_on<Reading>(
      info.Env(), *strand,
      [reader = counters->reader, into, copies,
       box = std::make_shared<std::vector<std::uint64_t>>(std::move(words))]() mutable {
        Reading reading{.words = std::move(*box), .sweep = {}};
        reading.sweep = reader->sweep(copies ? std::span{reading.words} : into);
        return reading;
      },
      [counters, owner](Environment& environment, Reading& reading) -> Napi::Value {
        if (!reading.words.empty()) {
          auto array = owner->Value().As<Napi::BigUint64Array>();
          const std::size_t wanted = reading.sweep.rows * rtnl::kCounterColumns;
          if (wanted <= array.ElementLength() && wanted <= reading.words.size()) {
            std::copy_n(reading.words.begin(), wanted, array.Data());
          }
          counters->spare.push_back(std::move(reading.words));
        }
        counters->time = reading.sweep.time;
        return Napi::Number::New(environment.env(), static_cast<double>(reading.sweep.rows));
      });
}

/// counterSweeper(instance): (into) => number, a sweep on the calling thread. Bound to its reader,
/// because looking that up takes as long as a system call.
Napi::Value counter_sweeper(const Napi::CallbackInfo& info) {
  const auto sweep = [counters = counters_argument(info)](const Napi::CallbackInfo& call) {
    if (!counters->reader) throw Napi::TypeError::New(call.Env(), kClosed);
    try {
      const rtnl::Sweep swept = counters->reader->sweep(words_argument(call, 0));
      counters->time = swept.time;
      return Napi::Number::New(call.Env(), static_cast<double>(swept.rows));
    } catch (const sys::Refused& refused) {
      throw_refusal(call.Env(), refused.refusal);
    }
  };
  return Napi::Function::New(info.Env(), sweep, "sweep");
}

/// counterTime(instance): bigint
Napi::Value counter_time(const Napi::CallbackInfo& info) {
  return Napi::BigInt::New(info.Env(), counters_argument(info)->time);
}

Napi::Value show_indexes(Napi::Env env, rtnl::CounterReader& reader) {
  const auto indexes = reader.indexes();
  auto array = Napi::Uint32Array::New(env, indexes.size());
  std::copy(indexes.begin(), indexes.end(), array.Data());
  return array;
}

Napi::Value show_changes(Napi::Env env, rtnl::CounterReader& reader) {
  if (!reader.changed()) return env.Undefined();
  const Napi::Array array = Napi::Array::New(env);
  std::uint32_t position = 0;
  for (const rtnl::RosterChange& change : reader.take_changes()) {
    const Napi::Object object = Napi::Object::New(env);
    object.Set("type", change.added ? "added" : "removed");
    object.Set("row", change.row);
    object.Set("index", change.index);
    object.Set("name", change.name);
    array.Set(position++, object);
  }
  return array;
}

/// counterIndexes(instance): Uint32Array, 0 where a row is free
Napi::Value counter_indexes(const Napi::CallbackInfo& info) {
  return show_indexes(info.Env(), *counters_argument(info)->reader);
}

/// counterChanges(instance): { type, row, index, name }[], or undefined if there are none
Napi::Value counter_changes(const Napi::CallbackInfo& info) {
  return show_changes(info.Env(), *counters_argument(info)->reader);
}

/// closeCounters(instance): void. A sweep in progress ends by itself.
Napi::Value close_counters(const Napi::CallbackInfo& info) {
  const auto counters = attached<Counters>(info.Env(), info[0], kCountersTag);
  if (counters) counters->reader.reset();
  return info.Env().Undefined();
}

/// openSampler(instance, namespace, options, periodMs): Promise
Napi::Value open_sampler(const Napi::CallbackInfo& info) {
  using Reader = std::shared_ptr<rtnl::CounterReader>;
  auto instance =
      std::make_shared<Napi::ObjectReference>(Napi::Persistent(info[0].As<Napi::Object>()));
  const auto strand = namespace_argument(info, 1);
  const auto period =
      std::chrono::microseconds{std::llround(info[3].As<Napi::Number>().DoubleValue() * 1000)};
  return start_on<Reader>(
      info.Env(), *strand, opener(*strand, options_argument(info, 2)),
      [instance, period](Environment& environment, Reader& reader) -> Napi::Value {
        auto handle = std::make_shared<SamplerHandle>();
        handle->sampler = std::make_shared<rtnl::Sampler>(std::move(reader), period);
        attach(instance->Value(), kSamplerTag, std::move(handle));
        return environment.env().Undefined();
      });
}

/// writeSamplesTo(instance, memory: BigUint64Array, capacity): void. Of a SharedArrayBuffer, since
/// no script can detach that.
Napi::Value write_samples_to(const Napi::CallbackInfo& info) {
  const auto handle = sampler_argument(info);
  const auto capacity = static_cast<std::size_t>(info[2].As<Napi::Number>().Int64Value());
  try {
    handle->sampler->write_to(rtnl::SampleMemory{words_argument(info, 1), capacity});
  } catch (const sys::Refused& refused) {
    throw_refusal(info.Env(), refused.refusal);
  }
  handle->memory = Napi::Persistent(info[1].As<Napi::Object>());
  return info.Env().Undefined();
}

/// samplerRows(instance): number, the rows that the last sweep wanted. Throws why sampling ended.
Napi::Value sampler_rows(const Napi::CallbackInfo& info) {
  const auto handle = sampler_argument(info);
  if (const auto refusal = handle->sampler->refusal()) throw_refusal(info.Env(), *refusal);
  return Napi::Number::New(info.Env(), static_cast<double>(handle->sampler->rows_wanted()));
}

/// samplerIndexes(instance): Uint32Array, 0 where a row is free
Napi::Value sampler_indexes(const Napi::CallbackInfo& info) {
  return show_indexes(info.Env(), sampler_argument(info)->sampler->reader());
}

/// samplerChanges(instance): as counterChanges
Napi::Value sampler_changes(const Napi::CallbackInfo& info) {
  return show_changes(info.Env(), sampler_argument(info)->sampler->reader());
}

/// closeSampler(instance): Promise. Resolved when the thread has ended.
Napi::Value close_sampler(const Napi::CallbackInfo& info) {
  auto handle = attached<SamplerHandle>(info.Env(), info[0], kSamplerTag);
  auto sampler = handle ? std::exchange(handle->sampler, nullptr) : nullptr;
  return start<bool>(
      info.Env(),
      [sampler = std::move(sampler)] {
        if (sampler) sampler->stop();
        return true;
      },
      // The memory is kept until here: the thread may have been writing into it.
      [handle](Environment& environment, bool&) -> Napi::Value {
        if (handle) handle->memory.Reset();
        return environment.env().Undefined();
      });
}

}  // namespace

void export_counters(Napi::Env env, Napi::Object exports) {
  exports.Set("openCounters", Napi::Function::New(env, open_counters, "openCounters"));
  exports.Set("readCounters", Napi::Function::New(env, read_counters, "readCounters"));
  exports.Set("counterSweeper", Napi::Function::New(env, counter_sweeper, "counterSweeper"));
  exports.Set("counterTime", Napi::Function::New(env, counter_time, "counterTime"));
  exports.Set("counterIndexes", Napi::Function::New(env, counter_indexes, "counterIndexes"));
  exports.Set("counterChanges", Napi::Function::New(env, counter_changes, "counterChanges"));
  exports.Set("closeCounters", Napi::Function::New(env, close_counters, "closeCounters"));
  exports.Set("openSampler", Napi::Function::New(env, open_sampler, "openSampler"));
  exports.Set("writeSamplesTo", Napi::Function::New(env, write_samples_to, "writeSamplesTo"));
  exports.Set("samplerRows", Napi::Function::New(env, sampler_rows, "samplerRows"));
  exports.Set("samplerIndexes", Napi::Function::New(env, sampler_indexes, "samplerIndexes"));
  exports.Set("samplerChanges", Napi::Function::New(env, sampler_changes, "samplerChanges"));
  exports.Set("closeSampler", Napi::Function::New(env, close_sampler, "closeSampler"));
}

}  // namespace vethwork::binding
