// The functions that compilers and the headers of the standard library expect a C library to have.
#include <cstddef>

// Of an empty statement in assembler a compiler knows nothing: without it, it would recognise what
// a loop does, and put a call of the very function in its place.

extern "C" {

void* memcpy(void* to, const void* from, std::size_t size) {
  for (std::size_t position = 0; position < size; ++position) {
    asm volatile("");
    static_cast<char*>(to)[position] = static_cast<const char*>(from)[position];
  }
  return to;
}

void* memset(void* to, int byte, std::size_t size) {
  for (std::size_t position = 0; position < size; ++position) {
    asm volatile("");
    static_cast<char*>(to)[position] = static_cast<char>(byte);
  }
  return to;
}

int memcmp(const void* one, const void* other, std::size_t size) {
  for (std::size_t position = 0; position < size; ++position) {
    asm volatile("");
    const int difference = static_cast<const unsigned char*>(one)[position] -
                           static_cast<const unsigned char*>(other)[position];
    if (difference != 0) return difference;
  }
  return 0;
}

void* memchr(const void* in, int byte, std::size_t size) {
  for (std::size_t position = 0; position < size; ++position) {
    asm volatile("");
    const char* const place = static_cast<const char*>(in) + position;
    if (*place == static_cast<char>(byte)) return const_cast<char*>(place);
  }
  return nullptr;
}

std::size_t strlen(const char* text) {
  std::size_t length = 0;
  for (; text[length] != '\0'; ++length) asm volatile("");
  return length;
}

}  // extern "C"
