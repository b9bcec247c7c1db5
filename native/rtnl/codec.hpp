// Records to bytes and back, by the tables alone.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "netlink/bytes.hpp"
#include "netlink/extended_ack.hpp"
#include "rtnl/noun.hpp"
#include "rtnl/operation.hpp"
#include "rtnl/record.hpp"
#include "sys/refusal.hpp"

namespace vethwork::rtnl {

/// A link that the caller named; its index is looked up and written just before sending.
struct LinkReference {
  std::string name;
  /// Where in the message the index belongs.
  std::size_t offset;
  /// The property that named it, for the error.
  std::string path;
};

/// A finished message and what it depends on.
struct Encoded {
  netlink::Bytes message;
  std::vector<LinkReference> references;
  /// Keeps the descriptors that the message names open.
  std::vector<std::shared_ptr<const void>> held;
};

/// Writes the message of an operation. Throws `InvalidArgument`, before anything was sent, for a
/// property that is unknown, missing, of the wrong type or out of range.
Encoded encode(const Operation& operation, Record record);

/// Reads a message from its family header on; nothing if it is malformed.
std::optional<Record> decode(const Noun& noun, netlink::BytesView body);

/// The property at an offset of a message of ours, as a path (`peer.name`); empty if the offset
/// points at no property. `message` begins with its nlmsghdr.
std::string path_at(const Noun& noun, netlink::BytesView message, std::size_t offset);

/// The property of an attribute number: at the top level, or inside the nest at offset `nest`.
std::string path_of_type(const Noun& noun, netlink::BytesView message,
                         std::optional<std::size_t> nest, std::uint16_t type);

/// What the kernel's answer to a message of ours means: errno, sentence, property, range.
sys::Refusal refusal_of(const netlink::Acknowledgement& acknowledgement, const Noun& noun,
                        netlink::BytesView message);

/// A message as text, one attribute a line: property, number, bytes. For people and tests.
std::string print(const Noun& noun, netlink::BytesView body);

/// Nouns with their properties, and the names of operations, as records.
Record schema_of(std::span<const Noun* const> nouns, std::span<const Operation> operations);

/// Those of rtnetlink, and every kind with its properties.
Record schema();

/// Property names, with static life.
using NameSet = std::unordered_set<std::string_view>;

/// Every property that the nouns have.
NameSet names_of(std::span<const Noun* const> nouns);

/// The text of a property name that some table has, with static life; nothing for any other.
std::optional<std::string_view> known_name(std::string_view name);

}  // namespace vethwork::rtnl
