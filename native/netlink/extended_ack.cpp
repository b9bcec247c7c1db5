#include "netlink/extended_ack.hpp"

#include <linux/netlink.h>

#include "netlink/attributes.hpp"

namespace vethwork::netlink {
namespace {

/// include/linux/err.h, MAX_ERRNO.
constexpr std::int32_t kLargestErrno = 4095;

std::optional<std::uint64_t> unsigned_of(BytesView value) {
  if (const auto wide = read<std::uint64_t>(value)) return wide;
  return read<std::uint32_t>(value);
}

/// lib/nlattr.c, netlink_policy_dump_write_attr(): which values the attribute may have.
sys::AllowedRange read_policy(BytesView policy) {
  sys::AllowedRange range;
  Attributes attributes{policy};
  while (const auto attribute = attributes.next()) {
    switch (attribute->type) {
      case NL_POLICY_TYPE_ATTR_MIN_VALUE_S:
        range.min = read<std::int64_t>(attribute->value);
        break;
      case NL_POLICY_TYPE_ATTR_MAX_VALUE_S:
        if (const auto max = read<std::int64_t>(attribute->value)) {
          range.max = static_cast<std::uint64_t>(*max);
        }
        break;
      case NL_POLICY_TYPE_ATTR_MIN_VALUE_U:
        if (const auto min = unsigned_of(attribute->value)) {
          range.min = static_cast<std::int64_t>(*min);
        }
        break;
      case NL_POLICY_TYPE_ATTR_MAX_VALUE_U:
      case NL_POLICY_TYPE_ATTR_MAX_LENGTH:
        range.max = unsigned_of(attribute->value);
        break;
      case NL_POLICY_TYPE_ATTR_MASK:
      case NL_POLICY_TYPE_ATTR_BITFIELD32_MASK:
        range.mask = unsigned_of(attribute->value);
        break;
      default:
        break;
    }
  }
  return range;
}

void read_details(BytesView details, Acknowledgement& into) {
  Attributes attributes{details};
  while (const auto attribute = attributes.next()) {
    switch (attribute->type) {
      case NLMSGERR_ATTR_MSG:
        into.detail = text_of(attribute->value);
        break;
      case NLMSGERR_ATTR_OFFS:
        into.offset = read<std::uint32_t>(attribute->value);
        break;
      case NLMSGERR_ATTR_POLICY:
        into.allowed = read_policy(attribute->value);
        break;
      case NLMSGERR_ATTR_MISS_TYPE:
        into.missing_type = read<std::uint32_t>(attribute->value);
        break;
      case NLMSGERR_ATTR_MISS_NEST:
        into.missing_nest = read<std::uint32_t>(attribute->value);
        break;
      default:
        break;
    }
  }
}

}  // namespace

std::optional<Acknowledgement> read_acknowledgement(BytesView message) {
  const auto header = read<nlmsghdr>(message);
  if (!header) return std::nullopt;
  const BytesView body = message.subspan(NLMSG_HDRLEN);
  const auto error = read<std::int32_t>(body);
  if (!error) {
    // A DONE without a result is how dumps ended before Linux 4.x and still do in places.
    return header->nlmsg_type == NLMSG_DONE ? std::optional{Acknowledgement{}} : std::nullopt;
  }

  if (*error > 0 || *error < -kLargestErrno) return std::nullopt;

  // net/netlink/af_netlink.c: netlink_ack() puts the request's header after the errno, and with
  // NLM_F_CAPPED nothing of its payload; netlink_dump_done() puts the details there directly.
  std::size_t details = sizeof(std::int32_t);
  if (header->nlmsg_type == NLMSG_ERROR) {
    const auto request = read<nlmsghdr>(body.subspan(sizeof(std::int32_t)));
    if (!request || request->nlmsg_len < sizeof(nlmsghdr)) return std::nullopt;
    details += sizeof(nlmsghdr);
    const bool capped = (header->nlmsg_flags & NLM_F_CAPPED) != 0;
    if (!capped && *error != 0) details += NLMSG_ALIGN(request->nlmsg_len) - NLMSG_HDRLEN;
  }

  Acknowledgement acknowledgement{.error = -*error};
  if ((header->nlmsg_flags & NLM_F_ACK_TLVS) != 0 && details <= body.size()) {
    read_details(body.subspan(details), acknowledgement);
  }
  return acknowledgement;
}

}  // namespace vethwork::netlink
