// IP, prefix and link-layer addresses: text to bytes and back.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "netlink/bytes.hpp"

namespace vethwork::rtnl {

/// An IPv4 or IPv6 address in network order.
struct Ip {
  std::uint8_t family;  ///< AF_INET or AF_INET6
  std::array<std::byte, 16> octets{};

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::uint8_t bits() const { return static_cast<std::uint8_t>(size() * 8); }
  [[nodiscard]] netlink::BytesView bytes() const {
    return netlink::BytesView{octets}.first(size());
  }
};

/// Strict: four decimal parts or RFC 4291 text; no leading zeros, no zone.
std::optional<Ip> parse_ip(std::string_view text);
/// By the number of bytes, 4 or 16; nothing for any other.
std::optional<Ip> ip_of(netlink::BytesView bytes);
std::string format_ip(const Ip& ip);

/// An address with the length of its network part.
struct Prefix {
  Ip ip;
  std::uint8_t length;
};

/// `10.0.0.2/24`; without a slash the length is that of the whole address. Throws
/// `InvalidArgument` for `path`.
Prefix parse_prefix(std::string_view text, const std::string& path);
std::string format_prefix(const Prefix& prefix);

/// Hexadecimal pairs with colons: 6 for Ethernet, up to 32 for other link layers.
std::optional<netlink::Bytes> parse_mac(std::string_view text);
std::string format_mac(netlink::BytesView bytes);

}  // namespace vethwork::rtnl
