#include "binding/sockets.hpp"

#include <sys/socket.h>

#include <string>
#include <utility>

#include "binding/convert.hpp"
#include "binding/value_job.hpp"
#include "sys/netns.hpp"
#include "sys/socket.hpp"

namespace vethwork::binding {
namespace {

int family_named(const std::string& name) {
  if (name == "unix") return AF_UNIX;
  return name == "ipv6" ? AF_INET6 : AF_INET;
}

sys::SocketUse use_named(const std::string& name) {
  if (name == "bound") return sys::SocketUse::bound;
  if (name == "listens") return sys::SocketUse::listens;
  return name == "connects" ? sys::SocketUse::connects : sys::SocketUse::none;
}

/// The `SocketPlan` of lib/native.ts, checked by the facade.
sys::SocketPlan plan_argument(const Napi::CallbackInfo& info, std::size_t position) {
  const auto given = info[position].As<Napi::Object>();
  const auto text = [&given](const char* name) {
    const Napi::Value value = given.Get(name);
    return value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string{};
  };
  const auto number = [&given](const char* name) {
    const Napi::Value value = given.Get(name);
    return value.IsNumber() ? value.As<Napi::Number>().Int32Value() : 0;
  };
  return {.family = family_named(text("family")),
          .type = text("type") == "datagram" ? SOCK_DGRAM : SOCK_STREAM,
          .echo = given.Get("echo").ToBoolean(),
          .use = use_named(text("use")),
          .address = text("address"),
          .port = static_cast<std::uint16_t>(number("port")),
          .device = text("device"),
          .backlog = number("backlog"),
          .reuse_address = given.Get("reuseAddress").ToBoolean(),
          .reuse_port = given.Get("reusePort").ToBoolean(),
          .ipv6_only = given.Get("ipv6Only").ToBoolean()};
}

/// openSocket(namespace, plan): Promise<number>, the descriptor, which is the caller's from then on
Napi::Value open_socket(const Napi::CallbackInfo& info) {
  const auto strand = namespace_argument(info, 0);
  return start_on<sys::UniqueFd>(
      info.Env(), *strand,
      [ns = strand->ns(), plan = plan_argument(info, 1)] {
        const sys::Inside inside{ns->get()};
        return sys::open_socket(plan);
      },
      [](Environment& environment, sys::UniqueFd& fd) -> Napi::Value {
        return Napi::Number::New(environment.env(), fd.release());
      });
}

/// socketName(fd, far): { address, port }, or undefined if it is no IPv6 connection
Napi::Value socket_name(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto name = sys::name_of(info[0].As<Napi::Number>().Int32Value(), info[1].ToBoolean());
  if (!name) return env.Undefined();
  const Napi::Object object = Napi::Object::New(env);
  object.Set("address", name->address);
  object.Set("port", name->port);
  return object;
}

}  // namespace

void export_sockets(Napi::Env env, Napi::Object exports) {
  exports.Set("openSocket", Napi::Function::New(env, open_socket, "openSocket"));
  exports.Set("socketName", Napi::Function::New(env, socket_name, "socketName"));
}

}  // namespace vethwork::binding
