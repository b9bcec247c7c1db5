#include "launcher/launch.hpp"

#include <sched.h>

#include <string_view>

#include "launcher/kernel.hpp"
#include "launcher/mounts.hpp"
#include "launcher/program.hpp"
#include "launcher/report.hpp"
#include "launcher/text.hpp"

namespace vethwork::launcher {
namespace {

/// How many words a command line has at least; see `launch`.
constexpr std::size_t kFewestWords = 9;

void enter(int namespace_fd) {
  const long result = kernel::enter_namespace(namespace_fd, CLONE_NEWNET);
  if (result < 0) fail("enter", result);
  kernel::close(namespace_fd);
}

}  // namespace

void launch(Words line, char** environment) {
  if (line.count < kFewestWords) {
    constexpr std::string_view kUsage = "vethwork-launcher: only spawn() and exec() start this\n";
    kernel::write(2, kUsage.data(), kUsage.size());
    kernel::exit(2);
  }
  char** const words = line.words;
  report_to(static_cast<int>(number_of(words[2])));
  enter(static_cast<int>(number_of(words[1])));
  if (std::string_view{words[3]} == "own") enter_own_mounts(words[4]);
  become(words[5], words[6]);
  become(words[7], words + 8, environment);
}

}  // namespace vethwork::launcher
