// Which links there are, each with a row that it keeps as long as it lives.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "netlink/events.hpp"
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
/// The kernel sends them under the lock that the change holds, so whoever drains them after reading
/// counters knows of every link that the counters can have been of.
class LinkRoster {
 public:
  static constexpr std::uint32_t kNoRow = 0xffffffff;

  /// Opens its sockets in the calling thread's namespace and lists the links. Throws
  /// `sys::Refused`.
  explicit LinkRoster(LinkSelection selection);

  /// Takes in what has happened; true if a link came or went. Throws `sys::Refused`.
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

  /// What changed since the last call, oldest first.
  std::vector<RosterChange> take_changes();

 private:
  struct Entry {
    std::uint32_t index = 0;
    std::string name{};
  };

  void list();
  void hear(netlink::BytesView message);
  void add(std::uint32_t index, const std::string& name);
  void remove(std::uint32_t index);
  void take_in(const LinkNews& news);
  [[nodiscard]] bool selects(const LinkNews& news) const;
  void set_row(std::uint32_t index, std::uint32_t row);

  LinkSelection selection_;
  netlink::Events events_;
  netlink::Socket socket_;
  std::vector<Entry> links_;
  std::vector<std::uint32_t> free_rows_;
  std::vector<std::uint32_t> rows_by_index_;
  std::unordered_map<std::uint32_t, std::uint32_t> far_rows_;
  std::unordered_map<std::string, std::uint32_t> by_name_;
  std::vector<RosterChange> changes_;
};

}  // namespace vethwork::rtnl
