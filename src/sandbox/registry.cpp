#include "sandbox/registry.h"

#include <algorithm>

#include "os/lock.h"
#include "sandbox/locks.h"
#include "sandbox/observe.h"

namespace msb::sandbox {
namespace {

bool has_labels(const Sandbox& sandbox, const LabelFilter& wanted) {
  return std::ranges::all_of(wanted, [&](const auto& label) {
    const auto found = sandbox.labels.find(label.first);
    return found != sandbox.labels.end() && (!label.second || found->second == *label.second);
  });
}

Error invalid(const std::string& what) { return Error(msb::Status::invalid_argument, what); }

Done check_process(Status status, int64_t pid) {
  if (stored_status(status).empty()) {
    return invalid("no status of a sandbox: " + std::to_string(static_cast<uint32_t>(status)));
  }
  const std::string text(status_name(status));
  if (is_live(status) && pid <= 0) return invalid("status " + text + " needs the process that runs the sandbox");
  if (!is_live(status) && pid != 0) return invalid("status " + text + " has no process");
  return {};
}

/// A machine ends in any live status; it is paused or drained only while it runs.
bool may_follow(Status now, Status next) {
  if (now == next || !is_live(next)) return next != Status::created || now == Status::created;
  switch (next) {
    case Status::starting:
      return !is_live(now);
    case Status::running:
      return now != Status::draining;
    case Status::draining:
      return is_live(now);
    case Status::paused:
      return now == Status::running;
    default:
      return false;
  }
}

}  // namespace

Result<Sandbox> get(const image::Context& context, const std::string& name, const Call& call) {
  MSB_TRY(Observed observed, observe(context, name, Lifecycle::free, call));
  return std::move(observed.sandbox);
}

Result<std::vector<Sandbox>> list(const image::Context& context, const LabelFilter& labels, const Call& call) {
  MSB_TRY(auto records, context.database.read(call, index::list_sandbox_records));
  std::vector<Sandbox> sandboxes;
  sandboxes.reserve(records.size());
  for (index::SandboxRecord& record : records) {
    auto observed = observe(context, std::move(record), Lifecycle::free, call);
    if (!observed) {
      const msb::Status status = observed.error().status();
      if (status == msb::Status::sandbox_not_found) continue;  // removed meanwhile
      if (status != msb::Status::unsupported) return std::move(observed).error();
      context.log.warn("sandbox", observed.error().message());
      continue;
    }
    if (has_labels(observed->sandbox, labels)) sandboxes.push_back(std::move(observed->sandbox));
  }
  return sandboxes;
}

Done set_status(const image::Context& context, const std::string& name, Status status, int64_t pid, const Call& call) {
  MSB_CHECK(context.database.check_writable(call));
  MSB_CHECK(check_process(status, pid));
  MSB_TRY(Observed observed, observe(context, name, Lifecycle::free, call));
  std::optional<os::FileLock> lock;
  if (is_live(status) && !is_live(observed.sandbox.status)) {
    // It must not begin to run while somebody keeps it stopped.
    MSB_TRY(lock, lock_lifecycle(context, name, call));
    MSB_TRY(observed, observe(context, name, Lifecycle::ours, call));
  }
  return context.database.write(call, [&](index::Transaction& transaction) -> Done {
    MSB_TRY(const auto record, index::find_sandbox(transaction, name));
    if (!record) return Error(msb::Status::sandbox_not_found, name).with("name", name);
    // What was found dead is so as long as the record says the same.
    const bool same = record->id == observed.record.id && record->status == observed.record.status;
    const Status now = same ? observed.sandbox.status : parse_stored_status(record->status).value_or(Status::running);
    if (!may_follow(now, status)) {
      return invalid("sandbox " + name + " is " + std::string(status_name(now)) + ", which " +
                     std::string(status_name(status)) + " cannot follow");
    }
    if (is_live(status)) return index::record_running(transaction, *record, stored_status(status), pid);
    const bool asked = status != Status::crashed;
    return index::record_ended(transaction, *record, stored_status(status),
                               asked ? "ShutdownRequested" : "InternalError");
  });
}

}  // namespace msb::sandbox
