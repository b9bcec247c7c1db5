// Sweeps the 64-bit counters of many links into rows of memory: the one hand-written fast path.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "rtnl/link_roster.hpp"
#include "sys/fd.hpp"

namespace vethwork::rtnl {

/// The columns of a row are those of struct rtnl_link_stats64, in its order.
inline constexpr std::size_t kCounterColumns = 25;

/// Where a reader gets its numbers from.
enum class CounterSource : std::uint8_t {
  /// RTM_GETSTATS: all columns, a quarter of a microsecond a link; waits for the rtnl lock.
  netlink,
  /// /proc/net/dev, held open: no lock, but some columns are sums of others and some are missing.
  proc,
};

/// What a reader reads, from where, and how it shows it.
struct CounterOptions {
  LinkSelection selection{};
  CounterSource source = CounterSource::netlink;
  /// Shows the far ends of veth pairs: what this end sent, the other received.
  bool far_ends = false;
};

/// The result of a sweep.
struct Sweep {
  /// How many rows there are; more than there was room for means that nothing was written.
  std::size_t rows = 0;
  /// Nanoseconds of CLOCK_MONOTONIC right after the last number was read.
  std::uint64_t time = 0;
};

/// Reads counters; any thread may, one at a time does.
class CounterReader {
 public:
  /// Opens everything in the calling thread's namespace. Throws `sys::Refused`.
  explicit CounterReader(CounterOptions options);
  CounterReader(const CounterReader&) = delete;
  CounterReader& operator=(const CounterReader&) = delete;
  ~CounterReader();

  /// Fills `into`, row by row; free rows are zero. Throws `sys::Refused`.
  Sweep sweep(std::span<std::uint64_t> into);

  /// The indexes in row order (0: free), and what came and went since it was last asked.
  [[nodiscard]] std::vector<std::uint32_t> indexes() const { return roster_.indexes(); }
  std::vector<RosterChange> take_changes() { return roster_.take_changes(); }
  /// True if `take_changes` would return something; cheap enough to ask after each sweep.
  [[nodiscard]] bool changed() const { return roster_.changed(); }

 private:
  class StatsRequest;

  /// One dump, or one question for each of a few links.
  void write_requests();
  /// Zeroes the rows that nothing will be written to.
  void clear(std::span<std::uint64_t> rows, bool first_attempt);
  /// False if the kernel's answer was lost.
  bool read(std::span<std::uint64_t> into);
  bool read_netlink(std::span<std::uint64_t> into);
  void read_proc(std::span<std::uint64_t> into);

  /// Takes in what came and went; true if anything did.
  bool update_roster();

  std::mutex sweep_mutex_;
  LinkRoster roster_;
  bool few_;
  bool far_ends_;
  std::vector<std::unique_ptr<StatsRequest>> requests_;
  sys::UniqueFd proc_;
  std::string text_;
};

}  // namespace vethwork::rtnl
