#include "binding/convert.hpp"

#include <cstring>

#include "binding/handle.hpp"
#include "netfilter/nouns.hpp"
#include "rtnl/codec.hpp"
#include "xfrm/nouns.hpp"

namespace vethwork::binding {
namespace {

using rtnl::InvalidArgument;
using Kind = InvalidArgument::Kind;

/// Marks the objects that stand for a namespace, so that no other object is taken for one.
constexpr napi_type_tag kNamespaceTag{.lower = 0x6f3c8de2a1b94d57, .upper = 0x9be0417c52f8d36a};

/// Deeper than any record is; an object that contains itself ends here.
constexpr int kDeepest = 8;

std::string path_to(const std::string& path, const std::string& property) {
  return path.empty() ? property : path + "." + property;
}

std::string path_to(const std::string& path, std::uint32_t position) {
  return path + "[" + std::to_string(position) + "]";
}

rtnl::Value value_from(Napi::Env env, Napi::Value value, const std::string& path, int depth);

rtnl::Value bigint_from(Napi::Value value, const std::string& path) {
  bool lossless = false;
  const std::uint64_t number = value.As<Napi::BigInt>().Uint64Value(&lossless);
  if (!lossless) {
    throw InvalidArgument{Kind::range, path, "must be an integer from 0 to 18446744073709551615"};
  }
  return number;
}

rtnl::Value bytes_from(Napi::Value value, const std::string& path) {
  if (value.As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    throw InvalidArgument{Kind::type, path, "must be a Uint8Array"};
  }
  auto array = value.As<Napi::Uint8Array>();
  netlink::Bytes bytes(array.ByteLength());
  std::memcpy(bytes.data(), array.Data(), bytes.size());
  return bytes;
}

rtnl::Value namespace_from(Napi::Env env, Napi::Value value, const std::string& path) {
  const auto ns = strand_of(env, value)->ns();
  if (!ns) throw InvalidArgument{Kind::type, path, "this namespace handle is closed"};
  return rtnl::Descriptor{.fd = ns->get(), .owner = ns};
}

rtnl::Value list_from(Napi::Env env, Napi::Array array, const std::string& path, int depth) {
  rtnl::List list;
  for (std::uint32_t position = 0; position < array.Length(); ++position) {
    list.push_back(value_from(env, array.Get(position), path_to(path, position), depth + 1));
  }
  return list;
}

rtnl::Record record_from(Napi::Env env, Napi::Object object, const std::string& path, int depth) {
  rtnl::Record record;
  const Napi::Array names = object.GetPropertyNames();
  for (std::uint32_t position = 0; position < names.Length(); ++position) {
    const Napi::Value name = names.Get(position);
    const Napi::Value value = object.Get(name);
    if (value.IsUndefined()) continue;
    const std::string text = name.ToString();
    const std::string place = path_to(path, text);
    auto known = rtnl::known_name(text);
    if (!known) known = netfilter::known_name(text);
    if (!known) known = xfrm::known_name(text);
    if (!known) throw InvalidArgument{Kind::type, place, "unknown property"};
    record.append(*known, value_from(env, value, place, depth + 1));
  }
  return record;
}

rtnl::Value object_from(Napi::Env env, Napi::Value value, const std::string& path, int depth) {
  if (depth > kDeepest) throw InvalidArgument{Kind::type, path, "is nested too deeply"};
  if (value.IsArray()) return list_from(env, value.As<Napi::Array>(), path, depth);
  if (value.IsTypedArray()) return bytes_from(value, path);
  if (strand_of(env, value)) return namespace_from(env, value, path);
  return record_from(env, value.As<Napi::Object>(), path, depth);
}

rtnl::Value value_from(Napi::Env env, Napi::Value value, const std::string& path, int depth) {
  switch (value.Type()) {
    case napi_boolean:
      return value.As<Napi::Boolean>().Value();
    case napi_number:
      return value.As<Napi::Number>().DoubleValue();
    case napi_bigint:
      return bigint_from(value, path);
    case napi_string:
      return value.As<Napi::String>().Utf8Value();
    case napi_object:
      return object_from(env, value, path, depth);
    default:
      throw InvalidArgument{Kind::type, path, "must not be null, a function or a symbol"};
  }
}

Napi::Value list_of(Environment& environment, const rtnl::List& list) {
  const Napi::Array array = Napi::Array::New(environment.env(), list.size());
  std::uint32_t position = 0;
  for (const rtnl::Value& item : list) array.Set(position++, value_of(environment, item));
  return array;
}

/// Calls the overload of its kind for each alternative of a value.
struct Converter {
  Environment& environment;

