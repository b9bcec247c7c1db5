// What a watcher has heard and nobody has taken yet.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>
#include <vector>

#include "rtnl/noun.hpp"
#include "rtnl/record.hpp"

namespace vethwork::rtnl {

/// One thing that a watcher has heard, in the order in which it counts.
struct Heard {
  enum class Kind : std::uint8_t {
    added,     ///< an object that there is now, or that has changed
    replaced,  ///< the same, in the place of the one with the same key (NLM_F_REPLACE)
    removed,   ///< an object that is gone
    begun,     ///< a list of all of a noun begins; it does not know of what is heard from here on
    listed,    ///< an object of the list
    ended,     ///< the list is complete
    interrupted,  ///< the list is not to be believed; another follows
    whole,        ///< of each noun a list is complete, at first and after a loss
  };

  Kind kind;
  const Noun* noun = nullptr;
  Record record{};
};

/// A queue between the listening thread, which fills it, and whoever takes from it.
class Outbox {
 public:
  /// What may wait until the socket is left alone: a few milliseconds' worth of work.
  static constexpr std::size_t kFull = 512;

  struct Taken {
    std::vector<Heard> heard;
    /// There is more to be taken.
    bool more;
    /// The socket was left alone, and the listening thread is to look again.
    bool was_full;
  };

  void put(Heard heard) {
    const std::lock_guard lock{mutex_};
    queue_.push_back(std::move(heard));
  }

  /// The oldest, at most so many.
  Taken take(std::size_t most) {
    const std::lock_guard lock{mutex_};
    Taken taken{.heard = {}, .more = false, .was_full = queue_.size() >= kFull};
    while (!queue_.empty() && taken.heard.size() < most) {
      taken.heard.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    taken.more = !queue_.empty();
    return taken;
  }

  [[nodiscard]] bool empty() const {
    const std::lock_guard lock{mutex_};
    return queue_.empty();
  }
  [[nodiscard]] bool full() const {
    const std::lock_guard lock{mutex_};
    return queue_.size() >= kFull;
  }

 private:
  mutable std::mutex mutex_;
  std::deque<Heard> queue_;
};

}  // namespace vethwork::rtnl
