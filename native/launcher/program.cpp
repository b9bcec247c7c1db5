#include "launcher/program.hpp"

#include <cerrno>

#include "launcher/kernel.hpp"
#include "launcher/report.hpp"
#include "launcher/text.hpp"

namespace vethwork::launcher {
namespace {

/// Where programs are looked for without a PATH, as confstr(_CS_PATH) has it.
constexpr std::string_view kDefaultPath = "/bin:/usr/bin";

std::string_view path_of(char** environment) {
  constexpr std::string_view kPrefix = "PATH=";
  for (; *environment != nullptr; ++environment) {
    std::string_view variable{*environment};
    if (begins_with(variable, kPrefix)) {
      variable.remove_prefix(kPrefix.size());
      return variable;
    }
  }
  return kDefaultPath;
}

/// Returns only if it was refused.
long start(const char* path, char** arguments, char** environment) {
  const long error = kernel::execute(path, arguments, environment);
  if (error != -ENOEXEC) return error;
  char shell[] = "/bin/sh";
  char* const own_name = *arguments;
  arguments[-1] = shell;
  arguments[0] = const_cast<char*>(path);
  const long shell_error = kernel::execute(shell, arguments - 1, environment);
  arguments[0] = own_name;
  return shell_error;
}

/// Whether the next directory is to be tried, as it is where a file is missing or out of reach.
bool goes_on(long error) {
  return error == -ENOENT || error == -EACCES || error == -ENOTDIR || error == -ESTALE ||
         error == -ENODEV || error == -ETIMEDOUT;
}

long search(std::string_view file, char** arguments, char** environment) {
  std::string_view rest = path_of(environment);
  long error = -ENOENT;
  bool denied = false;
  // An empty directory is the current one, also behind the last colon.
  for (bool more = true; more;) {
    more = rest.find(':') != std::string_view::npos;
    const std::string_view directory = take_until(rest, ':');
    const Path path{directory, directory.empty() ? "" : "/", file};
    error = path.fits() ? start(path.text(), arguments, environment) : -ENAMETOOLONG;
    if (error == -EACCES) denied = true;
    if (!goes_on(error)) return error;
  }
  return denied ? -EACCES : error;
}

}  // namespace

void become(std::string_view user, std::string_view group) {
  // Refused to who may not, or in a user namespace; as Node does, that is left as it is.
  if (!user.empty() || !group.empty()) kernel::drop_groups();
  if (!group.empty()) {
    const long result = kernel::set_group(number_of(group));
    if (result < 0) fail("start", result);
  }
  if (!user.empty()) {
    const long result = kernel::set_user(number_of(user));
    if (result < 0) fail("start", result);
  }
}

void become(const char* file, char** arguments, char** environment) {
  const std::string_view name{file};
  const bool path = name.empty() || name.find('/') != std::string_view::npos;
  fail("start", path ? start(file, arguments, environment) : search(name, arguments, environment));
}

}  // namespace vethwork::launcher
