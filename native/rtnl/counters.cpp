#include "rtnl/counters.hpp"

#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <string_view>
#include <utility>

#include "netlink/attributes.hpp"
#include "netlink/message.hpp"
#include "sys/refusal.hpp"

namespace vethwork::rtnl {
namespace {

using Row = std::span<std::uint64_t>;

static_assert(sizeof(rtnl_link_stats64) == kCounterColumns * sizeof(std::uint64_t));

/// Up to so many links are asked for one by one, which beats a dump of a large namespace.
constexpr std::size_t kFewLinks = 8;

/// A link that came between the sweep and the events that tell of it costs another sweep.
constexpr int kMostSweeps = 4;

std::uint64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(time.tv_nsec);
}

/// Asks for one link, or with index 0 for all.
netlink::Bytes stats_message(std::uint32_t index) {
  netlink::Message message{RTM_GETSTATS, static_cast<std::uint16_t>(index == 0 ? NLM_F_DUMP : 0),
                           netlink::Message::Acknowledge::no};
  if_stats_msg header{};
  header.ifindex = index;
  header.filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64);
  message.body(header);
  return std::move(message).finish();
}

constexpr std::size_t column(std::size_t offset) { return offset / sizeof(std::uint64_t); }

/// net/core/net-procfs.c, dev_seq_printf_stats(): what each number of a line is. "drop" holds
/// missed packets too, "frame" four kinds of errors, the second "carrier" four as well.
constexpr std::array kProcColumns{
    column(offsetof(rtnl_link_stats64, rx_bytes)),
    column(offsetof(rtnl_link_stats64, rx_packets)),
    column(offsetof(rtnl_link_stats64, rx_errors)),
    column(offsetof(rtnl_link_stats64, rx_dropped)),
    column(offsetof(rtnl_link_stats64, rx_fifo_errors)),
    column(offsetof(rtnl_link_stats64, rx_frame_errors)),
    column(offsetof(rtnl_link_stats64, rx_compressed)),
    column(offsetof(rtnl_link_stats64, multicast)),
    column(offsetof(rtnl_link_stats64, tx_bytes)),
    column(offsetof(rtnl_link_stats64, tx_packets)),
    column(offsetof(rtnl_link_stats64, tx_errors)),
    column(offsetof(rtnl_link_stats64, tx_dropped)),
    column(offsetof(rtnl_link_stats64, tx_fifo_errors)),
    column(offsetof(rtnl_link_stats64, collisions)),
    column(offsetof(rtnl_link_stats64, tx_carrier_errors)),
    column(offsetof(rtnl_link_stats64, tx_compressed)),
};

/// Columns that mean for one end of a pair what their partner means for the other.
constexpr std::array kMirrored{
    std::pair{column(offsetof(rtnl_link_stats64, rx_packets)),
              column(offsetof(rtnl_link_stats64, tx_packets))},
    std::pair{column(offsetof(rtnl_link_stats64, rx_bytes)),
              column(offsetof(rtnl_link_stats64, tx_bytes))},
    std::pair{column(offsetof(rtnl_link_stats64, rx_errors)),
              column(offsetof(rtnl_link_stats64, tx_errors))},
    std::pair{column(offsetof(rtnl_link_stats64, rx_dropped)),
              column(offsetof(rtnl_link_stats64, tx_dropped))},
    std::pair{column(offsetof(rtnl_link_stats64, rx_fifo_errors)),
              column(offsetof(rtnl_link_stats64, tx_fifo_errors))},
    std::pair{column(offsetof(rtnl_link_stats64, rx_compressed)),
              column(offsetof(rtnl_link_stats64, tx_compressed))},
};

void turn_round(Row rows) {
  for (std::size_t start = 0; start < rows.size(); start += kCounterColumns) {
    for (const auto& [received, sent] : kMirrored) {
      std::swap(rows[start + received], rows[start + sent]);
    }
  }
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

void parse_numbers(std::string_view numbers, Row row) {
  for (const std::size_t place : kProcColumns) {
    numbers.remove_prefix(std::min(numbers.find_first_not_of(' '), numbers.size()));
    const auto [rest, error] =
        std::from_chars(numbers.data(), numbers.data() + numbers.size(), row[place]);
    if (error != std::errc{}) return;
    numbers.remove_prefix(static_cast<std::size_t>(rest - numbers.data()));
  }
}

sys::UniqueFd open_proc() {
  sys::UniqueFd fd{::open("/proc/thread-self/net/dev", O_RDONLY | O_CLOEXEC)};
  if (!fd) throw sys::Refused{sys::refusal_of_errno("cannot open /proc/net/dev")};
  return fd;
}

}  // namespace

/// A dump, or a question for one link, whose answers go straight into the rows.
class CounterReader::StatsRequest final : public netlink::Request {
 public:
  StatsRequest(const LinkRoster& roster, std::uint32_t index)
      : roster_(roster), message_(stats_message(index)) {}

  void begin(Row into) {
    into_ = into;
    error_ = 0;
  }
  [[nodiscard]] int error() const { return error_; }

