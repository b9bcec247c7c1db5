// Comments of tables and rules, where nft(8) keeps them.
#pragma once

#include "rtnl/record.hpp"

namespace vethwork::netfilter {

/// Puts the property `comment` of a record into the user data that the kernel keeps.
void write_comment(rtnl::Record& record);

}  // namespace vethwork::netfilter
