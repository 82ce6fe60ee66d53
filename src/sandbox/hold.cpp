#include "sandbox/hold.h"

#include <unistd.h>

#include <chrono>
#include <optional>

#include "os/process.h"
#include "sandbox/locks.h"
#include "sandbox/observe.h"

namespace msb::sandbox {
namespace {

Error still_running(const std::string& name, const std::string& why) {
  return Error(msb::Status::sandbox_still_running, name + " " + why).with("name", name);
}

Error still_running(const Sandbox& sandbox) {
  const std::string status(status_name(sandbox.status));
  return still_running(sandbox.name, "is " + status + "; stop it first").with("status", status);
}

/// Machines of microsandbox report their end shortly before they close the disk. Where they have no lock (up to 0.6.8)
/// the process says when that is; some time later its number means nothing any more.
bool is_winding_down(const index::SandboxRecord& record) {
  constexpr UnixNanos kSoon = 10'000'000'000;
  const auto& run = record.run;
  if (!run || run->running || !run->terminated_at || *run->terminated_at < now_ns() - kSoon) return false;
  const auto pid = static_cast<pid_t>(run->pid.value_or(0));
  return pid != ::getpid() && os::process_alive(pid);
}

Done wait_for_end(const image::Context& context, const index::SandboxRecord& record, const Call& call) {
  constexpr std::chrono::milliseconds kLook{5};
  const auto give_up = Call::Clock::now() + context.busy_timeout;
  while (is_winding_down(record)) {
    if (Call::Clock::now() >= give_up) return still_running(record.name, "has not ended yet; try again");
    MSB_CHECK(call.pause(kLook));
  }
  return {};
}

/// Waits for what does not take long, such as a start that fails, but not for a machine that begins meanwhile: it keeps
/// the lock for as long as it lives.
Result<os::FileLock> lock_unless_live(const image::Context& context, const std::string& name, os::LockMode mode,
                                      const Call& call) {
  constexpr std::chrono::milliseconds kLook{10};
  const auto give_up = Call::Clock::now() + context.busy_timeout;
  for (;;) {
    MSB_TRY(const Observed now, observe(context, name, Lifecycle::free, call));
    if (is_live(now.sandbox.status)) return still_running(now.sandbox);
    MSB_TRY(auto lock, try_lock_lifecycle(context, name, mode));
    if (lock) return std::move(*lock);
    if (Call::Clock::now() >= give_up) return lifecycle_is_held(context, name);
    MSB_CHECK(call.pause(kLook));
  }
}

}  // namespace

Result<StoppedHold> hold(const image::Context& context, const std::string& name, os::LockMode mode, const Call& call) {
  MSB_CHECK(context.database.check_writable(call));
  MSB_TRY(os::FileLock lock, lock_unless_live(context, name, mode, call));
  MSB_TRY(Observed held, observe(context, name, Lifecycle::ours, call));
  if (is_live(held.sandbox.status)) return still_running(held.sandbox);
  MSB_CHECK(wait_for_end(context, held.record, call));
  return StoppedHold(std::move(lock), std::move(held.sandbox));
}

Result<StoppedHold> hold_idle(const image::Context& context, const std::string& name, const Call& call) {
  return hold(context, name, os::LockMode::exclusive, call);
}

Result<StoppedHold> hold_stopped(const image::Context& context, const std::string& name, const Call& call) {
  MSB_TRY(StoppedHold held, hold(context, name, os::LockMode::shared, call));
  if (held.sandbox().status == Status::created) return still_running(held.sandbox());
  return held;
}

Done record_starting(const image::Context& context, const StoppedHold& held, int64_t pid, const Call& call) {
  const std::string& name = held.sandbox().name;
  return context.database.write(call, [&](index::Transaction& transaction) -> Done {
    MSB_TRY(const auto record, index::find_sandbox(transaction, name));
    if (!record) return Error(msb::Status::sandbox_not_found, name).with("name", name);
    return index::record_running(transaction, *record, stored_status(Status::starting), pid);
  });
}

}  // namespace msb::sandbox
