// Plain values in and out of bytes; the only place that looks at one as the other.
#pragma once

#include <bit>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace vethwork::netlink {

using Bytes = std::vector<std::byte>;
using BytesView = std::span<const std::byte>;

/// A value whose bytes are all there is to it: an integer, a kernel header.
template <typename T>
concept Plain = std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>;

/// The bytes of a value, valid as long as the value is.
template <Plain T>
[[nodiscard]] BytesView bytes_of(const T& value) {
  return std::as_bytes(std::span{&value, 1});
}

[[nodiscard]] inline BytesView bytes_of_text(std::string_view text) {
  return std::as_bytes(std::span{text});
}

/// Bytes as text, up to the first NUL.
[[nodiscard]] inline std::string_view text_of(BytesView bytes) {
  const std::string_view all{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  return all.substr(0, all.find('\0'));
}

/// Reads a value from the front of `bytes`; nothing if there are too few.
template <Plain T>
[[nodiscard]] std::optional<T> read(BytesView bytes) {
  if (bytes.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

/// Writes a value over bytes that are there.
template <Plain T>
void overwrite(std::span<std::byte> bytes, std::size_t offset, const T& value) {
  std::memcpy(bytes.subspan(offset, sizeof(T)).data(), &value, sizeof(T));
}

/// Host order to network order and back.
template <std::unsigned_integral T>
[[nodiscard]] constexpr T swap_network_order(T value) {
  if constexpr (std::endian::native == std::endian::big || sizeof(T) == 1) return value;
  if constexpr (sizeof(T) == 2) return __builtin_bswap16(value);
  if constexpr (sizeof(T) == 4) return __builtin_bswap32(value);
  if constexpr (sizeof(T) == 8) return __builtin_bswap64(value);
}

}  // namespace vethwork::netlink
