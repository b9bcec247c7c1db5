#include "rtnl/ask.hpp"

#include <linux/netlink.h>
#include <strings.h>

#include <cerrno>
#include <utility>

#include "netlink/ask.hpp"
#include "rtnl/codec.hpp"
#include "sys/refusal.hpp"

namespace vethwork::rtnl {
namespace {

using netlink::BytesView;

/// Wipes a question's message when it goes.
class Wipe {
 public:
  explicit Wipe(netlink::Ask& question) : question_(question) {}
  Wipe(const Wipe&) = delete;
  Wipe& operator=(const Wipe&) = delete;
  ~Wipe() {
    const auto message = question_.message();
    ::explicit_bzero(message.data(), message.size());
  }

 private:
  netlink::Ask& question_;
};

std::vector<Record> answers_to(const netlink::Ask& question, const Noun& noun) {
  std::vector<Record> records;
  records.reserve(question.parts().size());
  for (const netlink::Bytes& part : question.parts()) {
    auto record = decode(noun, BytesView{part}.subspan(NLMSG_HDRLEN));
    if (!record) throw sys::Refused{{.error = EBADMSG, .detail = "the answer is malformed"}};
    records.push_back(std::move(*record));
  }
  return records;
}

}  // namespace

std::vector<Record> ask(int protocol, const Operation& operation, netlink::Bytes message) {
  netlink::Ask question{std::move(message)};
  const Wipe wipe{question};
  netlink::Socket socket = netlink::Socket::open(protocol);
  if (operation.answer == Answer::many) {
    socket.dump(question);
  } else {
    netlink::Request* const one = &question;
    socket.exchange({&one, 1});
  }
  if (question.acknowledgement().error != 0) {
    throw sys::Refused{refusal_of(question.acknowledgement(), *operation.noun, question.message())};
  }
  if (!question.succeeded()) {
    throw sys::Refused{{.error = EINTR, .detail = "the list kept changing while it was read"}};
  }
  return answers_to(question, operation.answers == nullptr ? *operation.noun : *operation.answers);
}

}  // namespace vethwork::rtnl
