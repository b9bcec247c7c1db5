#include "rtnl/endpoint.hpp"

#include <linux/rtnetlink.h>

#include <exception>
#include <optional>
#include <utility>

#include "netlink/ask.hpp"
#include "rtnl/link_index.hpp"
#include "rtnl/link_message.hpp"
#include "sys/netns.hpp"
#include "sys/sysctl.hpp"

namespace vethwork::rtnl {
namespace {

using netlink::Ask;

/// A step that the kernel refused.
struct StepRefused {
  sys::Refusal refusal;
  std::string_view operation;
};

void check(const Step& step, const Ask& ask) {
  if (ask.succeeded()) return;
  throw StepRefused{
      .refusal = refusal_of(ask.acknowledgement(), *step.operation->noun, step.encoded.message),
      .operation = step.operation->name};
}

void look_up_links(netlink::Socket& socket, Step& step) {
  for (const LinkReference& link : step.encoded.references) {
    const auto index = link_index(socket, link.name);
    if (!index) {
      throw StepRefused{.refusal = {.error = ENODEV,
                                    .detail = "no link named \"" + link.name + "\"",
                                    .field = link.path},
                        .operation = step.operation->name};
    }
    netlink::overwrite(step.encoded.message, link.offset, *index);
  }
}

netlink::Socket open_inside(int namespace_fd) {
  const sys::Inside inside{namespace_fd};
  return netlink::Socket::open();
}

/// Undoes what was made unless it is kept. Closing the namespace alone would do, but later.
class Undo {
 public:
  explicit Undo(netlink::Socket& inside) : inside_(inside) {}
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  ~Undo() {
    if (!deletion_) return;
    netlink::Request* const one = &*deletion_;
    inside_.exchange({&one, 1});
  }

  void made(std::uint32_t index) { deletion_.emplace(link_message(RTM_DELLINK, index)); }
  void keep() { deletion_.reset(); }

 private:
  netlink::Socket& inside_;
  std::optional<Ask> deletion_;
};

/// The indexes of both ends, from the echo of the creating message.
void read_indexes(const Ask& creation, EndpointResult& result) {
  if (creation.parts().empty()) throw sys::Refused{{.error = EBADMSG, .detail = "no echo came"}};
  const auto body = netlink::BytesView{creation.parts().front()}.subspan(NLMSG_HDRLEN);
  const auto link = decode(kLink, body);
  if (!link) throw sys::Refused{{.error = EBADMSG}};
  result.index = link->integer<std::uint32_t>("index");
  result.host_index = link->integer<std::uint32_t>("peerIndex");
}

std::vector<std::unique_ptr<Ask>> exchange(netlink::Socket& socket, std::vector<Step>& steps) {
  std::vector<std::unique_ptr<Ask>> asks;
  asks.reserve(steps.size());
  for (const Step& step : steps) asks.push_back(std::make_unique<Ask>(step.encoded.message));
  netlink::exchange_all(socket, asks);
  return asks;
}

}  // namespace

EndpointMaker::EndpointMaker(int host_namespace) : host_(open_inside(host_namespace)) {}

EndpointResult EndpointMaker::make(EndpointPlan& plan) noexcept {
  EndpointResult result;
  try {
    std::optional<netlink::Socket> inside;
    auto ns = std::make_shared<const sys::UniqueFd>(sys::create_namespace([&](int) {
      if (!plan.ipv6) sys::write_sysctl("ipv6/conf/all/disable_ipv6", "1");
      inside = netlink::Socket::open();
    }));

    Undo undo{*inside};
    const auto asks = exchange(*inside, plan.inside);
    // The kernel goes on after a failing message, so each answer counts, the first one first.
    check(plan.inside.front(), *asks.front());
    read_indexes(*asks.front(), result);
    undo.made(result.index);
    for (std::size_t step = 1; step < asks.size(); ++step) check(plan.inside[step], *asks[step]);

    look_up_links(host_, plan.outside);
    netlink::overwrite(plan.outside.encoded.message, NLMSG_HDRLEN + offsetof(ifinfomsg, ifi_index),
                       result.host_index);
    Ask port{plan.outside.encoded.message};
    netlink::Request* const one = &port;
    host_.exchange({&one, 1});
    check(plan.outside, port);

    if (!plan.name.empty()) sys::bind_name(ns->get(), plan.name);
    undo.keep();
    result.ns = std::move(ns);
  } catch (const StepRefused& refused) {
    result.refusal = refused.refusal;
    result.refused = refused.operation;
  } catch (const sys::Refused& refused) {
    result.refusal = refused.refusal;
    result.refused = "createNamespace";
  } catch (const std::exception& error) {
    result.refusal = sys::Refusal{.error = ENOMEM, .detail = error.what()};
  }
  return result;
}

}  // namespace vethwork::rtnl
