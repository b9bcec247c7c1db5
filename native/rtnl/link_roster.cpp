#include "rtnl/link_roster.hpp"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <unordered_set>

#include "netlink/ask.hpp"
#include "netlink/attributes.hpp"
#include "sys/refusal.hpp"

namespace vethwork::rtnl {
namespace {

/// Interface numbers grow from 1; up to here a row is found by position, beyond it by hash.
constexpr std::uint32_t kNearIndexes = 1U << 20;

std::uint32_t number_in(netlink::BytesView attributes, std::uint16_t type) {
  const auto value = netlink::find_attribute(attributes, type);
  return value ? netlink::read<std::uint32_t>(*value).value_or(0) : 0;
}

std::optional<LinkNews> read_news(netlink::BytesView message) {
  const auto header = netlink::read<nlmsghdr>(message);
  if (!header || (header->nlmsg_type != RTM_NEWLINK && header->nlmsg_type != RTM_DELLINK)) {
    return std::nullopt;
  }
  const auto body = message.subspan(NLMSG_HDRLEN);
  const auto info = netlink::read<ifinfomsg>(body);
  // Bridges tell of their ports in AF_BRIDGE messages, which are no births and deaths of links.
  if (!info || info->ifi_family != AF_UNSPEC) return std::nullopt;
  const auto attributes = body.subspan(NLMSG_ALIGN(sizeof(ifinfomsg)));
  const auto name = netlink::find_attribute(attributes, IFLA_IFNAME);
  return LinkNews{.type = header->nlmsg_type,
                  .index = static_cast<std::uint32_t>(info->ifi_index),
                  .group = number_in(attributes, IFLA_GROUP),
                  .master = number_in(attributes, IFLA_MASTER),
                  .name = name ? std::string{netlink::text_of(*name)} : std::string{}};
}

}  // namespace

LinkRoster::LinkRoster(LinkSelection selection)
    : selection_(std::move(selection)),
      // Listening begins before listing, so that nothing falls in between.
      events_(netlink::Events::open(RTNLGRP_LINK)),
      socket_(netlink::Socket::open()) {
  list();
}

bool LinkRoster::selects(const LinkNews& news) const {
  if (selection_.indexes) {
    return std::ranges::find(*selection_.indexes, news.index) != selection_.indexes->end();
  }
  if (selection_.master) return *selection_.master == news.master;
  return !selection_.group || *selection_.group == news.group;
}

void LinkRoster::set_row(std::uint32_t index, std::uint32_t row) {
  if (index >= kNearIndexes) {
    far_rows_[index] = row;
    return;
  }
  if (index >= rows_by_index_.size()) rows_by_index_.resize(std::size_t{index} + 1, kNoRow);
  rows_by_index_[index] = row;
}

void LinkRoster::add(std::uint32_t index, const std::string& name) {
  std::uint32_t row = row_of(index);
  if (row != kNoRow) {
    if (links_[row].name == name) return;
    by_name_.erase(links_[row].name);
  } else {
    if (free_rows_.empty()) {
      free_rows_.push_back(static_cast<std::uint32_t>(links_.size()));
      links_.emplace_back();
    }
    row = free_rows_.back();
    free_rows_.pop_back();
    set_row(index, row);
    changes_.push_back({.added = true, .row = row, .index = index, .name = name});
  }
  links_[row] = {.index = index, .name = name};
  by_name_[name] = row;
}

void LinkRoster::remove(std::uint32_t index) {
  const std::uint32_t row = row_of(index);
  if (row == kNoRow) return;
  changes_.push_back({.added = false, .row = row, .index = index, .name = links_[row].name});
  by_name_.erase(links_[row].name);
  links_[row] = {};
  set_row(index, kNoRow);
  far_rows_.erase(index);
  free_rows_.push_back(row);
}

void LinkRoster::take_in(const LinkNews& news) {
  if (news.type == RTM_NEWLINK && selects(news)) {
    add(news.index, news.name);
  } else {
    remove(news.index);
  }
}

void LinkRoster::hear(netlink::BytesView message) {
  if (const auto news = read_news(message)) take_in(*news);
}

void LinkRoster::list() {
  netlink::Message message{RTM_GETLINK, NLM_F_DUMP};
  message.body(ifinfomsg{});
  message.integer(IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS});
  netlink::Ask ask{std::move(message)};
  socket_.dump(ask);
  if (!ask.succeeded()) {
    const int error = ask.acknowledgement().error;
    throw sys::Refused{
        {.error = error == 0 ? EINTR : error, .detail = ask.acknowledgement().detail}};
  }
  std::unordered_set<std::uint32_t> listed;
  for (const auto& part : ask.parts()) {
    const auto news = read_news(part);
    if (!news) continue;
    listed.insert(news->index);
    take_in(*news);
  }
  for (const std::uint32_t index : indexes()) {
    if (index != 0 && !listed.contains(index)) remove(index);
  }
}

bool LinkRoster::update() {
  const std::size_t known = changes_.size();
  if (!events_.drain([this](netlink::BytesView message) { hear(message); })) list();
  return changes_.size() != known;
}

std::uint32_t LinkRoster::row_named(const std::string& name) const {
  const auto row = by_name_.find(name);
  return row == by_name_.end() ? kNoRow : row->second;
}

std::vector<std::uint32_t> LinkRoster::indexes() const {
  std::vector<std::uint32_t> indexes;
  indexes.reserve(links_.size());
  for (const Entry& link : links_) indexes.push_back(link.index);
  return indexes;
}

std::vector<RosterChange> LinkRoster::take_changes() {
  std::vector<RosterChange> changes;
  std::swap(changes, changes_);
  return changes;
}

}  // namespace vethwork::rtnl
