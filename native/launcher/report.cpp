#include "launcher/report.hpp"

#include <fcntl.h>

#include "launcher/kernel.hpp"
#include "launcher/text.hpp"

namespace vethwork::launcher {
namespace {

/// What shells give for a program that could not be started.
constexpr int kNotStarted = 127;

int status_fd = -1;

}  // namespace

void report_to(int fd) {
  status_fd = fd;
  kernel::close_on_exec(fd);
}

void fail(const char* step, long error, const char* path) {
  const Path report{step, " ", Decimal{static_cast<unsigned long>(-error)}.text(), " ", path};
  kernel::write(status_fd, report.text(), report.size());
  kernel::exit(kNotStarted);
}

}  // namespace vethwork::launcher
