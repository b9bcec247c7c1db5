#include "rtnl/record.hpp"

#include <algorithm>

namespace vethwork::rtnl {

const Value* Record::find(std::string_view name) const {
  const auto entry = std::ranges::find(entries_, name, &Entry::first);
  return entry == entries_.end() ? nullptr : &entry->second;
}

void Record::append(std::string_view name, Value value) {
  entries_.emplace_back(name, std::move(value));
}

void Record::set(std::string_view name, Value value) {
  const auto entry = std::ranges::find(entries_, name, &Entry::first);
  if (entry == entries_.end()) {
    append(name, std::move(value));
  } else {
    entry->second = std::move(value);
  }
}

void Record::erase(std::string_view name) {
  std::erase_if(entries_, [name](const Entry& entry) { return entry.first == name; });
}

void Record::rename(std::string_view from, std::string_view to) {
  const auto entry = std::ranges::find(entries_, from, &Entry::first);
  if (entry != entries_.end()) entry->first = to;
}

double Record::number(std::string_view name, double otherwise) const {
  const Value* value = find(name);
  const double* number = value == nullptr ? nullptr : value->as<double>();
  return number == nullptr ? otherwise : *number;
}

bool Record::boolean(std::string_view name, bool otherwise) const {
  const Value* value = find(name);
  const bool* boolean = value == nullptr ? nullptr : value->as<bool>();
  return boolean == nullptr ? otherwise : *boolean;
}

std::string_view Record::text(std::string_view name) const {
  const Value* value = find(name);
  const std::string* text = value == nullptr ? nullptr : value->as<std::string>();
  return text == nullptr ? std::string_view{} : std::string_view{*text};
}

}  // namespace vethwork::rtnl
