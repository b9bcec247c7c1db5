#include "binding/namespace.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "binding/convert.hpp"
#include "binding/value_job.hpp"
#include "sys/netns.hpp"
#include "sys/sysctl.hpp"

namespace vethwork::binding {
namespace {

std::string text_argument(const Napi::CallbackInfo& info, std::size_t position) {
  return info[position].As<Napi::String>().Utf8Value();
}

/// Makes or opens a namespace; `instance`, an object of the facade, stands for it afterwards.
Napi::Value start_attaching(Napi::Object instance, std::function<sys::UniqueFd()> open) {
  using Fd = engine::Strand::Namespace;
  auto held = std::make_shared<Napi::ObjectReference>(Napi::Persistent(instance));
  return start<Fd>(
      instance.Env(),
      [open = std::move(open)] { return std::make_shared<const sys::UniqueFd>(open()); },
      [held](Environment& environment, Fd& fd) -> Napi::Value {
        attach_strand(held->Value(),
                      std::make_shared<engine::Strand>(environment.engine(), std::move(fd)));
        return environment.env().Undefined();
      });
}

struct CreateOptions {
  std::string name;
  bool loopback;
  bool ipv6;
  /// Paths below /proc/sys/net, each with the line that is written.
  std::vector<std::pair<std::string, std::string>> settings;
};

sys::UniqueFd create(const CreateOptions& options) {
  return sys::create_namespace([&options](int fd) {
    // net/ipv6/addrconf.c, addrconf_disable_ipv6(): "all" also sets what later links begin with.
    if (!options.ipv6) sys::write_sysctl("ipv6/conf/all/disable_ipv6", "1");
    sys::write_sysctls(options.settings);
    if (options.loopback) sys::raise_loopback();
    if (!options.name.empty()) sys::bind_name(fd, options.name);
  });
}

/// createNamespace(instance, name, loopback, ipv6, settings): Promise. An empty name leaves it
/// anonymous; settings are paths and lines in turn.
Napi::Value create_namespace(const Napi::CallbackInfo& info) {
  CreateOptions options{.name = text_argument(info, 1),
                        .loopback = info[2].ToBoolean(),
                        .ipv6 = info[3].ToBoolean(),
                        .settings = {}};
  const auto settings = info[4].As<Napi::Array>();
  for (std::uint32_t n = 0; n + 1 < settings.Length(); n += 2) {
    options.settings.emplace_back(settings.Get(n).As<Napi::String>().Utf8Value(),
                                  settings.Get(n + 1).As<Napi::String>().Utf8Value());
  }
  return start_attaching(info[0].As<Napi::Object>(),
                         [options = std::move(options)] { return create(options); });
}

/// openNamespace(instance, path): Promise
Napi::Value open_namespace(const Napi::CallbackInfo& info) {
  return start_attaching(info[0].As<Napi::Object>(),
                         [path = text_argument(info, 1)] { return sys::open_namespace(path); });
}

/// shareNamespace(instance, namespace): void. Both stand for the same handle afterwards.
Napi::Value share_namespace(const Napi::CallbackInfo& info) {
  attach_strand(info[0].As<Napi::Object>(), namespace_argument(info, 1));
  return info.Env().Undefined();
}

/// duplicateNamespace(instance): Promise<number>, after the calls made before it: a descriptor for
/// another program, which the caller gives back
Napi::Value duplicate_namespace(const Napi::CallbackInfo& info) {
  const auto strand = namespace_argument(info, 0);
  return start_on<sys::UniqueFd>(
      info.Env(), *strand, [ns = strand->ns()] { return sys::duplicate_namespace(ns->get()); },
      [](Environment& environment, sys::UniqueFd& fd) -> Napi::Value {
        return Napi::Number::New(environment.env(), fd.release());
      });
}

/// closeDescriptor(number): void. Worker threads warn of what they close without having opened it.
Napi::Value close_descriptor(const Napi::CallbackInfo& info) {
  const sys::UniqueFd owner{info[0].As<Napi::Number>().Int32Value()};
  return info.Env().Undefined();
}

/// closeNamespace(instance): Promise. Closing again is no error and resolves at once.
Napi::Value close_namespace(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto strand = namespace_argument(info, 0);
  auto job = std::make_unique<ValueJob<bool>>(
      env, [] { return true; }, show_nothing);
  const Napi::Promise promise = job->promise();
  Environment& environment = Environment::of(env);
  std::unique_ptr<engine::Job> last = std::move(job);
  environment.started();
  if (!strand->close(last)) environment.engine().run(std::move(last));
  return promise;
}

/// namespaceInode(instance): number; undefined once it is closed
Napi::Value namespace_inode(const Napi::CallbackInfo& info) {
  const auto ns = namespace_argument(info, 0)->ns();
  if (!ns) return info.Env().Undefined();
  return Napi::Number::New(info.Env(), static_cast<double>(sys::namespace_inode(ns->get())));
}

/// listNamespaces(): Promise<string[]>
Napi::Value list_namespaces(const Napi::CallbackInfo& info) {
  using Names = std::vector<std::string>;
  return start<Names>(info.Env(), sys::list_names,
                      [](Environment& environment, Names& names) -> Napi::Value {
                        rtnl::List list{names.begin(), names.end()};
                        return value_of(environment, list);
                      });
}

/// deleteNamespace(name): Promise
Napi::Value delete_namespace(const Napi::CallbackInfo& info) {
  return start<bool>(
      info.Env(),
      [name = text_argument(info, 0)] {
        sys::unbind_name(name);
        return true;
      },
      show_nothing);
}

/// Queues a task that runs inside a namespace, after the calls made before it.
Napi::Value start_inside(const Napi::CallbackInfo& info, std::function<std::string()> work) {
  const auto strand = namespace_argument(info, 0);
  return start_on<std::string>(
      info.Env(), *strand,
      [ns = strand->ns(), work = std::move(work)] {
        const sys::Inside inside{ns->get()};
        return work();
      },
      [](Environment& environment, std::string& text) -> Napi::Value {
        return Napi::String::New(environment.env(), text);
      });
}

/// readSysctl(instance, path): Promise<string>
Napi::Value read_sysctl(const Napi::CallbackInfo& info) {
  return start_inside(info, [path = text_argument(info, 1)] { return sys::read_sysctl(path); });
}

/// writeSysctl(instance, path, value): Promise<string>, the earlier value
Napi::Value write_sysctl(const Napi::CallbackInfo& info) {
  return start_inside(info, [path = text_argument(info, 1), value = text_argument(info, 2)] {
    return sys::write_sysctl(path, value);
  });
}

}  // namespace

void export_namespaces(Napi::Env env, Napi::Object exports) {
  exports.Set("createNamespace", Napi::Function::New(env, create_namespace, "createNamespace"));
  exports.Set("openNamespace", Napi::Function::New(env, open_namespace, "openNamespace"));
  exports.Set("shareNamespace", Napi::Function::New(env, share_namespace, "shareNamespace"));
  exports.Set("duplicateNamespace",
              Napi::Function::New(env, duplicate_namespace, "duplicateNamespace"));
  exports.Set("closeDescriptor", Napi::Function::New(env, close_descriptor, "closeDescriptor"));
  exports.Set("closeNamespace", Napi::Function::New(env, close_namespace, "closeNamespace"));
  exports.Set("namespaceInode", Napi::Function::New(env, namespace_inode, "namespaceInode"));
  exports.Set("listNamespaces", Napi::Function::New(env, list_namespaces, "listNamespaces"));
  exports.Set("deleteNamespace", Napi::Function::New(env, delete_namespace, "deleteNamespace"));
  exports.Set("readSysctl", Napi::Function::New(env, read_sysctl, "readSysctl"));
  exports.Set("writeSysctl", Napi::Function::New(env, write_sysctl, "writeSysctl"));
}

}  // namespace vethwork::binding
