// Records on their way to JavaScript.
#pragma once

#include <napi.h>

#include <string>
#include <variant>
#include <vector>

#include "rtnl/record.hpp"

namespace vethwork::binding {

class Environment;

/// A list of records, written as JSON by the worker that reads them.
///
/// V8 makes objects of JSON four times as fast as of calls, and what is left to the JavaScript
/// thread is little: half a millisecond for 500 links. Records that JSON cannot say are kept as
/// they are.
class Rows {
 public:
  /// Adds a record; on a worker.
  void add(rtnl::Record record);
  void clear();

  /// Turns some more into JavaScript, about a millisecond's worth; true when all are.
  bool show_some(Environment& environment);

  /// What was shown: an array.
  [[nodiscard]] Napi::Value shown(Environment& environment) const;

 private:
  /// A JSON array that lacks its end, or records.
  using Part = std::variant<std::string, std::vector<rtnl::Record>>;

  void append(Napi::Env env, Napi::Object rows);

  std::vector<Part> parts_;
  std::size_t next_ = 0;
  std::uint32_t count_ = 0;
  Napi::ObjectReference shown_;
};

}  // namespace vethwork::binding
