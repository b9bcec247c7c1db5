// A record: named values. What a message says, in neither bytes nor JavaScript.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "netlink/bytes.hpp"

namespace vethwork::rtnl {

/// A descriptor inside a record, and whoever keeps it open until the answer has come.
struct Descriptor {
  int fd;
  std::shared_ptr<const void> owner;
};

class Value;
using List = std::vector<Value>;

/// Named values in the order they were set. Names are string literals of the tables, so that they
/// outlive every record and compare by address where it counts.
class Record {
 public:
  [[nodiscard]] const Value* find(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }

  /// Appends a value under a name that is not there yet; `set` also replaces.
  void append(std::string_view name, Value value);
  void set(std::string_view name, Value value);
  void erase(std::string_view name);
  /// Gives a value another name, if there is one of the old name.
  void rename(std::string_view from, std::string_view to);

  /// Typed access for the noun files, which read what the codec has checked already.
  [[nodiscard]] double number(std::string_view name, double otherwise = 0) const;
  [[nodiscard]] bool boolean(std::string_view name, bool otherwise = false) const;
  [[nodiscard]] std::string_view text(std::string_view name) const;
  template <std::integral T>
  [[nodiscard]] T integer(std::string_view name, T otherwise = 0) const {
    return static_cast<T>(number(name, static_cast<double>(otherwise)));
  }

  using Entry = std::pair<std::string_view, Value>;
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

/// One value: a number of up to 53 bits, a 64-bit counter, text, bytes, or values again.
class Value : public std::variant<bool, double, std::uint64_t, std::string, netlink::Bytes,
                                  Descriptor, Record, List> {
 public:
  using variant::variant;

  template <typename T>
  [[nodiscard]] const T* as() const {
    return std::get_if<T>(this);
  }
};

/// An argument that is wrong whatever the kernel thinks; found before anything is sent.
class InvalidArgument : public std::invalid_argument {
 public:
  enum class Kind : std::uint8_t {
    type,   ///< of the wrong type, or unknown: a TypeError
    range,  ///< of the right type, but outside what can be said: a RangeError
  };

  InvalidArgument(Kind kind, const std::string& path, const std::string& reason)
      : std::invalid_argument(path.empty() ? reason : path + ": " + reason),
        kind_(kind),
        path_(path) {}

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  Kind kind_;
  std::string path_;
};

}  // namespace vethwork::rtnl