  std::span<std::byte> message() override { return message_; }
  void on_restart() override {}
  void on_end(const netlink::Acknowledgement& acknowledgement, bool interrupted) override {
    error_ = acknowledgement.error;
    if (error_ == 0 && interrupted) error_ = EINTR;
  }
  bool on_part(netlink::BytesView message) override {
    const auto body = message.subspan(NLMSG_HDRLEN);
    const auto header = netlink::read<if_stats_msg>(body);
    if (!header) return false;
    const std::uint32_t row = roster_.row_of(header->ifindex);
    if (row == LinkRoster::kNoRow) return true;
    const auto numbers =
        netlink::find_attribute(body.subspan(sizeof(if_stats_msg)), IFLA_STATS_LINK_64);
    if (!numbers) return false;
    // A link that came during the sweep; there will be another.
    if ((row + std::size_t{1}) * kCounterColumns > into_.size()) return true;
    // An older kernel has fewer columns, a newer one more.
    const Row columns = into_.subspan(row * kCounterColumns, kCounterColumns);
    std::memcpy(columns.data(), numbers->data(), std::min(numbers->size(), columns.size_bytes()));
    return true;
  }

 private:
  const LinkRoster& roster_;
  Row into_;
  netlink::Bytes message_;
  int error_ = 0;
};

CounterReader::CounterReader(CounterOptions options)
    : roster_(options.selection),
      few_(options.selection.indexes && options.selection.indexes->size() <= kFewLinks),
      far_ends_(options.far_ends),
      proc_(options.source == CounterSource::proc ? open_proc() : sys::UniqueFd{}) {
  write_requests();
}

CounterReader::~CounterReader() = default;

void CounterReader::write_requests() {
  requests_.clear();
  if (!few_) {
    requests_.push_back(std::make_unique<StatsRequest>(roster_, 0));
    return;
  }
  for (const std::uint32_t index : roster_.indexes()) {
    if (index != 0) requests_.push_back(std::make_unique<StatsRequest>(roster_, index));
  }
}

Sweep CounterReader::sweep(std::span<std::uint64_t> into) {
  const std::lock_guard lock{sweep_mutex_};
  for (int attempt = 1;; ++attempt) {
    const std::size_t wanted = roster_.rows() * kCounterColumns;
    if (wanted > into.size()) return {.rows = roster_.rows(), .time = now()};
    const Row rows = into.first(wanted);
    clear(rows, attempt == 1);
    const bool complete = read(rows);
    const std::uint64_t time = now();
    // A change in between can mean that a row holds the numbers of another link than it did.
    const bool settled = !update_roster() && complete;
    if (settled || (complete && attempt >= kMostSweeps)) {
      return {.rows = wanted / kCounterColumns, .time = time};
    }
    if (attempt >= kMostSweeps) throw sys::Refused{{.error = ENOBUFS}};
  }
}

void CounterReader::clear(std::span<std::uint64_t> rows, bool first_attempt) {
  // Every other row is about to be written. A link that goes meanwhile is missed by a dump only
  // after its event was sent, under the same lock, which leads to another attempt. /proc/net/dev
  // knows no such order.
  if (!first_attempt || proc_) {
    std::ranges::fill(rows, 0);
    return;
  }
  for (const std::uint32_t row : roster_.free_rows()) {
    std::ranges::fill(rows.subspan(row * kCounterColumns, kCounterColumns), 0);
  }
}

bool CounterReader::update_roster() {
  const bool updated = roster_.update();
  if (updated) write_requests();
  return updated;
}

bool CounterReader::read(std::span<std::uint64_t> into) {
  bool complete = true;
  if (proc_) {
    read_proc(into);
    roster_.hear_pending();
  } else {
    complete = read_netlink(into);
  }
  if (far_ends_) turn_round(into);
  return complete;
}

bool CounterReader::read_netlink(std::span<std::uint64_t> into) {
  std::array<netlink::Request*, kFewLinks> pack{};
  std::size_t count = 0;
  for (const auto& request : requests_) {
    request->begin(into);
    pack.at(count++) = request.get();
  }
  netlink::Socket& socket = roster_.socket();
  if (!few_) {
    socket.dump(*pack.front());
  } else if (count > 0) {
    socket.exchange(std::span{pack}.first(count));
  } else {
    socket.hear_pending();
  }
  for (const auto& request : requests_) {
    const int error = request->error();
    // ENODEV: gone meanwhile, which its event will tell.
    if (error == 0 || (few_ && error == ENODEV)) continue;
    if (error != ENOBUFS && error != EBUSY) throw sys::Refused{{.error = error}};
    // Events crowded the answer out; a dump that broke off so keeps the socket busy until its rest
    // has been taken.
    socket.hear_pending();
    return false;
  }
  return true;
}

void CounterReader::read_proc(std::span<std::uint64_t> into) {
  constexpr std::size_t kBytesPerLink = 256;
  text_.resize(std::max(text_.size(), (roster_.size() + 16) * kBytesPerLink));
  std::size_t size = 0;
  while (true) {
    const ssize_t count =
        ::pread(proc_.get(), text_.data() + size, text_.size() - size, static_cast<off_t>(size));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw sys::Refused{sys::refusal_of_errno("cannot read /proc/net/dev")};
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
    if (size == text_.size()) text_.resize(text_.size() * 2);
  }
  std::string_view text = std::string_view{text_}.substr(0, size);
  while (!text.empty()) {
    std::string_view line = take_line(text);
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    // A name may have a colon (an old alias), the numbers have none.
    const std::size_t colon = line.rfind(':');
    if (colon == std::string_view::npos) continue;
    const std::uint32_t row = roster_.row_named(std::string{line.substr(0, colon)});
    if (row != LinkRoster::kNoRow) {
      parse_numbers(line.substr(colon + 1), into.subspan(row * kCounterColumns, kCounterColumns));
    }
  }
}

}  // namespace vethwork::rtnl
