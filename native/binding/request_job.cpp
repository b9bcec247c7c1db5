#include "binding/request_job.hpp"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <atomic>
#include <limits>

#include "binding/convert.hpp"
#include "netlink/attributes.hpp"
#include "rtnl/link_index.hpp"
#include "rtnl/link_removal.hpp"

namespace vethwork::binding {
namespace {

/// How many records become JavaScript in one turn of the event loop: about a millisecond's worth.
constexpr std::size_t kRecordsPerTurn = 64;

/// An echoed record takes as much of the receive queue as a few acknowledgements.
constexpr std::size_t kEchoWeight = 4;

}  // namespace

void RequestJob::drop_by(Napi::Int32Array token) {
  token_ = token.Data();
  token_owner_ = Napi::Persistent(token.As<Napi::Object>());
}

bool RequestJob::begin() {
  if (token_ == nullptr) return true;
  std::int32_t queued = 0;
  constexpr std::int32_t kSent = 1;
  return std::atomic_ref{*token_}.compare_exchange_strong(queued, kSent);
}

std::size_t RequestJob::weight() const {
  return operation_.answer == rtnl::Answer::one ? kEchoWeight : 1;
}

bool RequestJob::prepare(netlink::Socket& socket) {
  for (const rtnl::LinkReference& link : encoded_.references) {
    const auto index = rtnl::link_index(socket, link.name);
    if (!index) {
      fail({.error = ENODEV, .detail = "no link named \"" + link.name + "\"", .field = link.path});
      return false;
    }
    netlink::overwrite(encoded_.message, link.offset, *index);
  }
  return true;
}

const void* RequestJob::together_token() const {
  static constexpr char kLinkDeletions = 0;
  return operation_.message == RTM_DELLINK ? &kLinkDeletions : nullptr;
}

void RequestJob::run_together(netlink::Socket& socket, std::span<engine::Job* const> jobs) {
  std::vector<RequestJob*> found;
  std::vector<rtnl::Removal> removals;
  for (engine::Job* job : jobs) {
    auto* request = static_cast<RequestJob*>(job);
    if (!request->prepare(socket)) continue;
    const netlink::BytesView body =
        netlink::BytesView{request->encoded_.message}.subspan(NLMSG_HDRLEN);
    found.push_back(request);
    removals.push_back({static_cast<std::uint32_t>(netlink::read<ifinfomsg>(body)->ifi_index)});
  }
  rtnl::remove_links(socket, removals);
  for (std::size_t position = 0; position < found.size(); ++position) {
    found[position]->on_end(removals[position].answer, false);
  }
}

bool RequestJob::on_part(netlink::BytesView message) {
  auto record = rtnl::decode(*operation_.noun, message.subspan(NLMSG_HDRLEN));
  if (record) records_.push_back(std::move(*record));
  return record.has_value();
}

void RequestJob::complete_echo() {
  if (operation_.message != RTM_NEWLINK || records_.empty()) return;
  // net/core/rtnetlink.c, rtnl_newlink_create(): the master is set after the echo was sent.
  const netlink::BytesView attributes =
      netlink::BytesView{encoded_.message}.subspan(NLMSG_HDRLEN + sizeof(ifinfomsg));
  const auto master = netlink::find_attribute(attributes, IFLA_MASTER);
  const auto index = master ? netlink::read<std::uint32_t>(*master) : std::nullopt;
  if (index && *index != 0) records_.front().set("master", static_cast<double>(*index));
}

void RequestJob::on_end(const netlink::Acknowledgement& acknowledgement, bool interrupted) {
  interrupted_ = interrupted;
  if (acknowledgement.error != 0) {
    fail(rtnl::refusal_of(acknowledgement, *operation_.noun, encoded_.message));
  } else if (!interrupted) {
    complete_echo();
  } else {
    fail({.error = EINTR, .detail = "the list kept changing while it was read"});
  }
}

bool RequestJob::convert_some(Environment& environment, std::size_t most) {
  if (converted_.IsEmpty()) {
    converted_ =
        Napi::Persistent(Napi::Array::New(environment.env(), records_.size()).As<Napi::Object>());
  }
  const Napi::Object list = converted_.Value();
  const std::size_t end = next_ + std::min(most, records_.size() - next_);
  for (; next_ < end; ++next_) {
    list.Set(static_cast<std::uint32_t>(next_), object_of(environment, records_[next_]));
  }
  return next_ == records_.size();
}

Napi::Value RequestJob::result(Environment& environment) {
  switch (operation_.answer) {
    case rtnl::Answer::many:
      if (!convert_some(environment, kRecordsPerTurn)) return {};
      return converted_.Value();
    case rtnl::Answer::one:
      if (!records_.empty()) return object_of(environment, records_.front());
      return environment.env().Undefined();
    default:
      return environment.env().Undefined();
  }
}

Napi::Value RequestJob::rejection(Environment& environment) {
  Napi::Object refusal = refusal_object(environment.env(), *refusal_);
  if (interrupted_) {
    convert_some(environment, std::numeric_limits<std::size_t>::max());
    refusal.Set("rows", converted_.Value());
  }
  return refusal;
}

}  // namespace vethwork::binding
