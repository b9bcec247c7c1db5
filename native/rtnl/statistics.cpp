// Packet counters on the wire: if_stats_msg and rtnl_link_stats64 (net/core/rtnetlink.c,
// rtnl_stats_get()). Only the 64-bit block is ever asked for.
#include <linux/if_link.h>

#include "rtnl/nouns.hpp"

namespace vethwork::rtnl {
namespace {

constexpr Field counter(std::string_view name, std::size_t offset) {
  return Field{name, static_cast<std::uint16_t>(offset), Wire::u64};
}

constexpr std::array kCounters{
    counter("rxPackets", offsetof(rtnl_link_stats64, rx_packets)),
    counter("txPackets", offsetof(rtnl_link_stats64, tx_packets)),
    counter("rxBytes", offsetof(rtnl_link_stats64, rx_bytes)),
    counter("txBytes", offsetof(rtnl_link_stats64, tx_bytes)),
    counter("rxErrors", offsetof(rtnl_link_stats64, rx_errors)),
    counter("txErrors", offsetof(rtnl_link_stats64, tx_errors)),
    counter("rxDropped", offsetof(rtnl_link_stats64, rx_dropped)),
    counter("txDropped", offsetof(rtnl_link_stats64, tx_dropped)),
    counter("multicast", offsetof(rtnl_link_stats64, multicast)),
    counter("collisions", offsetof(rtnl_link_stats64, collisions)),
    counter("rxLengthErrors", offsetof(rtnl_link_stats64, rx_length_errors)),
    counter("rxOverErrors", offsetof(rtnl_link_stats64, rx_over_errors)),
    counter("rxCrcErrors", offsetof(rtnl_link_stats64, rx_crc_errors)),
    counter("rxFrameErrors", offsetof(rtnl_link_stats64, rx_frame_errors)),
    counter("rxFifoErrors", offsetof(rtnl_link_stats64, rx_fifo_errors)),
    counter("rxMissedErrors", offsetof(rtnl_link_stats64, rx_missed_errors)),
    counter("txAbortedErrors", offsetof(rtnl_link_stats64, tx_aborted_errors)),
    counter("txCarrierErrors", offsetof(rtnl_link_stats64, tx_carrier_errors)),
    counter("txFifoErrors", offsetof(rtnl_link_stats64, tx_fifo_errors)),
    counter("txHeartbeatErrors", offsetof(rtnl_link_stats64, tx_heartbeat_errors)),
    counter("txWindowErrors", offsetof(rtnl_link_stats64, tx_window_errors)),
    counter("rxCompressed", offsetof(rtnl_link_stats64, rx_compressed)),
    counter("txCompressed", offsetof(rtnl_link_stats64, tx_compressed)),
    counter("rxNohandler", offsetof(rtnl_link_stats64, rx_nohandler)),
    counter("rxOtherhostDropped", offsetof(rtnl_link_stats64, rx_otherhost_dropped)),
};

constexpr std::array kHeader{
    given(Field{"link", kInHeader, Wire::link}),
    reported(Field{"index", kInHeader, Wire::u32}),
};

constexpr std::array kAttributes{
    reported(Field{"", IFLA_STATS_LINK_64, Wire::structure, of(kCounters)}),
};

void write_header(const Record& record, netlink::Message& message) {
  if_stats_msg header{};
  header.ifindex = record.integer<std::uint32_t>("link");
  header.filter_mask = IFLA_STATS_FILTER_BIT(IFLA_STATS_LINK_64);
  message.body(header);
}

void read_header(netlink::BytesView bytes, Record& record) {
  record.append("index", static_cast<double>(netlink::read<if_stats_msg>(bytes)->ifindex));
}

}  // namespace

const Noun kStatistics{
    .name = "statistics",
    .header = kHeader,
    .attributes = kAttributes,
    .header_size = sizeof(if_stats_msg),
    .write_header = write_header,
    .read_header = read_header,
    .family = nullptr,
    .refine = nullptr,
};

}  // namespace vethwork::rtnl
