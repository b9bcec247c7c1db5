// JavaScript values to records and back. Knows no tables: what a property may be, the codec says.
#pragma once

#include <napi.h>

#include <memory>

#include "binding/environment.hpp"
#include "engine/strand.hpp"
#include "rtnl/record.hpp"
#include "sys/refusal.hpp"

namespace vethwork::binding {

/// Reads a plain object. Properties that are undefined count as absent. Throws
/// `rtnl::InvalidArgument`; a getter's own exception passes through.
rtnl::Record record_of(Napi::Env env, Napi::Value value);

Napi::Object object_of(Environment& environment, const rtnl::Record& record);
Napi::Value value_of(Environment& environment, const rtnl::Value& value);

/// What the facade makes a NetlinkError of: { errno, detail, field, allowed }.
Napi::Object refusal_object(Napi::Env env, const sys::Refusal& refusal);

/// Throws an InvalidArgument as a TypeError or RangeError with `code` and `property`.
[[noreturn]] void throw_to_javascript(Napi::Env env, const rtnl::InvalidArgument& error);

/// Throws a TypeError with a `code`.
[[noreturn]] void throw_with_code(Napi::Env env, const char* code, const char* message);

/// The namespace that an argument stands for. Throws a TypeError with a `code` for any other value.
std::shared_ptr<engine::Strand> namespace_argument(const Napi::CallbackInfo& info,
                                                   std::size_t position);

/// Makes an object of the facade stand for a namespace.
void attach_strand(Napi::Object instance, std::shared_ptr<engine::Strand> strand);

/// The strand of such an object; null for any other value.
std::shared_ptr<engine::Strand> strand_of(Napi::Env env, Napi::Value value);

}  // namespace vethwork::binding
