// Reads what the kernel says about a refusal beyond the errno.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "netlink/bytes.hpp"
#include "sys/refusal.hpp"

namespace vethwork::netlink {

/// A kernel's answer to one request: zero for yes, an errno for no, and perhaps a sentence.
struct Acknowledgement {
  /// A positive errno; 0 if the request was carried out.
  int error = 0;
  /// The kernel's sentence. With success it is a warning.
  std::string detail{};
  /// Where in the request the refused attribute begins, counted from its nlmsghdr.
  std::optional<std::uint32_t> offset{};
  /// The attribute that the kernel missed, and the nest (by offset) that it missed it in.
  std::optional<std::uint32_t> missing_type{};
  std::optional<std::uint32_t> missing_nest{};
  std::optional<sys::AllowedRange> allowed{};
};

/// Reads an NLMSG_ERROR or NLMSG_DONE message, whose layouts differ; nothing if it is malformed.
/// `message` begins with its nlmsghdr.
std::optional<Acknowledgement> read_acknowledgement(BytesView message);

}  // namespace vethwork::netlink
