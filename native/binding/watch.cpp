#include "binding/watch.hpp"

#include <array>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "binding/convert.hpp"
#include "binding/handle.hpp"
#include "binding/value_job.hpp"
#include "binding/watches.hpp"
#include "sys/netns.hpp"

namespace vethwork::binding {

namespace {

constexpr napi_type_tag kWatchTag{.lower = 0x7a90c3de15f8462b, .upper = 0xd3518e6fa94c072e};

/// What an object of the facade stands for. A forgotten one is closed when it is collected.
struct Watch {
  std::shared_ptr<Watches> watches;
  std::optional<Watches::Source> source;

  Watch(std::shared_ptr<Watches> all, Watches::Source one)
      : watches(std::move(all)), source(std::move(one)) {}
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() {
    try {
      if (source) watches->remove(*source);
    } catch (const std::exception&) {
      // There is no memory to say so: it is closed at the end of the environment.
    }
  }
};

std::shared_ptr<Watch> watch_argument(const Napi::CallbackInfo& info) {
  return attached<Watch>(info.Env(), info[0], kWatchTag);
}

/// Opens a source and listens to it; `instance` stands for it afterwards.
template <typename Opened>
typename ValueJob<Opened>::Work opening(Napi::Env env, Watches::Id id,
                                        std::function<Opened()> open) {
  return [watches = Environment::of(env).watches(), id, open = std::move(open)] {
    Opened opened = open();
    watches->add(opened, id);
    return opened;
  };
}

template <typename Opened>
typename ValueJob<Opened>::Show attaching(Napi::Object instance) {
  auto held = std::make_shared<Napi::ObjectReference>(Napi::Persistent(instance));
  return [held](Environment& environment, Opened& opened) -> Napi::Value {
    attach(held->Value(), kWatchTag, std::make_shared<Watch>(environment.watches(), opened));
    return environment.env().Undefined();
  };
}

Watches::Id id_argument(const Napi::CallbackInfo& info, std::size_t position) {
  return info[position].As<Napi::Number>().Uint32Value();
}

/// hearBy(wake: () => void): void. Called when there is something to be taken, and not again until
/// takeHeard has returned all of it.
Napi::Value hear_by(const Napi::CallbackInfo& info) {
  auto& watches = Environment::of(info.Env()).watches();
  if (!watches) watches = std::make_shared<Watches>(info.Env(), info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

/// { nouns: string[], receiveBuffer, routeTable }, checked by the facade
rtnl::WatchOptions options_argument(const Napi::CallbackInfo& info, std::size_t position) {
  const auto given = info[position].As<Napi::Object>();
  rtnl::WatchOptions options{
      .nouns = 0,
      .receive_queue = given.Get("receiveBuffer").As<Napi::Number>().Int32Value(),
      .route_table = given.Get("routeTable").As<Napi::Number>().Uint32Value()};
  const auto nouns = given.Get("nouns").As<Napi::Array>();
  for (std::uint32_t place = 0; place < nouns.Length(); ++place) {
    options.nouns |= rtnl::watched_noun(nouns.Get(place).As<Napi::String>().Utf8Value());
  }
  return options;
}

/// openWatch(instance, namespace, id, options): Promise. Resolved when everything is listed: what
/// the calls made afterwards do, is heard as events.
Napi::Value open_watch(const Napi::CallbackInfo& info) {
  using Opened = std::shared_ptr<rtnl::Watcher>;
  const auto strand = namespace_argument(info, 1);
  const auto open = [ns = strand->ns(), options = options_argument(info, 3)] {
    Opened watcher;
    {
      const sys::Inside inside{ns->get()};
      watcher = std::make_shared<rtnl::Watcher>(options);
    }
    watcher->list_first();
    return watcher;
  };
  return start_on<Opened>(info.Env(), *strand,
                          opening<Opened>(info.Env(), id_argument(info, 2), open),
                          attaching<Opened>(info[0].As<Napi::Object>()));
}

/// openMountWatch(instance, id): Promise
Napi::Value open_mount_watch(const Napi::CallbackInfo& info) {
  using Opened = std::shared_ptr<sys::MountTable>;
  const auto open = [] { return std::make_shared<sys::MountTable>(); };
  return start<Opened>(info.Env(), opening<Opened>(info.Env(), id_argument(info, 1), open),
                       attaching<Opened>(info[0].As<Napi::Object>()));
}

constexpr std::array<const char*, 8> kKinds{"added",  "replaced", "removed",     "begun",
                                            "listed", "ended",    "interrupted", "whole"};

/// The script's view of what was heard, appended to an array.
class HeardList {
 public:
  explicit HeardList(Environment& environment)
      : environment_(environment), array_(Napi::Array::New(environment.env())) {}

  void append(Watches::Id id, const char* kind, const rtnl::Noun* noun = nullptr,
              const rtnl::Record* record = nullptr) {
    const Napi::HandleScope scope{environment_.env()};
    const Napi::Object object = Napi::Object::New(environment_.env());
    object.Set("watch", id);
    object.Set("kind", kind);
    if (noun != nullptr) object.Set("noun", std::string{noun->name});
    if (record != nullptr) object.Set("record", object_of(environment_, *record));
    array_.Set(size_++, object);
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] Napi::Array array() const { return array_; }

 private:
  Environment& environment_;
  Napi::Array array_;
  std::uint32_t size_ = 0;
};

void take_mounts(const Watches::Ready& ready, HeardList& list) {
  const auto& mounts = std::get<std::shared_ptr<sys::MountTable>>(ready.source);
  if (mounts->take_changed()) list.append(ready.id, "mounts");
}

/// Takes from one watcher, and puts it back if it has more.
void take_from(Watches& watches, const Watches::Ready& ready, std::size_t most, HeardList& list) {
  const auto& watcher = std::get<std::shared_ptr<rtnl::Watcher>>(ready.source);
  const auto taken = watcher->take(most);
  for (const rtnl::Heard& heard : taken.heard) {
    const bool has_record = !heard.record.entries().empty();
    list.append(ready.id, kKinds.at(static_cast<std::size_t>(heard.kind)), heard.noun,
                has_record ? &heard.record : nullptr);
  }
  if (taken.was_full) watches.listening().revisit(watcher);
  if (taken.more) watches.put_ready(watcher);
}

/// takeHeard(most): { watch, kind, noun?, record? }[]; empty when all is taken
Napi::Value take_heard(const Napi::CallbackInfo& info) {
  Environment& environment = Environment::of(info.Env());
  const auto watches = environment.watches();
  const std::uint32_t most = info[0].As<Napi::Number>().Uint32Value();
  HeardList list{environment};
  while (list.size() < most) {
    const auto ready = watches->next_ready();
    if (!ready) break;
    if (std::holds_alternative<std::shared_ptr<sys::MountTable>>(ready->source)) {
      take_mounts(*ready, list);
    } else {
      take_from(*watches, *ready, most - list.size(), list);
    }
  }
  return list.array();
}

/// listAgain(instance, noun): void
Napi::Value list_again(const Napi::CallbackInfo& info) {
  const auto watch = watch_argument(info);
  if (!watch || !watch->source) return info.Env().Undefined();
  const auto& watcher = std::get<std::shared_ptr<rtnl::Watcher>>(*watch->source);
  watcher->list_again(rtnl::watched_noun(info[1].As<Napi::String>().Utf8Value()));
  watch->watches->listening().revisit(watcher);
  return info.Env().Undefined();
}

/// closeWatch(instance): Promise. Resolved when its descriptor is closed.
Napi::Value close_watch(const Napi::CallbackInfo& info) {
  const auto watch = watch_argument(info);
  if (!watch || !watch->source)
    return start<bool>(
        info.Env(), [] { return true; }, show_nothing);
  const Watches::Source source = *std::exchange(watch->source, std::nullopt);
  watch->watches->remove(source);
  return start<bool>(
      info.Env(),
      [watches = watch->watches, listener = Watches::listener_of(source)]() mutable {
        watches->listening().wait_until_gone(listener);
        listener.reset();
        return true;
      },
      show_nothing);
}

/// namedNamespaces(): Promise<{ name, inode }[]>
Napi::Value named_namespaces(const Napi::CallbackInfo& info) {
  using Named = std::vector<std::pair<std::string, std::uint64_t>>;
  return start<Named>(
      info.Env(),
      [] {
        Named named;
        for (const std::string& name : sys::list_names()) {
          try {
            const auto fd = sys::open_namespace(std::string{sys::kNamesDirectory} + "/" + name);
            named.emplace_back(name, sys::namespace_inode(fd.get()));
          } catch (const sys::Refused& refused) {
            // It has gone since it was listed.
            if (refused.refusal.error != ENOENT && refused.refusal.error != EINVAL) throw;
          }
        }
        return named;
      },
      [](Environment& environment, Named& named) -> Napi::Value {
        const Napi::Array array = Napi::Array::New(environment.env(), named.size());
        std::uint32_t position = 0;
        for (const auto& [name, inode] : named) {
          const Napi::Object object = Napi::Object::New(environment.env());
          object.Set("name", name);
          object.Set("inode", static_cast<double>(inode));
          array.Set(position++, object);
        }
        return array;
      });
}

}  // namespace

void export_watches(Napi::Env env, Napi::Object exports) {
  exports.Set("hearBy", Napi::Function::New(env, hear_by, "hearBy"));
  exports.Set("openWatch", Napi::Function::New(env, open_watch, "openWatch"));
  exports.Set("openMountWatch", Napi::Function::New(env, open_mount_watch, "openMountWatch"));
  exports.Set("takeHeard", Napi::Function::New(env, take_heard, "takeHeard"));
  exports.Set("listAgain", Napi::Function::New(env, list_again, "listAgain"));
  exports.Set("closeWatch", Napi::Function::New(env, close_watch, "closeWatch"));
  exports.Set("namedNamespaces", Napi::Function::New(env, named_namespaces, "namedNamespaces"));
}

}  // namespace vethwork::binding
