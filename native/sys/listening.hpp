// One thread that listens for many: sockets that hear of changes, the mount table.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "sys/poller.hpp"

namespace vethwork::sys {

/// Something that hears. All but the constructor and destructor is called on the listening thread,
/// `full` and `has_news` included.
class Listener {
 public:
  using Clock = std::chrono::steady_clock;

  Listener() = default;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  virtual ~Listener() = default;

  [[nodiscard]] virtual int descriptor() const = 0;
  [[nodiscard]] virtual Poller::For awaits() const { return Poller::For::data; }

  /// The descriptor is ready. Reads some, so that the others have their turn soon.
  virtual void read() = 0;

  /// Does what is due, and says when it wants to be called again.
  virtual std::optional<Clock::time_point> tend(Clock::time_point /*now*/) { return std::nullopt; }

  /// True while nothing more is to be read, until somebody has taken something.
  [[nodiscard]] virtual bool full() const { return false; }

  /// True if there is something to be taken.
  [[nodiscard]] virtual bool has_news() const = 0;
};

/// The thread. It runs as long as there is a listener.
class Listening {
 public:
  /// Called on the thread for a listener that has news, again and again until they are taken.
  using News = std::function<void(const std::shared_ptr<Listener>&)>;

  explicit Listening(News news) : news_(std::move(news)) {}
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
  ~Listening() { stop(); }

  /// Serves a listener from now on. Does nothing after `stop`. Throws `Refused`.
  void add(const std::shared_ptr<Listener>& listener);

  /// Looks at a listener again, because something of it was taken or asked for.
  void revisit(const std::shared_ptr<Listener>& listener);

  /// Serves a listener no more; `wait_until_gone` waits for what the thread does with it.
  void remove(const std::shared_ptr<Listener>& listener);
  void wait_until_gone(const std::shared_ptr<Listener>& listener);

  /// Ends the thread.
  void stop();

 private:
  enum class Change : std::uint8_t { add, revisit, remove };
  struct Place {
    std::shared_ptr<Listener> listener;
    bool polled = false;
  };

  void post(Change change, const std::shared_ptr<Listener>& listener);
  void serve();
  /// Takes in what other threads want; false if nothing is left to serve.
  bool take_changes();
  void wait_and_read();
  void tend_due();
  void look_after(Place& place);

  News news_;
  std::mutex mutex_;
  std::condition_variable gone_;
  std::vector<std::pair<Change, std::shared_ptr<Listener>>> changes_;
  std::unordered_set<const Listener*> served_;
  std::unique_ptr<Poller> poller_;
  bool stopping_ = false;
  std::thread thread_;

  // The thread's own.
  std::unordered_map<const Listener*, Place> places_;
  std::unordered_map<const Listener*, Listener::Clock::time_point> due_;
};

}  // namespace vethwork::sys
