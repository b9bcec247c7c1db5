#include "rtnl/watcher.hpp"

#include <linux/if.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "rtnl/codec.hpp"
#include "rtnl/nouns.hpp"

namespace vethwork::rtnl {
namespace {

using netlink::BytesView;
using std::chrono::milliseconds;

/// How many datagrams are read before others have their turn.
constexpr int kDatagramsPerTurn = 16;

/// A list is repeated after this long at the earliest, and after four times as long as it took.
constexpr milliseconds kRest{20};
constexpr milliseconds kLongestRest{1000};
constexpr int kShareOfTime = 4;

/// How often links are listed again while some are down; and at most this share of the time.
constexpr milliseconds kSecondLook{2000};
constexpr int kShareOfSecondLooks = 100;

/// How long an answer may take until it is nudged, and how often that is tried.
constexpr milliseconds kPatience{1000};
constexpr int kMostNudges = 10;

/// More links than this are listed rather than asked for one by one.
constexpr std::size_t kMostLinksAskedFor = 64;

/// How often the first list is tried on the thread that opens.
constexpr int kFirstAttempts = 4;

/// Every namespace has it: `lo`.
constexpr std::uint32_t kLoopbackIndex = 1;

constexpr NounSet bit(std::size_t row) { return NounSet{1} << row; }

/// Links, as a set.
NounSet links() {
  static const NounSet kLinks = watched_noun(kLink.name);
  return kLinks;
}

netlink::Bytes link_request(std::uint32_t index) {
  Record record;
  record.append("link", static_cast<double>(index));
  return encode(*find_operation("getLink"), std::move(record)).message;
}

netlink::Bytes list_request(const WatchedNoun& row) {
  Record record;
  if (row.noun == &kRoute) record.append("table", std::string{"all"});
  return encode(*find_operation(row.listing), std::move(record)).message;
}

/// True for what says that there are no such objects, as where IPv6 is not built in.
bool says_none(int error) {
  return error == EOPNOTSUPP || error == EAFNOSUPPORT || error == ENOENT;
}

}  // namespace

Watcher::Watcher(const WatchOptions& options)
    : options_(options),
      subscription_(netlink::Subscription::open(groups_of(options.nouns), options.receive_queue)),
      stale_(options.nouns),
      missing_(options.nouns) {}

void Watcher::list_first() {
  const auto failed = [](const Pace& pace) { return pace.failures >= kFirstAttempts; };
  while (missing_ != 0 && std::ranges::none_of(paces_, failed) && nudges_ == 0) {
    const auto now = Clock::now();
    const auto due = tend(now).value_or(now);
    subscription_.wait(std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(due - now)));
    read();
  }
  listening_ = true;
}

void Watcher::read() {
  for (int count = 0; count < kDatagramsPerTurn && !full(); ++count) {
    const auto outcome = subscription_.receive([this](BytesView message) { hear(message); });
    drained_ = outcome == netlink::Subscription::Outcome::nothing;
    if (drained_) return;
    if (outcome == netlink::Subscription::Outcome::lost) hear_loss();
  }
}

void Watcher::tell(Heard::Kind kind, const Noun* noun, Record record) {
  outbox_.put({.kind = kind, .noun = noun, .record = std::move(record)});
}

void Watcher::hear(BytesView message) {
  if (asking_ != Asking::nothing && subscription_.answers(message, sequence_)) {
    hear_answer(message);
  } else {
    hear_event(message);
  }
}

void Watcher::hear_event(BytesView message) {
  const auto type = netlink::read<nlmsghdr>(message)->nlmsg_type;
  stale_ |= stale_by(message) & options_.nouns;
  if ((options_.nouns & links()) != 0) {
    const auto indexes = links_to_ask_for(message);
    links_to_ask_for_.insert(indexes.begin(), indexes.end());
    // What is told without its peer, the answer tells with it.
    if (!indexes.empty()) return;
  }
  for (std::size_t position = 0; position < watched_nouns().size(); ++position) {
    const WatchedNoun& row = watched_nouns()[position];
    if ((options_.nouns & bit(position)) == 0) continue;
    if (type != row.news && type != row.news + 1) continue;
    const bool replaces = (netlink::read<nlmsghdr>(message)->nlmsg_flags & NLM_F_REPLACE) != 0;
    if (row.only_listed) {
      stale_ |= bit(position);
    } else if (type == row.news) {
      tell_record(row, replaces ? Heard::Kind::replaced : Heard::Kind::added, message);
    } else {
      tell_record(row, Heard::Kind::removed, message);
    }
  }
}

