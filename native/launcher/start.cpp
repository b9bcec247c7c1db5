// Where the kernel enters the launcher.
#include <cstddef>

#include "launcher/launch.hpp"

// The stack as execve() left it: the count of words, their addresses, a null, the environment's.
#if defined(__x86_64__)
asm(R"(
  .global _start
_start:
  xor %ebp, %ebp
  mov %rsp, %rdi
  and $-16, %rsp
  call begin
)");
#elif defined(__aarch64__)
asm(R"(
  .global _start
_start:
  mov x29, #0
  mov x30, #0
  mov x0, sp
  bl begin
)");
#endif

extern "C" [[noreturn]] void begin(char** stack) {
  const auto count = *reinterpret_cast<const std::size_t*>(stack);
  char** const words = stack + 1;
  vethwork::launcher::launch({.count = count, .words = words}, words + count + 1);
}
