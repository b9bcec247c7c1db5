// What follows from the properties of a record, and has to be said to the kernel in another way.
#pragma once

#include "rtnl/record.hpp"

namespace vethwork::netfilter {

/// Puts the property `comment` also into the user data, where nft(8) keeps it.
void write_comment(rtnl::Record& record);

/// Turns the name of a chain's hook into the number that it has in the chain's family. Throws
/// `InvalidArgument` for a hook that the family does not have.
void write_hook(rtnl::Record& record);

}  // namespace vethwork::netfilter
