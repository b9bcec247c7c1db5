#include "sys/poller.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <limits>

#include "sys/refusal.hpp"

namespace vethwork::sys {
namespace {

/// What is ready beyond this many is told of by the next wait.
constexpr std::size_t kMostReady = 64;

void require(bool done) {
  if (!done) throw Refused{refusal_of_errno("cannot wait for descriptors")};
}

}  // namespace

Poller::Poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  require(static_cast<bool>(epoll_));
  wakes_ = UniqueFd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  require(static_cast<bool>(wakes_));
  require(add(wakes_.get(), nullptr, For::data));
}

bool Poller::add(int fd, void* token, For what) const noexcept {
  epoll_event event{};
  event.events = what == For::data ? EPOLLIN : EPOLLPRI;
  event.data.ptr = token;
  return ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void Poller::remove(int fd) const noexcept {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void Poller::wake() const noexcept { ::eventfd_write(wakes_.get(), 1); }

std::size_t Poller::wait(std::span<void*> ready,
                         std::optional<std::chrono::milliseconds> timeout) const {
  std::array<epoll_event, kMostReady> events{};
  const auto most = static_cast<int>(std::min(events.size(), ready.size()));
  const auto patience =
      timeout ? std::clamp<std::int64_t>(timeout->count(), 0, std::numeric_limits<int>::max())
              : std::int64_t{-1};
  const int count = ::epoll_wait(epoll_.get(), events.data(), most, static_cast<int>(patience));
  std::size_t told = 0;
  for (int position = 0; position < count; ++position) {
    const epoll_event& event = events.at(static_cast<std::size_t>(position));
    if (event.data.ptr == nullptr) {
      eventfd_t wakes = 0;
      ::eventfd_read(wakes_.get(), &wakes);
    } else {
      ready[told++] = event.data.ptr;
    }
  }
  return told;
}

}  // namespace vethwork::sys
