#include "binding/request.hpp"

#include <linux/netlink.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "binding/convert.hpp"
#include "binding/request_job.hpp"
#include "netfilter/nouns.hpp"
#include "xfrm/nouns.hpp"

namespace vethwork::binding {
namespace {

const rtnl::Operation& operation_named(Napi::Env env, Napi::Value name) {
  const auto* operation = rtnl::find_operation(name.As<Napi::String>().Utf8Value());
  if (operation == nullptr) throw Napi::TypeError::New(env, "no such operation");
  return *operation;
}

/// A room whose names the codec is asked for with its own name before them.
struct CodedRoom {
  std::string_view prefix;
  const rtnl::Operation* (*find_operation)(std::string_view name);
  const rtnl::Noun* (*find_noun)(std::string_view name);
};
constexpr CodedRoom kRtnetlink{
    .prefix = "", .find_operation = rtnl::find_operation, .find_noun = rtnl::find_noun};
constexpr std::array kCodedRooms{
    CodedRoom{.prefix = "netfilter.",
              .find_operation = netfilter::find_operation,
              .find_noun = netfilter::find_noun},
    CodedRoom{
        .prefix = "xfrm.", .find_operation = xfrm::find_operation, .find_noun = xfrm::find_noun},
};

const CodedRoom& room_of(std::string_view name) {
  const auto room = std::ranges::find_if(
      kCodedRooms, [name](const CodedRoom& one) { return name.starts_with(one.prefix); });
  return room == kCodedRooms.end() ? kRtnetlink : *room;
}

const rtnl::Operation& coded_operation(Napi::Env env, Napi::Value name) {
  const std::string text = name.As<Napi::String>().Utf8Value();
  const CodedRoom& room = room_of(text);
  const auto* operation = room.find_operation(text.substr(room.prefix.size()));
  if (operation == nullptr) throw Napi::TypeError::New(env, "no such operation");
  return *operation;
}

const rtnl::Noun& coded_noun(Napi::Env env, Napi::Value name) {
  const std::string text = name.As<Napi::String>().Utf8Value();
  const CodedRoom& room = room_of(text);
  const auto* noun = room.find_noun(text.substr(room.prefix.size()));
  if (noun == nullptr) throw Napi::TypeError::New(env, "no such noun");
  return *noun;
}

netlink::BytesView bytes_of_argument(Napi::Value value) {
  auto array = value.As<Napi::Uint8Array>();
  return std::as_bytes(std::span{array.Data(), array.ByteLength()});
}

rtnl::Encoded encode_arguments(Napi::Env env, const rtnl::Operation& operation,
                               Napi::Value record) {
  try {
    return rtnl::encode(operation, record_of(env, record));
  } catch (const rtnl::InvalidArgument& error) {
    throw_to_javascript(env, error);
  } catch (const std::length_error&) {
    throw_to_javascript(env,
                        {rtnl::InvalidArgument::Kind::range, "", "the arguments are too long"});
  }
}

/// request(namespace, operation, record, token?: Int32Array): Promise
Napi::Value request(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto strand = namespace_argument(info, 0);
  const rtnl::Operation& operation = operation_named(env, info[1]);

  auto job =
      std::make_unique<RequestJob>(env, operation, encode_arguments(env, operation, info[2]));
  if (info[3].IsTypedArray()) job->drop_by(info[3].As<Napi::Int32Array>());
  const Napi::Promise promise = job->promise();
  const auto lane = operation.pace == rtnl::Pace::slow ? engine::Lane::slow : engine::Lane::quick;
  submit(Environment::of(env), *strand, lane, std::move(job));
  return promise;
}

/// encode(operation, record): Uint8Array, from the nlmsghdr on
Napi::Value encode(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto encoded = encode_arguments(env, coded_operation(env, info[0]), info[1]);
  auto array = Napi::Uint8Array::New(env, encoded.message.size());
  std::memcpy(array.Data(), encoded.message.data(), encoded.message.size());
  return array;
}

/// decode(noun, bytes): object, or undefined if the bytes are malformed
Napi::Value decode(const Napi::CallbackInfo& info) {
  const auto record = rtnl::decode(coded_noun(info.Env(), info[0]), bytes_of_argument(info[1]));
  if (!record) return info.Env().Undefined();
  return object_of(Environment::of(info.Env()), *record);
}

/// print(noun, bytes): string
Napi::Value print(const Napi::CallbackInfo& info) {
  return Napi::String::New(
      info.Env(), rtnl::print(coded_noun(info.Env(), info[0]), bytes_of_argument(info[1])));
}

Napi::Value schema(const Napi::CallbackInfo& info) {
  rtnl::Record all = rtnl::schema();
  all.append("netfilter", rtnl::schema_of(netfilter::nouns(), netfilter::operations()));
  all.append("xfrm", rtnl::schema_of(xfrm::nouns(), xfrm::operations()));
  return object_of(Environment::of(info.Env()), all);
}

}  // namespace

void export_requests(Napi::Env env, Napi::Object exports) {
  exports.Set("request", Napi::Function::New(env, request, "request"));
  exports.Set("encode", Napi::Function::New(env, encode, "encode"));
  exports.Set("decode", Napi::Function::New(env, decode, "decode"));
  exports.Set("print", Napi::Function::New(env, print, "print"));
  exports.Set("schema", Napi::Function::New(env, schema, "schema"));
}

}  // namespace vethwork::binding
