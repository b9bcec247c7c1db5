// Builds one netlink message, front to back.
//
//   | nlmsghdr 16 | family header | attribute | attribute … |      every part padded to 4
//
// A nested attribute is an attribute whose value is attributes.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "netlink/bytes.hpp"

namespace vethwork::netlink {

/// The most bytes that the value of one attribute can have: its length field has 16 bits.
inline constexpr std::size_t kLargestValue = 0xffff - NLA_HDRLEN;

/// A message under construction.
///
///     Message message{RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL};
///     message.body(ifinfomsg{});
///     message.text(IFLA_IFNAME, "veth0");
///     {
///       const auto info = message.nest(IFLA_LINKINFO);
///       message.text(IFLA_INFO_KIND, "veth");
///     }
class Message {
 public:
  /// Closes a nested attribute, which then learns its length, when it dies.
  class Nest {
   public:
    Nest(Message& message, std::uint16_t type) : message_(message), start_(message.buffer_.size()) {
      message_.append(bytes_of(
          nlattr{.nla_len = 0, .nla_type = static_cast<std::uint16_t>(type | NLA_F_NESTED)}));
    }
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;
    ~Nest() { message_.close_nest(start_); }

    /// True as long as nothing was written into the nest.
    [[nodiscard]] bool empty() const { return message_.buffer_.size() == start_ + NLA_HDRLEN; }

    /// Takes back an empty nest: the guard then writes nothing.
    void drop() const { message_.buffer_.resize(start_); }

   private:
    Message& message_;
    std::size_t start_;
  };

  /// Who reads one thing can do without the acknowledgement: the answer is one.
  enum class Acknowledge : std::uint16_t { yes = NLM_F_ACK, no = 0 };

  Message(std::uint16_t type, std::uint16_t flags, Acknowledge acknowledge = Acknowledge::yes) {
    append(bytes_of(nlmsghdr{
        .nlmsg_len = 0,
        .nlmsg_type = type,
        .nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST |
                                                  static_cast<std::uint16_t>(acknowledge)),
        .nlmsg_seq = 0,
        .nlmsg_pid = 0,
    }));
  }

  /// Appends the family header: ifinfomsg, ifaddrmsg, rtmsg.
  template <Plain T>
  void body(const T& value) {
    append(bytes_of(value));
  }

  /// Appends an attribute. Throws `std::length_error` above `kLargestValue` bytes.
  void bytes(std::uint16_t type, BytesView value) {
    if (value.size() > kLargestValue) throw std::length_error{"attribute too long"};
    const nlattr header{.nla_len = static_cast<std::uint16_t>(NLA_HDRLEN + value.size()),
                        .nla_type = type};
    buffer_.reserve(buffer_.size() + NLA_HDRLEN + NLA_ALIGN(value.size()));
    append(bytes_of(header));
    append(value);
  }

  template <std::integral T>
  void integer(std::uint16_t type, T value) {
    bytes(type, bytes_of(value));
  }

  /// Appends text with its final NUL.
  void text(std::uint16_t type, std::string_view value) {
    const std::string terminated{value};
    bytes(type, bytes_of_text({terminated.c_str(), terminated.size() + 1}));
  }

  /// Opens a nested attribute; see `Nest`.
  [[nodiscard]] Nest nest(std::uint16_t type) { return Nest{*this, type}; }

  /// Appends bytes as they are, padded: the header inside a nest (`rtnexthop`, a peer's
  /// `ifinfomsg`).
  void append(BytesView part) {
    buffer_.insert(buffer_.end(), part.begin(), part.end());
    buffer_.resize(NLMSG_ALIGN(buffer_.size()));
  }

  /// How many bytes there are; the offset of what is appended next.
  [[nodiscard]] std::size_t size() const { return buffer_.size(); }

  /// Writes a value over bytes that are already there.
  template <Plain T>
  void overwrite(std::size_t offset, const T& value) {
    netlink::overwrite(std::span{buffer_}, offset, value);
  }

  /// The finished bytes. The socket owns the numbering and stamps the sequence.
  /// Throws `std::length_error` if a nested attribute outgrew its length field.
  [[nodiscard]] Bytes finish() && {
    if (too_long_) throw std::length_error{"nested attribute too long"};
    overwrite(0, static_cast<std::uint32_t>(buffer_.size()));
    return std::move(buffer_);
  }

 private:
  void close_nest(std::size_t start) {
    if (buffer_.size() <= start) return;
    const std::size_t length = buffer_.size() - start;
    if (length > 0xffff) {
      too_long_ = true;
      return;
    }
    overwrite(start, static_cast<std::uint16_t>(length));
  }

  Bytes buffer_;
  bool too_long_ = false;
};

}  // namespace vethwork::netlink
