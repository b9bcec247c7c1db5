// What the rooms beside rtnetlink are asked by from JavaScript, each on a socket for one exchange.
#pragma once

#include <napi.h>

#include <string>
#include <string_view>
#include <vector>

#include "netlink/bytes.hpp"
#include "rtnl/operation.hpp"
#include "rtnl/record.hpp"

namespace vethwork::binding {

/// A room: its operations by name, and how it is asked.
struct Room {
  const rtnl::Operation* (*find_operation)(std::string_view name);
  std::vector<rtnl::Record> (*ask)(const rtnl::Operation& operation, netlink::Bytes message);
};

/// The operation of a name. Throws a TypeError if there is none.
const rtnl::Operation& operation_named(Napi::Env env, const Room& room, Napi::Value name);

/// A record's message. Throws its errors to JavaScript, their properties' paths below `place`.
netlink::Bytes encoded(Napi::Env env, const rtnl::Operation& operation, Napi::Value record,
                       const std::string& place = {});

/// (namespace, operation, record): Promise<object[]>
Napi::Value ask(const Napi::CallbackInfo& info, const Room& room);

}  // namespace vethwork::binding
