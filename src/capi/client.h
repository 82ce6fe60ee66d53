#pragma once

#include <condition_variable>
#include <memory>
#include <optional>

#include "capi/call.h"
#include "capi/guard.h"
#include "client/client.h"
#include "os/fork.h"
#include "runtime/attached.h"

/// The client of a caller. Calls are counted, msb_client_close() waits for them.
struct msb_client final : msb::capi::Object {
  static constexpr msb_handle_kind kKind = MSB_KIND_CLIENT;
  explicit msb_client(std::unique_ptr<msb::client::Client> c);
  ~msb_client() override;

  /// Fails once it was closed.
  msb::Result<msb::client::Client*> begin_call();
  void end_call();
  msb::Done close();

  const msb::client::Home home;  ///< what outlives closing, because callers borrow it
  const std::string database_path;
  const bool read_only;
  msb::runtime::Attached attached;

 private:
  void disinherit();

  // All guarded by os::fork_mutex().
  uint64_t generation_ = msb::os::process_generation();  ///< of the process whose calls are counted
  unsigned calls_ = 0;
  bool closing_ = false;
  std::unique_ptr<std::condition_variable> idle_ = std::make_unique<std::condition_variable>();
  std::unique_ptr<msb::client::Client> core_;  ///< null once closed
};

namespace msb::capi {

Result<client::Options> read_options(const msb_client_opts* given);

/// What an entry point works with while it runs: the client, kept open, and the caller's Call.
class Session {
 public:
  static Result<std::unique_ptr<Session>> begin(msb_client* client, const msb_call* call);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  client::Client& client() const { return *client_; }
  const Call& call() const { return *call_; }

 private:
  Session() = default;

  msb_client* handle_ = nullptr;
  client::Client* client_ = nullptr;
  const os::Birthplace birthplace_;
  std::optional<Call> storage_;
  const Call* call_ = nullptr;
};

}  // namespace msb::capi
