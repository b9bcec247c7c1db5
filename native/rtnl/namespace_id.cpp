// The number by which one namespace knows another (net/core/net_namespace.c, rtnl_net_getid()).
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#include "rtnl/nouns.hpp"

namespace vethwork::rtnl {
namespace {

constexpr std::array kAttributes{
    given(Field{"namespace", NETNSA_FD, Wire::descriptor}),
    Field{"id", NETNSA_NSID, Wire::namespace_id, within(0, 0x7fffffff)},
};

void write_header(const Record&, netlink::Message& message) { message.body(rtgenmsg{}); }
void read_header(netlink::BytesView, Record&) {}

}  // namespace

const Noun kNamespaceId{
    .name = "namespaceId",
    .header = {},
    .attributes = kAttributes,
    .header_size = sizeof(rtgenmsg),
    .write_header = write_header,
    .read_header = read_header,
    .family = nullptr,
    .refine = nullptr,
};

}  // namespace vethwork::rtnl
