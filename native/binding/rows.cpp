#include "binding/rows.hpp"

#include <utility>

#include "binding/convert.hpp"
#include "rtnl/json.hpp"

namespace vethwork::binding {
namespace {

/// How many records become JavaScript in one turn of the event loop: about a millisecond's worth;
/// and how much JSON takes as long as one of them.
constexpr std::size_t kRecordsPerTurn = 64;
constexpr std::size_t kBytesPerRecord = 4096;

/// A part that has room for more: the last, or a new one.
template <typename T, typename Part>
T& last_of(std::vector<Part>& parts, std::size_t room) {
  if (parts.empty() || !std::holds_alternative<T>(parts.back()) ||
      std::get<T>(parts.back()).size() >= room) {
    parts.emplace_back(T{});
  }
  return std::get<T>(parts.back());
}

Napi::Object array_of(Environment& environment, const std::vector<rtnl::Record>& records) {
  const Napi::Array array = Napi::Array::New(environment.env(), records.size());
  std::uint32_t position = 0;
  for (const rtnl::Record& record : records) {
    array.Set(position++, object_of(environment, record));
  }
  return array;
}

}  // namespace

void Rows::add(rtnl::Record record) {
  auto& text = last_of<std::string>(parts_, kRecordsPerTurn * kBytesPerRecord);
  const bool first = text.empty();
  text += first ? '[' : ',';
  if (rtnl::append_json(text, record)) return;
  text.pop_back();
  if (first) parts_.pop_back();
  last_of<std::vector<rtnl::Record>>(parts_, kRecordsPerTurn).push_back(std::move(record));
}

void Rows::clear() { parts_.clear(); }

bool Rows::show_some(Environment& environment) {
  const Napi::Env env = environment.env();
  for (std::size_t shown = 0; shown < kRecordsPerTurn && next_ < parts_.size(); ++next_) {
    Part part = std::move(parts_[next_]);
    if (auto* text = std::get_if<std::string>(&part)) {
      shown += 1 + text->size() / kBytesPerRecord;
      *text += ']';
      append(env, environment.parse_json(*text));
    } else {
      const auto& records = std::get<std::vector<rtnl::Record>>(part);
      shown += records.size();
      append(env, array_of(environment, records));
    }
  }
  return next_ == parts_.size();
}

void Rows::append(Napi::Env env, Napi::Object rows) {
  if (shown_.IsEmpty()) {
    shown_ = Napi::Persistent(rows);
    count_ = rows.As<Napi::Array>().Length();
    return;
  }
  const Napi::Object all = shown_.Value();
  const std::uint32_t count = rows.As<Napi::Array>().Length();
  for (std::uint32_t row = 0; row < count; ++row) {
    const Napi::HandleScope scope{env};
    all.Set(count_++, rows.Get(row));
  }
}

Napi::Value Rows::shown(Environment& environment) const {
  return shown_.IsEmpty() ? Napi::Value{Napi::Array::New(environment.env())} : shown_.Value();
}

}  // namespace vethwork::binding
