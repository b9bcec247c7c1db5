// An operation: one verb of the API, as a row that says which message carries it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "rtnl/noun.hpp"

namespace vethwork::rtnl {

/// What the kernel sends back besides its acknowledgement.
enum class Answer : std::uint8_t {
  nothing,
  one,   ///< one message of the operation's noun
  many,  ///< a dump
};

/// Deletes and moves wait for an RCU grace period, 16 ms, so they queue apart from the rest.
enum class Pace : std::uint8_t { quick, slow };

/// Which of the noun's properties an operation takes.
struct Takes {
  enum class Rule : std::uint8_t { only, except } rule = Rule::except;
  std::span<const std::string_view> names{};
};

struct Operation {
  std::string_view name;
  std::uint16_t message;
  /// Beyond NLM_F_REQUEST and NLM_F_ACK.
  std::uint16_t flags;
  const Noun* noun;
  Answer answer;
  Takes takes;
  /// Properties without which the message makes no sense.
  std::span<const std::string_view> needs{};
  /// Adds what the given properties imply for this verb, or null.
  void (*complete)(Record& record) = nullptr;
  Pace pace = Pace::quick;
  /// What is answered, if it is not the noun that is asked with.
  const Noun* answers = nullptr;
};

/// The one of a name among some, or null.
const Operation* find_operation(std::span<const Operation> among, std::string_view name);
const Noun* find_noun(std::span<const Noun* const> among, std::string_view name);

/// Every operation of rtnetlink.
std::span<const Operation> operations();

/// The operation of a name, or null.
const Operation* find_operation(std::string_view name);

/// The noun of a name, or null.
const Noun* find_noun(std::string_view name);
std::span<const Noun* const> nouns();

}  // namespace vethwork::rtnl
