#pragma once

#include <memory>
#include <optional>
#include <shared_mutex>

#include "capi/call.h"
#include "capi/guard.h"
#include "client/client.h"
#include "runtime/attached.h"

/// The client of a caller. Calls hold it shared, msb_client_close() waits for them.
struct msb_client final : msb::capi::Object {
  static constexpr msb_handle_kind kKind = MSB_KIND_CLIENT;
  explicit msb_client(std::unique_ptr<msb::client::Client> c);

  const msb::client::Home home;  ///< what outlives closing, because callers borrow it
  const std::string database_path;
  const bool read_only;
  std::shared_mutex mutex;                    ///< guards core
  std::unique_ptr<msb::client::Client> core;  ///< null once closed
  msb::runtime::Attached attached;
};

namespace msb::capi {

Result<client::Options> read_options(const msb_client_opts* given);

/// What an entry point works with while it runs: the client, kept open, and the caller's Call.
class Session {
 public:
  static Result<std::unique_ptr<Session>> begin(msb_client* client, const msb_call* call);

  client::Client& client() const { return *client_; }
  const Call& call() const { return *call_; }

 private:
  Session() = default;

  std::shared_lock<std::shared_mutex> lock_;
  client::Client* client_ = nullptr;
  std::optional<Call> storage_;
  const Call* call_ = nullptr;
};

}  // namespace msb::capi
