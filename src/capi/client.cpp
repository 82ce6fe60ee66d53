#include "capi/client.h"

#include "capi/structs.h"

msb_client::msb_client(std::unique_ptr<msb::client::Client> c)
    : Object(kKind),
      home(c->home()),
      database_path(c->database_path()),
      read_only(c->read_only()),
      core_(std::move(c)) {}

msb_client::~msb_client() {
  if (generation_ != msb::os::process_generation()) static_cast<void>(idle_.release());
}

/// The calls that the parent was at are none of this process.
void msb_client::disinherit() {
  generation_ = msb::os::process_generation();
  calls_ = 0;
  static_cast<void>(idle_.release());  // its destructor would wait for threads that are not here
  idle_ = std::make_unique<std::condition_variable>();
}

namespace msb::capi {
namespace {

Error closed() { return Error(Status::invalid_handle, "the client was closed"); }

Done take_text(const char* from, std::optional<std::string>& to, std::string_view what) {
  if (from == nullptr) return {};
  if (*from == '\0') return Error(Status::invalid_argument, std::string(what) + " is empty");
  to = from;  // a path: bytes as the kernel has them
  return {};
}

Result<index::Edition> read_edition(const char* release) {
  if (release == nullptr) return index::default_edition();
  const auto edition = index::edition_of(release);
  if (edition && edition->creatable()) return *edition;
  return Error(Status::invalid_argument, "a home can be made for microsandbox " +
                                             std::string(index::default_edition().last) + " to " +
                                             std::string(index::newest_edition().last) + ", not for " + release);
}

}  // namespace

Result<client::Options> read_options(const msb_client_opts* given) {
  MSB_TRY(const msb_client_opts opts, copy_opts(given));
  constexpr uint32_t kKnown = MSB_CLIENT_READ_ONLY | MSB_CLIENT_NO_CREATE | MSB_CLIENT_NO_RECOVER;
  if ((opts.flags & ~kKnown) != 0) return Error(Status::invalid_argument, "unknown bits in the client's flags");
  if (opts.log_level > MSB_LOG_DEBUG) return Error(Status::invalid_argument, "unknown log level");
  client::Options options;
  MSB_CHECK(take_text(opts.home, options.home.root, "home"));
  MSB_CHECK(take_text(opts.cache_dir, options.home.cache, "cache_dir"));
  MSB_CHECK(take_text(opts.snapshots_dir, options.home.snapshots, "snapshots_dir"));
  MSB_CHECK(take_text(opts.sandboxes_dir, options.home.sandboxes, "sandboxes_dir"));
  options.read_only = (opts.flags & MSB_CLIENT_READ_ONLY) != 0;
  options.create = (opts.flags & MSB_CLIENT_NO_CREATE) == 0;
  options.recover = (opts.flags & MSB_CLIENT_NO_RECOVER) == 0;
  if (opts.busy_timeout_ms != 0) options.busy_timeout = std::chrono::milliseconds(opts.busy_timeout_ms);
  options.threads = opts.threads;
  MSB_TRY(options.edition, read_edition(opts.new_home_release));
  if (opts.on_log != nullptr) {
    const auto level = opts.log_level != 0 ? static_cast<LogLevel>(opts.log_level) : LogLevel::warn;
    options.log = Log(
        [sink = opts.on_log, user = opts.log_user](LogLevel at, const char* target, const char* message) {
          sink(static_cast<uint32_t>(at), target, message, user);
        },
        level);
  }
  return options;
}

Result<std::unique_ptr<Session>> Session::begin(msb_client* client, const msb_call* call) {
  MSB_TRY(msb_client * checked, use(client));
  std::unique_ptr<Session> session(new Session);
  MSB_TRY(session->client_, checked->begin_call());
  session->handle_ = checked;
  MSB_TRY(session->call_, read_call(call, session->storage_));
  return session;
}

Session::~Session() {
  if (handle_ != nullptr && birthplace_.is_here()) handle_->end_call();
}

}  // namespace msb::capi

msb::Result<msb::client::Client*> msb_client::begin_call() {
  MSB_CHECK(msb::os::check_process());
  const std::lock_guard lock(msb::os::fork_mutex());
  if (generation_ != msb::os::process_generation()) disinherit();
  if (!core_ || closing_) return msb::capi::closed();
  ++calls_;
  return core_.get();
}

void msb_client::end_call() {
  const std::lock_guard lock(msb::os::fork_mutex());
  // Under the lock, as whoever waits may let the client go as soon as it has it.
  if (--calls_ == 0 && closing_) idle_->notify_all();
}

msb::Done msb_client::close() {
  std::unique_ptr<msb::client::Client> last;
  MSB_CHECK(msb::os::check_process());
  std::unique_lock lock(msb::os::fork_mutex());
  if (generation_ != msb::os::process_generation()) disinherit();
  if (!core_ || closing_) return msb::capi::closed();
  closing_ = true;
  lock.unlock();
  // First of all, as a call may wait for such a machine.
  attached.close();
  lock.lock();
  while (calls_ != 0) idle_->wait(lock);
  last = std::move(core_);
  lock.unlock();
  return {};
}

extern "C" {

msb_status msb_client_open(const msb_client_opts* opts, msb_client** out, msb_error** err) {
  using namespace msb;
  return capi::guard(out, err, [&]() -> Result<msb_client*> {
    MSB_TRY(auto options, capi::read_options(opts));
    MSB_TRY(auto core, client::Client::open(os::real_fs(), std::move(options), Call()));
    return new msb_client(std::move(core));
  });
}

msb_status msb_client_close(msb_client* client, msb_error** err) {
  using namespace msb;
  return capi::guard(err, [&]() -> Done {
    MSB_TRY(msb_client * checked, capi::use(client));
    return checked->close();
  });
}

const char* msb_client_dir(const msb_client* client, uint32_t which) {
  if (client == nullptr) return nullptr;
  switch (which) {
    case MSB_DIR_HOME:
      return client->home.root.c_str();
    case MSB_DIR_CACHE:
      return client->home.cache.c_str();
    case MSB_DIR_SNAPSHOTS:
      return client->home.snapshots.c_str();
    case MSB_DIR_SANDBOXES:
      return client->home.sandboxes.c_str();
    case MSB_DIR_INDEX:
      return client->database_path.c_str();
    default:
      return nullptr;
  }
}

bool msb_client_read_only(const msb_client* client) { return client == nullptr || client->read_only; }

}  // extern "C"
