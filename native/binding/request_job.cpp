#include "binding/request_job.hpp"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <utility>

#include "binding/convert.hpp"
#include "netlink/attributes.hpp"
#include "rtnl/link_index.hpp"
#include "rtnl/link_removal.hpp"

namespace vethwork::binding {
namespace {

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
  // std::atomic_ref, in words that libc++ 17 knows, too.
  return __atomic_compare_exchange_n(token_, &queued, kSent, /*weak=*/false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST);
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
  if (!record) return false;
  if (operation_.message == RTM_NEWLINK) complete_echo(*record);
  rows_.add(std::move(*record));
  return true;
}

void RequestJob::complete_echo(rtnl::Record& link) const {
  // net/core/rtnetlink.c, rtnl_newlink_create(): the master is set after the echo was sent.
  const netlink::BytesView attributes =
      netlink::BytesView{encoded_.message}.subspan(NLMSG_HDRLEN + sizeof(ifinfomsg));
  const auto master = netlink::find_attribute(attributes, IFLA_MASTER);
  const auto index = master ? netlink::read<std::uint32_t>(*master) : std::nullopt;
  if (index && *index != 0) link.set("master", static_cast<double>(*index));
}

void RequestJob::on_end(const netlink::Acknowledgement& acknowledgement, bool interrupted) {
  interrupted_ = interrupted;
  if (acknowledgement.error != 0) {
    fail(rtnl::refusal_of(acknowledgement, *operation_.noun, encoded_.message));
  } else if (interrupted) {
    fail({.error = EINTR, .detail = "the list kept changing while it was read"});
  }
}

Napi::Value RequestJob::result(Environment& environment) {
  if (operation_.answer == rtnl::Answer::nothing) return environment.env().Undefined();
  if (!rows_.show_some(environment)) return {};
  const Napi::Value shown = rows_.shown(environment);
  return operation_.answer == rtnl::Answer::many ? shown : shown.As<Napi::Array>().Get(0U);
}

Napi::Value RequestJob::rejection(Environment& environment) {
  Napi::Object refusal = refusal_object(environment.env(), *refusal_);
  if (interrupted_) {
    while (!rows_.show_some(environment)) {
    }
    refusal.Set("rows", rows_.shown(environment));
  }
  return refusal;
}

}  // namespace vethwork::binding