void Watcher::tell_record(const WatchedNoun& row, Heard::Kind kind, BytesView message) {
  const BytesView body = message.subspan(NLMSG_HDRLEN);
  auto record = decode(*row.noun, body);
  if (!record) return hear_loss();
  if (!is_watched(row, body, *record)) return;
  if (row.noun == &kLink) note_state(kind, body);
  tell(kind, row.noun, std::move(*record));
}

void Watcher::note_state(Heard::Kind kind, BytesView body) {
  const auto header = *netlink::read<ifinfomsg>(body);
  const auto index = static_cast<std::uint32_t>(header.ifi_index);
  if (kind == Heard::Kind::removed) {
    down_.erase(index);
    known_links_.erase(index);
    bridges_.erase(index);
    return;
  }
  if ((header.ifi_flags & IFF_UP) != 0) {
    down_.erase(index);
  } else {
    down_.insert(index);
  }
  if (const auto ids = bridge_ids(body)) {
    const auto [bridge, is_new] = bridges_.try_emplace(index, *ids);
    // Before the first list is complete, its ports may have been listed as they were.
    const bool may_be_another = kind != Heard::Kind::listed && (missing_ & links()) != 0;
    const bool is_another = std::exchange(bridge->second, *ids) != *ids;
    if (is_new ? may_be_another : is_another) stale_ |= links();
  }
  // What it comes to lie beside may have another namespace no more, or only now a name for it.
  const std::uint32_t beside = link_beside(body);
  if (known_links_.insert(index).second && kind == Heard::Kind::added && beside != 0) {
    links_to_ask_for_.insert(beside);
  }
}

bool Watcher::is_watched(const WatchedNoun& row, BytesView body, const Record& record) const {
  const auto family = netlink::read<std::uint8_t>(body).value_or(AF_UNSPEC);
  if (row.noun == &kLink) return family == AF_UNSPEC;
  if (family != AF_INET && family != AF_INET6) return false;
  if (row.noun == &kNeighbour) return (netlink::read<ndmsg>(body)->ndm_flags & NTF_PROXY) == 0;
  if (row.noun != &kRoute) return true;
  if ((netlink::read<rtmsg>(body)->rtm_flags & RTM_F_CLONED) != 0) return false;
  return options_.route_table == 0 ||
         number_of(record, "table", kRouteTables, 0) == options_.route_table;
}

void Watcher::hear_loss() {
  stale_ = options_.nouns;
  missing_ = options_.nouns;
  whole_told_ = false;
  bridges_.clear();
  links_to_ask_for_.clear();
  if (asking_ == Asking::list) {
    // It has to be read to its end before the kernel takes another request for a list.
    interrupted_ = true;
  } else {
    asking_ = Asking::nothing;
  }
}

std::optional<sys::Listener::Clock::time_point> Watcher::tend(Clock::time_point now) {
  stale_ |= wishes_.exchange(0) & options_.nouns;
  if (asking_ != Asking::nothing) {
    if (now - progress_ >= kPatience) nudge(now);
    return progress_ + kPatience;
  }
  const bool looks_again = (stale_ & links()) == 0 && !down_.empty();
  if (looks_again && second_look_ <= now) stale_ |= links();
  if (stale_ == 0 && links_to_ask_for_.empty()) {
    return looks_again ? std::optional{second_look_} : std::nullopt;
  }
  if (full()) return std::nullopt;
  // After a loss the kernel goes on dropping until the queue has been empty.
  if (!drained_) read();
  if (!drained_) return now;
  ask_next(now);
  if (asking_ != Asking::nothing) return progress_ + kPatience;
  auto soonest = looks_again ? std::max(now, second_look_) : now + kLongestRest;
  for (std::size_t row = 0; row < watched_nouns().size(); ++row) {
    if ((stale_ & bit(row)) != 0) soonest = std::min(soonest, paces_.at(row).due);
  }
  return soonest;
}

