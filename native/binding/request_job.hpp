// One operation under way: its message out, its records back.
#pragma once

#include "binding/environment.hpp"
#include "binding/rows.hpp"
#include "rtnl/codec.hpp"

namespace vethwork::binding {

class RequestJob final : public PromiseJob, public netlink::Request {
 public:
  RequestJob(Napi::Env env, const rtnl::Operation& operation, rtnl::Encoded encoded)
      : PromiseJob(env), operation_(operation), encoded_(std::move(encoded)) {}

  /// Lets a script drop the job before it is sent, by changing `token` from 0 to 2. Of a
  /// SharedArrayBuffer, since no script can detach that.
  void drop_by(Napi::Int32Array token);
  bool begin() override;

  netlink::Request* request() override { return this; }
  [[nodiscard]] bool alone() const override { return dumps() || !encoded_.references.empty(); }
  [[nodiscard]] bool dumps() const override { return operation_.answer == rtnl::Answer::many; }
  [[nodiscard]] std::size_t weight() const override;
  bool prepare(netlink::Socket& socket) override;

  [[nodiscard]] const void* together_token() const override;
  void run_together(netlink::Socket& socket, std::span<engine::Job* const> jobs) override;

  std::span<std::byte> message() override { return encoded_.message; }
  bool on_part(netlink::BytesView message) override;
  void on_restart() override { rows_.clear(); }
  void on_end(const netlink::Acknowledgement& acknowledgement, bool interrupted) override;

 protected:
  Napi::Value result(Environment& environment) override;
  Napi::Value rejection(Environment& environment) override;

 private:
  /// Adds to a created link what the kernel does after it has told of it.
  void complete_echo(rtnl::Record& link) const;

  const rtnl::Operation& operation_;
  rtnl::Encoded encoded_;
  Rows rows_;
  bool interrupted_ = false;
  std::int32_t* token_ = nullptr;
  Napi::ObjectReference token_owner_;
};

}  // namespace vethwork::binding
