#include "rtnl/ip.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <charconv>

#include "rtnl/record.hpp"

namespace vethwork::rtnl {

std::size_t Ip::size() const { return family == AF_INET ? 4 : 16; }

std::optional<Ip> parse_ip(std::string_view text) {
  const std::string terminated{text};
  for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
    Ip ip{.family = family};
    if (::inet_pton(family, terminated.c_str(), ip.octets.data()) == 1) return ip;
  }
  return std::nullopt;
}

std::optional<Ip> ip_of(netlink::BytesView bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) return std::nullopt;
  Ip ip{.family = static_cast<std::uint8_t>(bytes.size() == 4 ? AF_INET : AF_INET6)};
  std::copy(bytes.begin(), bytes.end(), ip.octets.begin());
  return ip;
}

std::string format_ip(const Ip& ip) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(ip.family, ip.octets.data(), text.data(), text.size());
  return text.data();
}

Prefix parse_prefix(std::string_view text, const std::string& path) {
  using Kind = InvalidArgument::Kind;
  const std::size_t slash = text.find('/');
  const auto ip = parse_ip(text.substr(0, slash));
  if (!ip) {
    throw InvalidArgument{Kind::range, path, "\"" + std::string{text} + "\" is no IP address"};
  }
  Prefix prefix{.ip = *ip, .length = ip->bits()};
  if (slash == std::string_view::npos) return prefix;

  const std::string_view digits = text.substr(slash + 1);
  const char* const end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, prefix.length);
  if (digits.empty() || error != std::errc{} || rest != end || prefix.length > ip->bits()) {
    throw InvalidArgument{Kind::range, path,
                          "the prefix length in \"" + std::string{text} +
                              "\" must be an integer from 0 to " + std::to_string(ip->bits())};
  }
  return prefix;
}

std::string format_prefix(const Prefix& prefix) {
  return format_ip(prefix.ip) + "/" + std::to_string(prefix.length);
}

std::optional<netlink::Bytes> parse_mac(std::string_view text) {
  constexpr std::size_t kMostBytes = 32;  // include/linux/netdevice.h, MAX_ADDR_LEN
  netlink::Bytes bytes;
  while (bytes.size() < kMostBytes) {
    std::uint8_t octet = 0;
    if (text.size() < 2) return std::nullopt;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + 2, octet, 16);
    if (error != std::errc{} || rest != text.data() + 2) return std::nullopt;
    bytes.push_back(std::byte{octet});
    text.remove_prefix(2);
    if (text.empty()) return bytes;
    if (text.front() != ':') return std::nullopt;
    text.remove_prefix(1);
  }
  return std::nullopt;
}

std::string format_mac(netlink::BytesView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 3);
  for (const std::byte byte : bytes) {
    if (!text.empty()) text += ':';
    text += kDigits[std::to_integer<std::size_t>(byte >> 4)];
    text += kDigits[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  return text;
}

}  // namespace vethwork::rtnl