  Napi::Value operator()(bool value) const { return Napi::Boolean::New(environment.env(), value); }
  Napi::Value operator()(double value) const { return Napi::Number::New(environment.env(), value); }
  Napi::Value operator()(std::uint64_t value) const {
    return Napi::BigInt::New(environment.env(), value);
  }
  Napi::Value operator()(const std::string& value) const {
    return Napi::String::New(environment.env(), value);
  }
  Napi::Value operator()(const netlink::Bytes& value) const {
    auto array = Napi::Uint8Array::New(environment.env(), value.size());
    std::memcpy(array.Data(), value.data(), value.size());
    return array;
  }
  Napi::Value operator()(const rtnl::Descriptor& value) const {
    return Napi::Number::New(environment.env(), value.fd);
  }
  Napi::Value operator()(const rtnl::Record& value) const { return object_of(environment, value); }
  Napi::Value operator()(const rtnl::List& value) const { return list_of(environment, value); }
};

}  // namespace

rtnl::Record record_of(Napi::Env env, Napi::Value value) {
  if (!value.IsObject() || value.IsArray() || value.IsTypedArray() || value.IsFunction()) {
    throw InvalidArgument{Kind::type, "", "the argument must be an object"};
  }
  return record_from(env, value.As<Napi::Object>(), "", 0);
}

Napi::Object object_of(Environment& environment, const rtnl::Record& record) {
  const Napi::Object object = Napi::Object::New(environment.env());
  for (const auto& [name, value] : record.entries()) {
    napi_set_property(environment.env(), object, environment.key(name),
                      value_of(environment, value));
  }
  return object;
}

Napi::Value value_of(Environment& environment, const rtnl::Value& value) {
  return std::visit(Converter{environment}, static_cast<const rtnl::Value::variant&>(value));
}

Napi::Object refusal_object(Napi::Env env, const sys::Refusal& refusal) {
  const Napi::Object object = Napi::Object::New(env);
  object.Set("errno", refusal.error);
  if (!refusal.detail.empty()) object.Set("detail", refusal.detail);
  if (!refusal.field.empty()) object.Set("field", refusal.field);
  if (refusal.allowed) {
    const Napi::Object allowed = Napi::Object::New(env);
    if (const auto min = refusal.allowed->min) allowed.Set("min", Napi::BigInt::New(env, *min));
    if (const auto max = refusal.allowed->max) allowed.Set("max", Napi::BigInt::New(env, *max));
    if (const auto mask = refusal.allowed->mask) {
      allowed.Set("mask", Napi::BigInt::New(env, *mask));
    }
    object.Set("allowed", allowed);
  }
  return object;
}

void throw_to_javascript(Napi::Env env, const InvalidArgument& error) {
  const bool range = error.kind() == Kind::range;
  const Napi::Error made = range ? Napi::Error{Napi::RangeError::New(env, error.what())}
                                 : Napi::Error{Napi::TypeError::New(env, error.what())};
  made.Value().Set("code", range ? "ERR_OUT_OF_RANGE" : "ERR_INVALID_ARG_TYPE");
  made.Value().Set("property", error.path());
  throw Napi::Error{made};
}

void throw_with_code(Napi::Env env, const char* code, const char* message) {
  const Napi::Error made = Napi::TypeError::New(env, message);
  made.Value().Set("code", code);
  throw Napi::Error{made};
}

std::shared_ptr<engine::Strand> namespace_argument(const Napi::CallbackInfo& info,
                                                   std::size_t position) {
  auto strand = strand_of(info.Env(), info[position]);
  if (!strand) throw_to_javascript(info.Env(), {Kind::type, "namespace", "must be a Namespace"});
  return strand;
}

void attach_strand(Napi::Object instance, std::shared_ptr<engine::Strand> strand) {
  attach(instance, kNamespaceTag, std::move(strand));
}

std::shared_ptr<engine::Strand> strand_of(Napi::Env env, Napi::Value value) {
  return attached<engine::Strand>(env, value, kNamespaceTag);
}

}  // namespace vethwork::binding