std::optional<std::size_t> Watcher::next_stale(Clock::time_point now) const {
  for (std::size_t row = 0; row < watched_nouns().size(); ++row) {
    if ((stale_ & bit(row)) != 0 && paces_.at(row).due <= now) return row;
  }
  return std::nullopt;
}

void Watcher::ask_next(Clock::time_point now) {
  if (links_to_ask_for_.size() > kMostLinksAskedFor) {
    links_to_ask_for_.clear();
    stale_ |= links();
  }
  if (!links_to_ask_for_.empty()) {
    const std::uint32_t index = *links_to_ask_for_.begin();
    links_to_ask_for_.erase(links_to_ask_for_.begin());
    ask_for_link(index, Asking::link);
  } else if (const auto row = next_stale(now)) {
    row_ = *row;
    ask_for_link(kLoopbackIndex, Asking::lock);
  }
}

void Watcher::ask_for_link(std::uint32_t index, Asking asking) {
  asked_ = progress_ = Clock::now();
  nudges_ = 0;
  interrupted_ = false;
  asking_ = asking;
  sequence_ = subscription_.send(link_request(index));
  if (sequence_ != 0) return;
  asking_ = Asking::nothing;
  const std::size_t row = asking == Asking::link ? 0 : row_;
  stale_ |= bit(row);
  paces_.at(row).due = asked_ + kLongestRest;
}

void Watcher::begin_list() {
  const WatchedNoun& row = watched_nouns()[row_];
  tell(Heard::Kind::begun, row.noun);
  if (row.noun == &kLink) {
    down_.clear();
    known_links_.clear();
  }
  stale_ &= ~bit(row_);
  asking_ = Asking::list;
  sequence_ = subscription_.send(list_request(row));
  if (sequence_ == 0) end_list(ENOBUFS);
}

void Watcher::hear_answer(BytesView message) {
  const auto header = *netlink::read<nlmsghdr>(message);
  progress_ = Clock::now();
  if ((header.nlmsg_flags & NLM_F_DUMP_INTR) != 0) interrupted_ = true;
  if (header.nlmsg_type == NLMSG_ERROR || header.nlmsg_type == NLMSG_DONE) {
    // Both begin with a negative errno.
    end_asking(-netlink::read<int>(message.subspan(NLMSG_HDRLEN)).value_or(-EBADMSG));
  } else if (asking_ == Asking::list) {
    tell_record(watched_nouns()[row_], Heard::Kind::listed, message);
  } else {
    if (asking_ == Asking::link) {
      tell_record(watched_nouns().front(), Heard::Kind::added, message);
    }
    // Who asks for one thing is sent no acknowledgement besides it.
    end_asking(0);
  }
}

void Watcher::end_asking(int error) {
  switch (std::exchange(asking_, Asking::nothing)) {
    case Asking::lock:
      return begin_list();
    case Asking::list:
      return end_list(error);
    default:
      return;
  }
}

void Watcher::end_list(int error) {
  asking_ = Asking::nothing;
  const Noun* const noun = watched_nouns()[row_].noun;
  const auto now = Clock::now();
  Pace& pace = paces_.at(row_);
  if (interrupted_ || (error != 0 && !says_none(error))) {
    tell(Heard::Kind::interrupted, noun);
    stale_ |= bit(row_);
    pace.due = now + std::min(kRest * (1 << std::min(pace.failures++, 8)), kLongestRest);
    return;
  }
  tell(Heard::Kind::ended, noun);
  pace = {.due = now + std::max<Clock::duration>(kRest, kShareOfTime * (now - asked_))};
  if (noun == &kLink) {
    second_look_ =
        now + std::max<Clock::duration>(kSecondLook, kShareOfSecondLooks * (now - asked_));
  }
  missing_ &= ~bit(row_);
  if (missing_ == 0 && !std::exchange(whole_told_, true)) tell(Heard::Kind::whole);
}

void Watcher::nudge(Clock::time_point now) {
  progress_ = now;
  if (++nudges_ <= kMostNudges) {
    subscription_.send(link_request(kLoopbackIndex));
    return;
  }
  asking_ = Asking::nothing;
  hear_loss();
}

}  // namespace vethwork::rtnl
