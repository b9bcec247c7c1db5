// Tables, chains, sets, elements and rules on the wire (net/netfilter/nf_tables_api.c).
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_arp.h>

#include <algorithm>

#include "netfilter/completions.hpp"
#include "netfilter/expressions.hpp"
#include "netfilter/nouns.hpp"
#include "rtnl/nouns.hpp"

namespace vethwork::netfilter {
namespace {

using rtnl::implied;
using rtnl::Names;
using rtnl::Record;
using rtnl::reported;

/// nft(8) keeps comments in the user data, each as type, length and text with its NUL.
constexpr std::byte kCommentType{0};

constexpr std::array kHooks{
    Name{"prerouting", NF_INET_PRE_ROUTING},   Name{"input", NF_INET_LOCAL_IN},
    Name{"forward", NF_INET_FORWARD},          Name{"output", NF_INET_LOCAL_OUT},
    Name{"postrouting", NF_INET_POST_ROUTING}, Name{"ingress", NF_INET_INGRESS},
};
/// The numbers mean other hooks in these families.
constexpr std::array kArpHooks{
    Name{"input", NF_ARP_IN},
    Name{"output", NF_ARP_OUT},
    Name{"forward", NF_ARP_FORWARD},
};
constexpr std::array kDeviceHooks{
    Name{"ingress", NF_NETDEV_INGRESS},
    Name{"egress", NF_NETDEV_EGRESS},
};

Names hooks_of(const Record& record) {
  const std::string_view family = record.text("family");
  if (family == "arp") return kArpHooks;
  return family == "netdev" ? Names{kDeviceHooks} : Names{kHooks};
}

/// Of tables and rules; comments are as long as nft(8) takes them.
constexpr std::array kCommentedHeader{
    kFamilyHeader.front(),
    Field{"comment", rtnl::kInHeader, Wire::text, rtnl::at_most(128)},
};

constexpr std::array kTableFlags{
    Name{"dormant", NFT_TABLE_F_DORMANT}, Name{"owner", NFT_TABLE_F_OWNER},
    Name{"persist", 4},  // NFT_TABLE_F_PERSIST, since Linux 6.9
};
constexpr std::array kTableAttributes{
    Field{"table", NFTA_TABLE_NAME, Wire::text},
    reported(Field{"handle", NFTA_TABLE_HANDLE, Wire::be64}),
    Field{"flags", NFTA_TABLE_FLAGS, Wire::be_bits, named(kTableFlags)},
    implied(Field{"userdata", NFTA_TABLE_USERDATA, Wire::bytes}),
};

constexpr std::array kHook{
    Field{"hook", NFTA_HOOK_HOOKNUM, Wire::be32, named(kHooks)},
    Field{"priority", NFTA_HOOK_PRIORITY, Wire::be_s32},
};
constexpr std::array kChainAttributes{
    Field{"table", NFTA_CHAIN_TABLE, Wire::text},
    Field{"chain", NFTA_CHAIN_NAME, Wire::text},
    reported(Field{"handle", NFTA_CHAIN_HANDLE, Wire::be64}),
    Field{"", NFTA_CHAIN_HOOK, Wire::nest, of(kHook)},
    Field{"policy", NFTA_CHAIN_POLICY, Wire::be32, named(kVerdicts)},
    Field{"type", NFTA_CHAIN_TYPE, Wire::text},
};

constexpr std::array kSetFlags{
    Name{"anonymous", NFT_SET_ANONYMOUS}, Name{"constant", NFT_SET_CONSTANT},
    Name{"interval", NFT_SET_INTERVAL},   Name{"map", NFT_SET_MAP},
    Name{"timeout", NFT_SET_TIMEOUT},     Name{"dynamic", NFT_SET_EVAL},
    Name{"object", NFT_SET_OBJECT},       Name{"concatenation", NFT_SET_CONCAT},
};
constexpr std::array kDescription{Field{"size", NFTA_SET_DESC_SIZE, Wire::be32}};
/// The types of data that nft(8) tells apart; the kernel knows only lengths, and verdicts.
constexpr std::array kSetAttributes{
    Field{"table", NFTA_SET_TABLE, Wire::text},
    Field{"set", NFTA_SET_NAME, Wire::text},
    reported(Field{"handle", NFTA_SET_HANDLE, Wire::be64}),
    Field{"id", NFTA_SET_ID, Wire::be32},
    Field{"flags", NFTA_SET_FLAGS, Wire::be_bits, named(kSetFlags)},
    Field{"keyType", NFTA_SET_KEY_TYPE, Wire::be32},
    Field{"keyLength", NFTA_SET_KEY_LEN, Wire::be32},
    Field{"dataType", NFTA_SET_DATA_TYPE, Wire::be32},
    Field{"dataLength", NFTA_SET_DATA_LEN, Wire::be32},
    Field{"", NFTA_SET_DESC, Wire::nest, of(kDescription)},
    // What nft(8) has to know besides, to show elements: lib/netfilter/data.ts.
    Field{"userdata", NFTA_SET_USERDATA, Wire::bytes},
};

constexpr std::array kKey{Field{"key", NFTA_DATA_VALUE, Wire::bytes}};
constexpr std::array kKeyEnd{Field{"keyEnd", NFTA_DATA_VALUE, Wire::bytes}};
constexpr std::array kElementFlags{
    Name{"intervalEnd", NFT_SET_ELEM_INTERVAL_END}, Name{"catchAll", 2},  // NFT_SET_ELEM_CATCHALL
};
constexpr std::array kElement{
    Field{"", NFTA_SET_ELEM_KEY, Wire::nest, of(kKey)},
    Field{"", NFTA_SET_ELEM_KEY_END, Wire::nest, of(kKeyEnd)},
    Field{"", NFTA_SET_ELEM_DATA, Wire::nest, of(kData)},
    Field{"flags", NFTA_SET_ELEM_FLAGS, Wire::be_bits, named(kElementFlags)},
};
constexpr std::array kElementsAttributes{
    Field{"table", NFTA_SET_ELEM_LIST_TABLE, Wire::text},
    Field{"set", NFTA_SET_ELEM_LIST_SET, Wire::text},
    // Of a set of the same batch; a name is as good.
    rtnl::given(Field{"setId", NFTA_SET_ELEM_LIST_SET_ID, Wire::be32}),
    Field{"elements", NFTA_SET_ELEM_LIST_ELEMENTS, Wire::list,
          each(Wire::nest, NFTA_LIST_ELEM, kElement)},
};

constexpr std::array kRuleAttributes{
    Field{"table", NFTA_RULE_TABLE, Wire::text},
    Field{"chain", NFTA_RULE_CHAIN, Wire::text},
    Field{"handle", NFTA_RULE_HANDLE, Wire::be64},
    Field{"expressions", NFTA_RULE_EXPRESSIONS, Wire::list,
          each(Wire::nest, NFTA_LIST_ELEM, kExpression)},
    implied(Field{"userdata", NFTA_RULE_USERDATA, Wire::bytes}),
};

constexpr std::array kGenerationAttributes{
    reported(Field{"id", NFTA_GEN_ID, Wire::be32}),
};

/// Shows the comment that is in the user data.
void refine_comment(Record& record) {
  const rtnl::Value* data = record.find("userdata");
  const auto* bytes = data == nullptr ? nullptr : data->as<netlink::Bytes>();
  if (bytes != nullptr && bytes->size() > 2 && bytes->front() == kCommentType) {
    const auto length =
        std::min<std::size_t>(std::to_integer<std::size_t>(bytes->at(1)), bytes->size() - 2);
    const auto text = netlink::text_of(netlink::BytesView{*bytes}.subspan(2, length));
    record.append("comment", std::string{text});
  }
  record.erase("userdata");
}

/// Names the hook that was read by another family's names.
void refine_hook(Record& record) {
  if (!record.has("hook")) return;
  const std::uint32_t number = rtnl::number_of(record, "hook", kHooks, 0);
  record.set("hook", rtnl::name_of(number, hooks_of(record)));
}

}  // namespace

void write_hook(Record& record) {
  const rtnl::Value* value = record.find("hook");
  const auto* hook = value == nullptr ? nullptr : value->as<std::string>();
  if (hook == nullptr) return;
  const Names names = hooks_of(record);
  const auto name = std::ranges::find(names, *hook, &Name::text);
  if (name == names.end()) {
    throw rtnl::InvalidArgument{rtnl::InvalidArgument::Kind::range, "hook",
                                "the family has no hook " + *hook};
  }
  record.set("hook", static_cast<double>(name->number));
}

void write_comment(Record& record) {
  if (!record.has("comment")) return;
  const std::string text{record.text("comment")};
  netlink::Bytes bytes{kCommentType, static_cast<std::byte>(text.size() + 1)};
  for (const char character : text) bytes.push_back(static_cast<std::byte>(character));
  bytes.push_back(std::byte{0});
  record.set("userdata", std::move(bytes));
}

void write_family(const Record& record, netlink::Message& message) {
  const std::uint32_t family = rtnl::number_of(record, "family", kFamilies, NFPROTO_UNSPEC);
  message.body(nfgenmsg{
      .nfgen_family = static_cast<std::uint8_t>(family), .version = NFNETLINK_V0, .res_id = 0});
}

void read_family(netlink::BytesView header, Record& record) {
  const auto message = *netlink::read<nfgenmsg>(header);
  record.append("family", rtnl::name_of(message.nfgen_family, kFamilies));
}

const rtnl::Noun kTable{.name = "nftTable",
                        .header = kCommentedHeader,
                        .attributes = kTableAttributes,
                        .header_size = sizeof(nfgenmsg),
                        .write_header = write_family,
                        .read_header = read_family,
                        .family = nullptr,
                        .refine = refine_comment};

const rtnl::Noun kChain{.name = "nftChain",
                        .header = kFamilyHeader,
                        .attributes = kChainAttributes,
                        .header_size = sizeof(nfgenmsg),
                        .write_header = write_family,
                        .read_header = read_family,
                        .family = nullptr,
                        .refine = refine_hook};

const rtnl::Noun kSet{.name = "nftSet",
                      .header = kFamilyHeader,
                      .attributes = kSetAttributes,
                      .header_size = sizeof(nfgenmsg),
                      .write_header = write_family,
                      .read_header = read_family,
                      .family = nullptr,
                      .refine = nullptr};

const rtnl::Noun kElements{.name = "nftElements",
                           .header = kFamilyHeader,
                           .attributes = kElementsAttributes,
                           .header_size = sizeof(nfgenmsg),
                           .write_header = write_family,
                           .read_header = read_family,
                           .family = nullptr,
                           .refine = nullptr};

const rtnl::Noun kRule{.name = "nftRule",
                       .header = kCommentedHeader,
                       .attributes = kRuleAttributes,
                       .header_size = sizeof(nfgenmsg),
                       .write_header = write_family,
                       .read_header = read_family,
                       .family = nullptr,
                       .refine = refine_comment};

const rtnl::Noun kGeneration{.name = "nftGeneration",
                             .header = kFamilyHeader,
                             .attributes = kGenerationAttributes,
                             .header_size = sizeof(nfgenmsg),
                             .write_header = write_family,
                             .read_header = read_family,
                             .family = nullptr,
                             .refine = nullptr};

}  // namespace vethwork::netfilter
