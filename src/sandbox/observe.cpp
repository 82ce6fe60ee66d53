#include "sandbox/observe.h"

#include <array>
#include <cerrno>
#include <limits>
#include <utility>

#include <sys/types.h>

#include "os/process.h"
#include "os/sparse.h"
#include "sandbox/directory.h"
#include "sandbox/locks.h"
#include "sandbox/stored_config.h"

namespace msb::sandbox {
namespace {

// formats/snapshots.md §4.2. Others than these exact words make microsandbox fail.
constexpr auto kStored = std::to_array<std::pair<Status, std::string_view>>({
    {Status::created, "Created"},
    {Status::starting, "Starting"},
    {Status::running, "Running"},
    {Status::draining, "Draining"},
    {Status::paused, "Paused"},
    {Status::stopped, "Stopped"},
    {Status::crashed, "Crashed"},
});

bool runs(const index::RunRow& run) {
  const int64_t pid = run.pid.value_or(0);
  return pid <= std::numeric_limits<pid_t>::max() && os::process_alive(static_cast<pid_t>(pid));
}

/// True when the number that is recorded has gone to another process: one that began after the record was written. As
/// clocks are set, it must not have the disk open either; where that cannot be seen, it counts as the one that was
/// meant.
bool is_reused(const image::Context& context, const index::SandboxRecord& record) {
  constexpr UnixNanos kSlack = 60'000'000'000;
  const auto pid = static_cast<pid_t>(record.run->pid.value_or(0));
  const auto started = os::process_started(pid);
  if (!started || !record.updated_at || *started < *record.updated_at + kSlack || !check_name(record.name))
    return false;
  const std::string path = os::join_path(directory_of(context, record.name), kUpper);
  struct stat st {};
  if (context.fs.fstatat(AT_FDCWD, path.c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) return false;
  return os::has_open(pid, st.st_dev, st.st_ino) == std::optional(false);
}

/// True when a machine is recorded but its process is gone. Without a process in the record it is still starting.
bool is_dead(const image::Context& context, const index::SandboxRecord& record, Lifecycle lifecycle) {
  if (!record.run || !record.run->running) return false;
  if (runs(*record.run) && !is_reused(context, record)) return false;
  return lifecycle == Lifecycle::ours || !is_lifecycle_locked(context, record.name);
}

bool same_run(const index::SandboxRecord& a, const index::SandboxRecord& b) {
  const auto run = [](const index::SandboxRecord& record) {
    return record.run ? std::pair(record.run->id, record.run->pid) : std::pair(int64_t{0}, std::optional<int64_t>());
  };
  return a.id == b.id && a.status == b.status && run(a) == run(b);
}

Error not_found(const std::string& name) { return Error(msb::Status::sandbox_not_found, name).with("name", name); }

Result<index::SandboxRecord> read_record(const image::Context& context, const std::string& name, const Call& call) {
  MSB_TRY(auto record, context.database.read(
                           call, [&](index::Transaction& transaction) { return find_sandbox(transaction, name); }));
  if (!record) return not_found(name);
  return std::move(*record);
}

Done add_disk(const image::Context& context, Sandbox& sandbox) {
  const std::string directory = directory_of(context, sandbox.name);
  std::string path = os::join_path(directory, kUpper);
  struct stat st {};
  const int result = context.fs.fstatat(AT_FDCWD, path.c_str(), &st, AT_SYMLINK_NOFOLLOW);
  if (result < 0 && result != -ENOENT && result != -ENOTDIR) return Error::io("stat", path, -result);
  if (result < 0 || !S_ISREG(st.st_mode)) return {};
  sandbox.upper_path = std::move(path);
  sandbox.upper_size = static_cast<uint64_t>(st.st_size);
  sandbox.upper_allocated = os::allocated_bytes(st);
  MSB_TRY(sandbox.source_snapshot, read_origin(context, directory));
  return {};
}

Result<Sandbox> describe(const image::Context& context, const index::SandboxRecord& record, Status status) {
  Sandbox sandbox;
  sandbox.name = record.name;
  sandbox.status = status;
  sandbox.config_json = record.config;
  sandbox.created_at = record.created_at.value_or(0);
  sandbox.updated_at = record.updated_at.value_or(sandbox.created_at);
  auto config = read_stored_config(record.config);
  if (!config) {
    context.log.warn("sandbox", "the stored configuration of " + record.name + " cannot be read");
    return sandbox;
  }
  sandbox.labels = std::move(config->labels);
  if (!config->image_ref) return sandbox;
  sandbox.image_ref = std::move(config->image_ref);
  sandbox.image_digest = std::move(config->manifest_digest);
  // Others may have recorded names that would lead elsewhere.
  if (config->managed_disk && check_name(sandbox.name)) MSB_CHECK(add_disk(context, sandbox));
  return sandbox;
}

}  // namespace

std::string_view stored_status(Status status) {
  for (const auto& [known, text] : kStored) {
    if (known == status) return text;
  }
  return {};
}

std::optional<Status> parse_stored_status(std::string_view text) {
  for (const auto& [status, known] : kStored) {
    if (known == text) return status;
  }
  return std::nullopt;
}

Result<Observed> observe(const image::Context& context, index::SandboxRecord record, Lifecycle lifecycle,
                         const Call& call) {
  for (;;) {
    MSB_CHECK(call.check());
    const auto status = parse_stored_status(record.status);
    if (!status) {
      return Error(msb::Status::unsupported,
                   "sandbox " + record.name + " has the status " + record.status + ", which this library does not know")
          .with("name", record.name);
    }
    if (!is_live(*status) || !is_dead(context, record, lifecycle)) {
      MSB_TRY(Sandbox sandbox, describe(context, record, *status));
      return Observed{std::move(record), std::move(sandbox)};
    }
    // It may have been stopped and started since it was read.
    MSB_TRY(index::SandboxRecord again, read_record(context, record.name, call));
    if (same_run(record, again)) {
      const Status ended = *status == Status::draining ? Status::stopped : Status::crashed;
      MSB_TRY(Sandbox sandbox, describe(context, again, ended));
      return Observed{std::move(again), std::move(sandbox)};
    }
    record = std::move(again);
  }
}

Result<Observed> observe(const image::Context& context, const std::string& name, Lifecycle lifecycle,
                         const Call& call) {
  MSB_TRY(index::SandboxRecord record, read_record(context, name, call));
  return observe(context, std::move(record), lifecycle, call);
}

}  // namespace msb::sandbox
