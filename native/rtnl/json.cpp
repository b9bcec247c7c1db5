#include "rtnl/json.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string_view>

namespace vethwork::rtnl {
namespace {

void append_escaped(std::string& text, char byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto code = static_cast<unsigned char>(byte);
  if (byte == '"' || byte == '\\') {
    text += '\\';
    text += byte;
  } else {
    text += "\\u00";
    text += kDigits[code >> 4U];
    text += kDigits[code & 0xfU];
  }
}

bool must_be_escaped(char byte) {
  return byte == '"' || byte == '\\' || static_cast<unsigned char>(byte) < 0x20;
}

void append_text(std::string& text, std::string_view value) {
  text += '"';
  for (const char byte : value) {
    if (must_be_escaped(byte)) {
      append_escaped(text, byte);
    } else {
      text += byte;
    }
  }
  text += '"';
}

bool append_object(std::string& text, const Record& record);
bool append_array(std::string& text, const List& list);

/// Calls the overload of its kind for each alternative of a value.
struct Writer {
  std::string& text;

  bool operator()(bool value) const {
    text += value ? "true" : "false";
    return true;
  }
  /// No table has fractions; the code and tables that print them are a tenth of the addon.
  bool operator()(double value) const {
    constexpr double kLargestExact = 9007199254740991.0;
    if (!(std::abs(value) <= kLargestExact) || std::trunc(value) != value) return false;
    const auto whole = static_cast<std::int64_t>(value);
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), whole).ptr;
    text.append(digits.data(), end);
    return true;
  }
  bool operator()(const std::string& value) const {
    append_text(text, value);
    return true;
  }
  bool operator()(const Record& value) const { return append_object(text, value); }
  bool operator()(const List& value) const { return append_array(text, value); }
  bool operator()(const auto&) const { return false; }
};

bool append_value(std::string& text, const Value& value) {
  return std::visit(Writer{text}, static_cast<const Value::variant&>(value));
}

bool append_object(std::string& text, const Record& record) {
  char before = '{';
  for (const auto& [name, value] : record.entries()) {
    text += before;
    text += '"';
    text += name;  // of the tables: nothing in it to escape
    text += "\":";
    if (!append_value(text, value)) return false;
    before = ',';
  }
  if (before == '{') text += before;
  text += '}';
  return true;
}

bool append_array(std::string& text, const List& list) {
  char before = '[';
  for (const Value& value : list) {
    text += before;
    if (!append_value(text, value)) return false;
    before = ',';
  }
  if (before == '[') text += before;
  text += ']';
  return true;
}

}  // namespace

bool append_json(std::string& text, const Record& record) {
  const std::size_t before = text.size();
  if (append_object(text, record)) return true;
  text.resize(before);
  return false;
}

}  // namespace vethwork::rtnl
