#include "rtnl/link_removal.hpp"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <random>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "netlink/ask.hpp"
#include "netlink/attributes.hpp"
#include "rtnl/link_message.hpp"

namespace vethwork::rtnl {
namespace {

using netlink::Ask;
using netlink::BytesView;
using netlink::Message;

/// Ours: "vw" and a number. Groups are 31 bits; people and ip-link(8) use small ones.
constexpr std::uint32_t kFirstScratchGroup = 0x76770000;
constexpr std::uint32_t kScratchGroups = 0x10000;

using Asks = std::vector<std::unique_ptr<Ask>>;

/// What has to be known of a link before it is put into another group.
struct Seen {
  std::uint32_t group;
  /// Hardware and `lo` have no rtnl_link_ops and make a whole group undeletable.
  bool has_kind;
};

struct Survey {
  std::unordered_map<std::uint32_t, Seen> links;
  std::unordered_set<std::uint32_t> groups;

  [[nodiscard]] bool can_be_grouped(std::uint32_t index) const {
    const auto link = links.find(index);
    return link != links.end() && link->second.has_kind;
  }
};

Message with_group(std::uint16_t type, std::uint32_t index, std::uint32_t group) {
  Message message = link_message(type, index);
  message.integer(IFLA_GROUP, group);
  return message;
}

void note(BytesView part, Survey& survey) {
  const BytesView body = part.subspan(NLMSG_HDRLEN);
  const auto header = netlink::read<ifinfomsg>(body);
  if (!header) return;
  const BytesView attributes = body.subspan(NLMSG_ALIGN(sizeof(ifinfomsg)));
  const auto group = netlink::find_attribute(attributes, IFLA_GROUP);
  const auto info = netlink::find_attribute(attributes, IFLA_LINKINFO);
  const Seen seen{.group = group ? netlink::read<std::uint32_t>(*group).value_or(0) : 0,
                  .has_kind = info && netlink::find_attribute(*info, IFLA_INFO_KIND)};
  survey.links.emplace(static_cast<std::uint32_t>(header->ifi_index), seen);
  survey.groups.insert(seen.group);
}

/// Every link's group; nothing if they cannot be listed.
std::optional<Survey> survey_links(netlink::Socket& socket) {
  Ask ask{link_list_message()};
  socket.dump(ask);
  if (!ask.succeeded()) return std::nullopt;
  Survey survey;
  for (const auto& part : ask.parts()) note(part, survey);
  return survey;
}

std::uint32_t unused_group(const Survey& survey) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  std::uint32_t group = 0;
  do {
    group = kFirstScratchGroup + static_cast<std::uint32_t>(random()) % kScratchGroups;
  } while (survey.groups.contains(group));
  return group;
}

void remove_one_by_one(netlink::Socket& socket, std::span<Removal* const> removals) {
  Asks asks;
  for (const Removal* removal : removals) {
    asks.push_back(std::make_unique<Ask>(link_message(RTM_DELLINK, removal->index)));
  }
  netlink::exchange_all(socket, asks);
  for (std::size_t position = 0; position < removals.size(); ++position) {
    removals[position]->answer = asks[position]->acknowledgement();
  }
}

/// Puts links into a group and returns those that are in it; the others have their answer.
std::vector<Removal*> gather(netlink::Socket& socket, std::span<Removal* const> removals,
                             std::uint32_t group) {
  Asks asks;
  for (const Removal* removal : removals) {
    asks.push_back(std::make_unique<Ask>(with_group(RTM_NEWLINK, removal->index, group)));
  }
  netlink::exchange_all(socket, asks);
  std::vector<Removal*> gathered;
  for (std::size_t position = 0; position < removals.size(); ++position) {
    if (asks[position]->succeeded()) {
      gathered.push_back(removals[position]);
    } else {
      removals[position]->answer = asks[position]->acknowledgement();
    }
  }
  return gathered;
}

void give_groups_back(netlink::Socket& socket, std::span<Removal* const> removals,
                      const Survey& survey) {
  Asks asks;
  for (const Removal* removal : removals) {
    const std::uint32_t group = survey.links.at(removal->index).group;
    asks.push_back(std::make_unique<Ask>(with_group(RTM_NEWLINK, removal->index, group)));
  }
  netlink::exchange_all(socket, asks);
}

void remove_together(netlink::Socket& socket, std::span<Removal* const> removals,
                     const Survey& survey) {
  const std::uint32_t group = unused_group(survey);
  const std::vector<Removal*> gathered = gather(socket, removals, group);
  if (gathered.empty()) return;
  Ask deletion{with_group(RTM_DELLINK, 0, group)};
  netlink::Request* const one = &deletion;
  socket.exchange({&one, 1});
  if (deletion.succeeded()) return;
  give_groups_back(socket, gathered, survey);
  remove_one_by_one(socket, gathered);
}

}  // namespace

void remove_links(netlink::Socket& socket, std::span<Removal> removals) {
  std::vector<Removal*> together;
  std::vector<Removal*> alone;
  const auto survey = removals.size() > 1 ? survey_links(socket) : std::nullopt;
  std::unordered_set<std::uint32_t> taken;
  for (Removal& removal : removals) {
    const bool groupable = survey && survey->can_be_grouped(removal.index);
    // A link that is named twice is deleted once; the second time it is gone.
    const bool first = taken.insert(removal.index).second;
    (groupable && first ? together : alone).push_back(&removal);
  }
  if (together.size() == 1) {
    remove_one_by_one(socket, together);
  } else if (!together.empty()) {
    remove_together(socket, together, *survey);
  }
  remove_one_by_one(socket, alone);
}

}  // namespace vethwork::rtnl
