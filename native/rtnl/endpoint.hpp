// Makes endpoints: a namespace, a veth into it, address, routes and bridge port, in few messages.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "netlink/socket.hpp"
#include "rtnl/codec.hpp"
#include "sys/fd.hpp"
#include "sys/refusal.hpp"

namespace vethwork::rtnl {

/// One message of a plan and the operation that it belongs to.
struct Step {
  const Operation* operation;
  Encoded encoded;
};

/// What an endpoint shall be like, encoded and checked before anything is made.
struct EndpointPlan {
  /// Its name in /run/netns; empty for an anonymous one.
  std::string name;
  bool ipv6;
  /// Sent inside, in one send; the first creates the veth, whose main device is the inner end.
  std::vector<Step> inside;
  /// Sent at home for the outer end, whose index is filled in.
  Step outside;
};

/// An endpoint that was made, or why it was not: then nothing of it is left.
struct EndpointResult {
  std::shared_ptr<const sys::UniqueFd> ns{};
  std::uint32_t index = 0;
  std::uint32_t host_index = 0;
  std::optional<sys::Refusal> refusal{};
  /// The operation that was refused.
  std::string_view refused{};
};

/// Makes endpoints on one host; one thread at a time may use it.
class EndpointMaker {
 public:
  /// Throws `sys::Refused`.
  explicit EndpointMaker(int host_namespace);

  [[nodiscard]] EndpointResult make(EndpointPlan& plan) noexcept;

 private:
  netlink::Socket host_;
};

}  // namespace vethwork::rtnl
