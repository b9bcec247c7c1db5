// A noun: what one family of messages (link, address, route …) looks like, header and attributes.
#pragma once

#include "netlink/bytes.hpp"
#include "netlink/message.hpp"
#include "rtnl/record.hpp"
#include "rtnl/table.hpp"

namespace vethwork::rtnl {

/// What a table cannot say: the family header, and what follows from several attributes together.
struct Noun {
  std::string_view name;
  /// Properties that the header holds; `type` is `kInHeader`.
  std::span<const Field> header;
  std::span<const Field> attributes;
  std::size_t header_size;
  /// Appends the header. Every property is checked already; an absent one means zero. Throws
  /// `InvalidArgument` where properties contradict each other.
  void (*write_header)(const Record& record, netlink::Message& message);
  /// Adds the header's properties to the record; `header` has `header_size` bytes.
  void (*read_header)(netlink::BytesView header, Record& record);
  /// The address family that `Wire::ip` values must have; AF_UNSPEC if any will do.
  std::uint8_t (*family)(const Record& record);
  /// Brings a decoded record into its public form, or null.
  void (*refine)(Record& record);
};

extern const Noun kLink;
extern const Noun kAddress;
extern const Noun kRoute;
extern const Noun kNeighbour;
extern const Noun kFdbEntry;
extern const Noun kRule;
extern const Noun kNamespaceId;
extern const Noun kStatistics;

}  // namespace vethwork::rtnl
