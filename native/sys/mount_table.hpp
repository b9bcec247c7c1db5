// Hears of changes to the mount table: names in /run/netns come by being mounted.
#pragma once

#include <atomic>

#include "sys/listening.hpp"

namespace vethwork::sys {

/// Tells that something was mounted or unmounted in the mount namespace of the process.
///
/// A name in /run/netns stands for a namespace from the moment that this is mounted on the file,
/// which no notice of the directory tells (fs/proc_namespace.c, mounts_poll()). It also serves
/// where the directory is not there yet.
class MountTable final : public Listener {
 public:
  /// Throws `Refused`.
  MountTable();

  [[nodiscard]] int descriptor() const override { return fd_.get(); }
  [[nodiscard]] Poller::For awaits() const override { return Poller::For::changes; }
  void read() override { changed_ = true; }
  [[nodiscard]] bool has_news() const override { return changed_; }

  /// Whether it has changed since the last call; on any thread.
  bool take_changed() { return changed_.exchange(false); }

 private:
  UniqueFd fd_;
  std::atomic<bool> changed_ = false;
};

}  // namespace vethwork::sys
