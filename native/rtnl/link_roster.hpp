// Which links there are, each with a row that it keeps as long as it lives.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "netlink/socket.hpp"

namespace vethwork::rtnl {

/// Which links count: all, those of a group, the ports of a master, or those of given indexes.
struct LinkSelection {
  std::optional<std::uint32_t> group{};
  std::optional<std::uint32_t> master{};
  std::optional<std::vector<std::uint32_t>> indexes{};
};

/// What the roster reads of RTM_NEWLINK and RTM_DELLINK.
struct LinkNews {
  std::uint16_t type;
  std::uint32_t index;
  std::uint32_t group;
  std::uint32_t master;
  std::string name;
};

/// A link came or went. An index that is used again is a link that went and one that came.
struct RosterChange {
  bool added;
  std::uint32_t row;
  std::uint32_t index;
  std::string name;
};

/// The selected links of a namespace, kept up to date by RTM_NEWLINK and RTM_DELLINK events.
///
/// The kernel sends them under the lock that the change holds, to the same socket that counters are
/// asked by: so when an answer is read, the roster is what it was when the answer was written. One
/// thread at a time may ask and update; any may call `indexes` and `take_changes`.
class LinkRoster final : private netlink::Listener {
 public:
  static constexpr std::uint32_t kNoRow = 0xffffffff;

  /// Opens its socket in the calling thread's namespace and lists the links. Throws `sys::Refused`.
  explicit LinkRoster(LinkSelection selection);

  /// What to ask by; whatever is asked hears of changes on the way.
  [[nodiscard]] netlink::Socket& socket() { return socket_; }

  /// Takes in what has happened, without waiting. Throws `sys::Refused`.
  void hear_pending();

  /// Whether a link came or went since this was last asked; lists the links anew if the kernel had
  /// to drop events. Throws `sys::Refused`.
  bool update();

  /// The row of a link, or `kNoRow`.
  [[nodiscard]] std::uint32_t row_of(std::uint32_t index) const {
    if (index < rows_by_index_.size()) return rows_by_index_[index];
    const auto row = far_rows_.find(index);
    return row == far_rows_.end() ? kNoRow : row->second;
  }
  /// The row of a link by name, or `kNoRow`.
  [[nodiscard]] std::uint32_t row_named(const std::string& name) const;

  /// One more than the highest row in use.
  [[nodiscard]] std::size_t rows() const { return links_.size(); }
  /// Rows below `rows()` that no link has.
  [[nodiscard]] const std::vector<std::uint32_t>& free_rows() const { return free_rows_; }
  /// How many links there are.
  [[nodiscard]] std::size_t size() const { return by_name_.size(); }
  /// The indexes in row order; 0 where a row is free.
  [[nodiscard]] std::vector<std::uint32_t> indexes() const;

  /// What changed since the last call, oldest first; of a link that came and went since, nothing.
  /// So whoever never asks costs no more memory than the links that there are, and were at the last
  /// call.
  std::vector<RosterChange> take_changes();
  /// True if that would return something; cheap enough to ask after each sweep.
  [[nodiscard]] bool changed() const { return told_.load(std::memory_order_relaxed); }

 private:
  class Listing;

  struct Entry {
    std::uint32_t index = 0;
    /// The listing that it was last seen in, or after.
    std::uint32_t listing = 0;
    /// Between which calls of `take_changes` it came.
    std::uint64_t taking = 0;
    std::string name{};
  };

  void hear(netlink::BytesView message) override;
  void miss() override { missed_ = true; }

  void list();
  void forget_unlisted();
  void note(bool added, std::uint32_t row);
  void withdraw(std::uint32_t row);
  void add(std::uint32_t index, const std::string& name);
  void remove(std::uint32_t index);
  void take_in(const LinkNews& news);
  [[nodiscard]] bool selects(const LinkNews& news) const;
  void set_row(std::uint32_t index, std::uint32_t row);

  LinkSelection selection_;
  mutable std::mutex mutex_;
  std::vector<Entry> links_;
  std::vector<std::uint32_t> free_rows_;
  std::vector<std::uint32_t> rows_by_index_;
  std::unordered_map<std::uint32_t, std::uint32_t> far_rows_;
  std::unordered_map<std::string, std::uint32_t> by_name_;
  std::vector<RosterChange> changes_;
  /// How often changes were taken.
  std::uint64_t taking_ = 0;
  std::atomic<bool> told_ = false;
  std::uint32_t listing_ = 0;
  bool missed_ = false;
  bool moved_ = false;
  netlink::Socket socket_;
};

}  // namespace vethwork::rtnl
