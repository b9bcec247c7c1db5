// Objects of the facade that stand for something native.
#pragma once

#include <napi.h>

#include <memory>
#include <utility>

namespace vethwork::binding {

/// Makes an object stand for `thing` until the object is collected. The tag keeps other objects
/// from being taken for one of its kind. Throws a TypeError if it stands for something already.
template <typename T>
void attach(Napi::Object instance, const napi_type_tag& tag, std::shared_ptr<T> thing) {
  const Napi::Env env = instance.Env();
  auto box = std::make_unique<std::shared_ptr<T>>(std::move(thing));
  const auto release = [](napi_env, void* data, void*) {
    const std::unique_ptr<std::shared_ptr<T>> owner{static_cast<std::shared_ptr<T>*>(data)};
  };
  if (napi_type_tag_object(env, instance, &tag) != napi_ok ||
      napi_wrap(env, instance, box.get(), release, nullptr, nullptr) != napi_ok) {
    throw Napi::TypeError::New(env, "this object stands for something already");
  }
  static_cast<void>(box.release());
}

/// What an object stands for; null for any other value.
template <typename T>
std::shared_ptr<T> attached(Napi::Env env, Napi::Value value, const napi_type_tag& tag) {
  bool tagged = false;
  void* data = nullptr;
  if (!value.IsObject() || napi_check_object_type_tag(env, value, &tag, &tagged) != napi_ok ||
      !tagged || napi_unwrap(env, value, &data) != napi_ok) {
    return nullptr;
  }
  return *static_cast<std::shared_ptr<T>*>(data);
}

}  // namespace vethwork::binding
