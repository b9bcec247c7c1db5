#include "sys/mount_table.hpp"

#include <fcntl.h>

#include "sys/refusal.hpp"

namespace vethwork::sys {

MountTable::MountTable() : fd_(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)) {
  if (!fd_) throw Refused{refusal_of_errno("cannot open /proc/self/mountinfo")};
}

}  // namespace vethwork::sys
