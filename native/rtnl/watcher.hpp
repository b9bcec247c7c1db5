// One watcher of a namespace: hears of changes and lists what there is, in one true order.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <optional>
#include <set>

#include "netlink/subscription.hpp"
#include "rtnl/outbox.hpp"
#include "rtnl/watched.hpp"
#include "sys/listening.hpp"

namespace vethwork::rtnl {

struct WatchOptions {
  NounSet nouns = 0;
  /// Bytes.
  int receive_queue = 0;
  /// Only routes of this table; 0: of all.
  std::uint32_t route_table = 0;
};

/// A subscription, and who asks for lists by it.
///
/// What it hears waits in an outbox. When that is full the socket is left alone, until the kernel
/// drops messages (ENOBUFS): then everything is listed again. So memory is bounded, and the list
/// comes by the same queue as the events, which tell it apart from what happens afterwards.
///
/// The kernel tells of a change before, while or after it makes it, but always with its rtnl lock
/// held (IPv6 routes and neighbours aside, of which it tells afterwards). A list is read without
/// that lock. So before each list something is asked that takes it: all that was heard before the
/// answer is done, and what is heard after it is newer than the list or the same.
class Watcher final : public sys::Listener {
 public:
  /// Opens its socket in the calling thread's namespace. Throws `sys::Refused`.
  explicit Watcher(const WatchOptions& options);

  /// Lists everything, on the calling thread; the rest is the listening thread's. Gives up where
  /// lists keep being interrupted, which the listening thread then goes on with.
  void list_first();

  [[nodiscard]] int descriptor() const override { return subscription_.descriptor(); }
  void read() override;
  std::optional<Clock::time_point> tend(Clock::time_point now) override;
  [[nodiscard]] bool full() const override { return listening_ && outbox_.full(); }
  [[nodiscard]] bool has_news() const override { return !outbox_.empty(); }

  /// On any thread: the oldest of what was heard, at most so much.
  Outbox::Taken take(std::size_t most) { return outbox_.take(most); }
  /// On any thread: has a noun listed again, because something heard of it did not make sense.
  void list_again(NounSet nouns) { wishes_ |= nouns; }

 private:
  enum class Asking : std::uint8_t { nothing, lock, list, link };

  void tell(Heard::Kind kind, const Noun* noun = nullptr, Record record = {});
  void hear(netlink::BytesView message);
  void hear_event(netlink::BytesView message);
  void hear_answer(netlink::BytesView message);
  void tell_record(const WatchedNoun& row, Heard::Kind kind, netlink::BytesView message);
  [[nodiscard]] bool is_watched(const WatchedNoun& row, netlink::BytesView body,
                                const Record& record) const;
  void hear_loss();
  void note_state(Heard::Kind kind, netlink::BytesView body);

  void ask_next(Clock::time_point now);
  void ask_for_link(std::uint32_t index, Asking asking);
  void begin_list();
  void end_asking(int error);
  void end_list(int error);
  /// Asks for something to have an answer, which makes a list that hangs go on.
  void nudge(Clock::time_point now);
  [[nodiscard]] std::optional<std::size_t> next_stale(Clock::time_point now) const;

  const WatchOptions options_;
  netlink::Subscription subscription_;
  bool listening_ = false;

  /// Nouns to be listed, and those that were not listed since the beginning or the last loss.
  NounSet stale_;
  NounSet missing_;
  bool whole_told_ = false;
  /// Of each noun: when it may be listed again, and how often that has failed.
  struct Pace {
    Clock::time_point due{};
    int failures = 0;
  };
  std::array<Pace, 8> paces_{};
  std::set<std::uint32_t> links_to_ask_for_;
  /// Links that are down, of which the kernel does not tell everything (net/core/dev.c,
  /// netdev_state_change()): as long as there are some, links are listed again now and then.
  std::set<std::uint32_t> down_;
  std::set<std::uint32_t> known_links_;
  /// By the index of the bridge.
  std::map<std::uint32_t, BridgeIds> bridges_;
  Clock::time_point second_look_{};
  /// True if the socket was read to its end, which also ends a loss.
  bool drained_ = false;

  Asking asking_ = Asking::nothing;
  std::size_t row_ = 0;
  std::uint32_t sequence_ = 0;
  bool interrupted_ = false;
  Clock::time_point asked_{};
  Clock::time_point progress_{};
  int nudges_ = 0;

  Outbox outbox_;
  std::atomic<NounSet> wishes_ = 0;
};

}  // namespace vethwork::rtnl
