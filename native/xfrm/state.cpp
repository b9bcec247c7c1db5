// States on the wire: xfrm_usersa_info, xfrm_usersa_id and XFRMA_* (net/xfrm/xfrm_user.c).
#include <linux/xfrm.h>

#include <limits>

#include "rtnl/nouns.hpp"
#include "xfrm/nouns.hpp"

namespace vethwork::xfrm {
namespace {

using rtnl::Field;
using rtnl::kInHeader;
using rtnl::Name;
using rtnl::named;
using rtnl::of;
using rtnl::Record;
using rtnl::reported;
using rtnl::Wire;

constexpr std::array kFlags{
    Name{"noEcn", XFRM_STATE_NOECN},
    Name{"decapsulateDscp", XFRM_STATE_DECAP_DSCP},
    Name{"noPathMtuDiscovery", XFRM_STATE_NOPMTUDISC},
    Name{"wildcardReceive", XFRM_STATE_WILDRECV},
    Name{"icmp", XFRM_STATE_ICMP},
    Name{"anyFamily", XFRM_STATE_AF_UNSPEC},
    Name{"align4", XFRM_STATE_ALIGN4},
    Name{"esn", XFRM_STATE_ESN},
};

/// The kernel reports keys to whoever may list states; nobody here wants to read them.
constexpr std::array kAead{
    Field{"name", offsetof(xfrm_algo_aead, alg_name), Wire::text,
          rtnl::at_most(sizeof(xfrm_algo_aead::alg_name) - 1)},
    Field{"keyBits", offsetof(xfrm_algo_aead, alg_key_len), Wire::u32},
    Field{"icvBits", offsetof(xfrm_algo_aead, alg_icv_len), Wire::u32},
    rtnl::given(Field{"key", offsetof(xfrm_algo_aead, alg_key), Wire::bytes}),
};

/// Sequence numbers of 64 bits in halves, and how many packets the window has: a bit each in so
/// many words. The bits themselves are the kernel's business, which begins with an empty window
/// without them (net/xfrm/xfrm_user.c, xfrm_alloc_replay_state_esn()).
constexpr std::array kReplay{
    Field{"words", offsetof(xfrm_replay_state_esn, bmp_len), Wire::u32},
    Field{"sent", offsetof(xfrm_replay_state_esn, oseq), Wire::u32},
    Field{"received", offsetof(xfrm_replay_state_esn, seq), Wire::u32},
    Field{"sentHigh", offsetof(xfrm_replay_state_esn, oseq_hi), Wire::u32},
    Field{"receivedHigh", offsetof(xfrm_replay_state_esn, seq_hi), Wire::u32},
    Field{"window", offsetof(xfrm_replay_state_esn, replay_window), Wire::u32},
};

constexpr Field kFamily = reported(Field{"family", kInHeader, Wire::u16, named(rtnl::kFamilies)});
constexpr Field kDestination{"destination", kInHeader, Wire::ip};
/// 0 stands for none.
constexpr Field kSpi{"spi", kInHeader, Wire::u32,
                     rtnl::within(1, std::numeric_limits<std::uint32_t>::max())};
constexpr Field kProtocol{"protocol", kInHeader, Wire::u8, named(kProtocols)};

constexpr std::array kHeader{
    kFamily,
    Field{"source", kInHeader, Wire::ip},
    kDestination,
    kSpi,
    kProtocol,
    Field{"mode", kInHeader, Wire::u8, named(kModes)},
    Field{"reqid", kInHeader, Wire::u32},
    Field{"flags", kInHeader, Wire::bits, named(kFlags, 1)},
};
constexpr std::array kAttributes{
    Field{"aead", XFRMA_ALG_AEAD, Wire::structure, of(kAead)},
    Field{"replay", XFRMA_REPLAY_ESN_VAL, Wire::structure, of(kReplay)},
};
constexpr std::array kIdHeader{kFamily, kDestination, kSpi, kProtocol};
constexpr std::array kQueryAttributes{
    Field{"protocol", XFRMA_PROTO, Wire::u8, named(kProtocols)},
};

/// An address that the codec has checked.
rtnl::Ip address_in(const Record& record, std::string_view property) {
  return *rtnl::parse_ip(record.text(property));
}

std::uint8_t protocol_of(const Record& record) {
  return static_cast<std::uint8_t>(rtnl::number_of(record, "protocol", kProtocols, 0));
}

void write_header(const Record& record, netlink::Message& message) {
  const rtnl::Ip source = address_in(record, "source");
  const rtnl::Ip destination = address_in(record, "destination");
  if (source.family != destination.family) {
    throw rtnl::InvalidArgument{rtnl::InvalidArgument::Kind::range, "destination",
                                "must be of the family of source"};
  }
  xfrm_usersa_info info{};
  info.id.daddr = address_of(destination);
  info.id.spi = netlink::swap_network_order(record.integer<std::uint32_t>("spi"));
  info.id.proto = protocol_of(record);
  info.saddr = address_of(source);
  info.lft = endless();
  info.reqid = record.integer<std::uint32_t>("reqid");
  info.family = destination.family;
  info.mode = static_cast<std::uint8_t>(rtnl::number_of(record, "mode", kModes, 0));
  info.flags = static_cast<std::uint8_t>(rtnl::bits_of(record, "flags", kFlags));
  message.body(info);
}

/// What both headers have in common.
void read_id(const xfrm_address_t& destination, std::uint32_t spi, std::uint8_t protocol,
             std::uint16_t family, Record& record) {
  record.append("family", rtnl::name_of(family, rtnl::kFamilies));
  if (const auto ip = ip_of(destination, family)) {
    record.append("destination", rtnl::format_ip(*ip));
  }
  record.append("spi", static_cast<double>(netlink::swap_network_order(spi)));
  record.append("protocol", rtnl::name_of(protocol, kProtocols));
}

void read_header(netlink::BytesView header, Record& record) {
  const auto info = *netlink::read<xfrm_usersa_info>(header);
  read_id(info.id.daddr, info.id.spi, info.id.proto, info.family, record);
  if (const auto ip = ip_of(info.saddr, info.family)) {
    record.append("source", rtnl::format_ip(*ip));
  }
  record.append("mode", rtnl::name_of(info.mode, kModes));
  record.append("reqid", static_cast<double>(info.reqid));
  record.append("flags", rtnl::names_of_bits(info.flags, kFlags));
}

void write_id(const Record& record, netlink::Message& message) {
  const rtnl::Ip destination = address_in(record, "destination");
  xfrm_usersa_id id{};
  id.daddr = address_of(destination);
  id.spi = netlink::swap_network_order(record.integer<std::uint32_t>("spi"));
  id.family = destination.family;
  id.proto = protocol_of(record);
  message.body(id);
}

void read_id_header(netlink::BytesView header, Record& record) {
  const auto id = *netlink::read<xfrm_usersa_id>(header);
  read_id(id.daddr, id.spi, id.proto, id.family, record);
}

void write_nothing(const Record&, netlink::Message&) {}
void read_nothing(netlink::BytesView, Record&) {}

}  // namespace

const rtnl::Noun kState{.name = "state",
                        .header = kHeader,
                        .attributes = kAttributes,
                        .header_size = sizeof(xfrm_usersa_info),
                        .write_header = write_header,
                        .read_header = read_header,
                        .family = nullptr,
                        .refine = nullptr};

const rtnl::Noun kStateId{.name = "stateId",
                          .header = kIdHeader,
                          .attributes = {},
                          .header_size = sizeof(xfrm_usersa_id),
                          .write_header = write_id,
                          .read_header = read_id_header,
                          .family = nullptr,
                          .refine = nullptr};

const rtnl::Noun kQuery{.name = "query",
                        .header = {},
                        .attributes = kQueryAttributes,
                        .header_size = 0,
                        .write_header = write_nothing,
                        .read_header = read_nothing,
                        .family = nullptr,
                        .refine = nullptr};

}  // namespace vethwork::xfrm
