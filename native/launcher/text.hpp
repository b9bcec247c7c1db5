// Text without a heap: paths put together in place, and numbers.
#pragma once

#include <array>
#include <climits>
#include <cstddef>
#include <string_view>

namespace vethwork::launcher {

/// The parts of a path, one after the other, with a NUL behind them.
class Path {
 public:
  template <typename... Parts>
  explicit Path(Parts... parts) {
    (append(parts), ...);
    bytes_[size_] = '\0';
  }

  /// False if the parts are longer than any path that the kernel takes; they are cut off then.
  [[nodiscard]] bool fits() const { return fits_; }
  [[nodiscard]] const char* text() const { return bytes_.data(); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  void append(std::string_view part) {
    for (const char letter : part) {
      if (size_ + 1 == bytes_.size()) {
        fits_ = false;
        return;
      }
      bytes_[size_++] = letter;
    }
  }

  std::array<char, PATH_MAX> bytes_;
  std::size_t size_ = 0;
  bool fits_ = true;
};

/// The digits of a number.
class Decimal {
 public:
  explicit Decimal(unsigned long number) {
    do {
      digits_[--first_] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number > 0);
  }

  [[nodiscard]] std::string_view text() const {
    return {digits_.data() + first_, digits_.size() - first_};
  }

 private:
  std::array<char, 20> digits_{};
  std::size_t first_ = digits_.size();
};

/// The number that digits stand for.
inline long number_of(std::string_view digits) {
  long number = 0;
  for (const char digit : digits) number = number * 10 + (digit - '0');
  return number;
}

/// As `starts_with()`, but that may end in an exception of libc++, which nothing here could throw.
inline bool begins_with(std::string_view text, std::string_view beginning) {
  return text.size() >= beginning.size() &&
         std::string_view{text.data(), beginning.size()} == beginning;
}

/// True for `directory` and what is below it.
inline bool is_within(std::string_view path, std::string_view directory) {
  return begins_with(path, directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

/// What is before the next `mark`, which goes from `rest` with it.
inline std::string_view take_until(std::string_view& rest, char mark) {
  const std::size_t end = rest.find(mark);
  const std::string_view part{rest.data(), end == std::string_view::npos ? rest.size() : end};
  rest.remove_prefix(part.size() == rest.size() ? part.size() : part.size() + 1);
  return part;
}

}  // namespace vethwork::launcher
