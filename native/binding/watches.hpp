// The sources that an environment listens to, and which of them have something to be taken.
#pragma once

#include <napi.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <variant>

#include "rtnl/watcher.hpp"
#include "sys/listening.hpp"
#include "sys/mount_table.hpp"

namespace vethwork::binding {

/// One listening thread for all of an environment's watchers. It tells the script once that there
/// is something, and again when the script has taken everything and more comes.
class Watches {
 public:
  /// The script's number for a source.
  using Id = std::uint32_t;
  /// What is listened to.
  using Source = std::variant<std::shared_ptr<rtnl::Watcher>, std::shared_ptr<sys::MountTable>>;
  struct Ready {
    Id id;
    Source source;
  };

  /// `wake` is called, without arguments, when there is something to be taken.
  Watches(Napi::Env env, Napi::Function wake);

  static std::shared_ptr<sys::Listener> listener_of(const Source& source);

  void add(const Source& source, Id id);
  void remove(const Source& source);

  /// The source whose turn it is, if any has news; a later one wakes the script again.
  std::optional<Ready> next_ready();
  /// Puts what has news at the end of the queue.
  void put_ready(const std::shared_ptr<sys::Listener>& listener);

  sys::Listening& listening() { return listening_; }

 private:
  struct Known {
    Ready next;
    bool ready;
  };

  void stop();

  Napi::ThreadSafeFunction wake_;
  std::mutex mutex_;
  std::unordered_map<const sys::Listener*, Known> known_;
  std::deque<Ready> ready_;
  bool woken_ = false;
  sys::Listening listening_;
};

}  // namespace vethwork::binding
