#include "rtnl/link_roster.hpp"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "netlink/attributes.hpp"
#include "rtnl/link_message.hpp"
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

/// A list of all links, taken in part by part, since events of what happens meanwhile lie between.
class LinkRoster::Listing final : public netlink::Request {
 public:
  explicit Listing(LinkRoster& roster) : roster_(roster), message_(link_list_message().finish()) {}

  [[nodiscard]] const sys::Refusal& refusal() const { return refusal_; }

  std::span<std::byte> message() override { return message_; }
  bool on_part(netlink::BytesView part) override {
    roster_.hear(part);
    return true;
  }
  void on_restart() override {}
  void on_end(const netlink::Acknowledgement& acknowledgement, bool interrupted) override {
    refusal_ = {.error = acknowledgement.error, .detail = acknowledgement.detail};
    if (interrupted && refusal_.error == 0) refusal_.error = EINTR;
  }

 private:
  LinkRoster& roster_;
  netlink::Bytes message_;
  sys::Refusal refusal_;
};

LinkRoster::LinkRoster(LinkSelection selection)
    : selection_(std::move(selection)), socket_(netlink::Socket::open()) {
  // Listening begins before listing, so that nothing falls in between.
  socket_.listen(RTNLGRP_LINK, *this);
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

void LinkRoster::note(bool added, std::uint32_t row) {
  changes_.push_back(
      {.added = added, .row = row, .index = links_[row].index, .name = links_[row].name});
  moved_ = true;
  told_ = true;
}

void LinkRoster::withdraw(std::uint32_t row) {
  const auto added = std::find_if(changes_.rbegin(), changes_.rend(), [row](const auto& change) {
    return change.added && change.row == row;
  });
  changes_.erase(std::next(added).base());
  moved_ = true;
  told_ = !changes_.empty();
}

void LinkRoster::add(std::uint32_t index, const std::string& name) {
  std::uint32_t row = row_of(index);
  const bool known = row != kNoRow;
  if (known) {
    by_name_.erase(links_[row].name);
  } else {
    if (free_rows_.empty()) {
      free_rows_.push_back(static_cast<std::uint32_t>(links_.size()));
      links_.emplace_back();
    }
    row = free_rows_.back();
    free_rows_.pop_back();
    set_row(index, row);
  }
  const std::uint64_t taking = known ? links_[row].taking : taking_;
  links_[row] = {.index = index, .listing = listing_, .taking = taking, .name = name};
  by_name_[name] = row;
  if (!known) note(true, row);
}

void LinkRoster::remove(std::uint32_t index) {
  const std::uint32_t row = row_of(index);
  if (row == kNoRow) return;
  if (links_[row].taking == taking_) {
    withdraw(row);
  } else {
    note(false, row);
  }
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
  const auto news = read_news(message);
  if (!news) return;
  const std::lock_guard lock{mutex_};
  take_in(*news);
}

void LinkRoster::list() {
  ++listing_;
  missed_ = false;
  Listing listing{*this};
  socket_.dump(listing);
  if (listing.refusal().error != 0) {
    missed_ = true;
    throw sys::Refused{listing.refusal()};
  }
  forget_unlisted();
}

void LinkRoster::forget_unlisted() {
  const std::lock_guard lock{mutex_};
  for (const Entry& link : std::vector{links_}) {
    if (link.index != 0 && link.listing != listing_) remove(link.index);
  }
}

void LinkRoster::hear_pending() { socket_.hear_pending(); }

bool LinkRoster::update() {
  constexpr int kMostListings = 3;
  for (int listing = 0; missed_ && listing < kMostListings; ++listing) list();
  return std::exchange(moved_, false);
}

std::uint32_t LinkRoster::row_named(const std::string& name) const {
  const auto row = by_name_.find(name);
  return row == by_name_.end() ? kNoRow : row->second;
}

std::vector<std::uint32_t> LinkRoster::indexes() const {
  const std::lock_guard lock{mutex_};
  std::vector<std::uint32_t> indexes;
  indexes.reserve(links_.size());
  for (const Entry& link : links_) indexes.push_back(link.index);
  return indexes;
}

std::vector<RosterChange> LinkRoster::take_changes() {
  const std::lock_guard lock{mutex_};
  told_ = false;
  ++taking_;
  return std::exchange(changes_, {});
}

}  // namespace vethwork::rtnl
