#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "index/columns.h"
#include "index/database.h"

namespace msb::index {

/// What a sandbox's rows say about the image it stands on (formats/snapshots.md §5.5, §5.6).
struct SandboxRow {
  int64_t id = 0;
  std::string name;
  std::string status;  ///< `Running`, `Stopped`, …, exactly as stored
  std::optional<UnixNanos> created_at;
  std::optional<std::string> image_reference;  ///< only for sandboxes made from an OCI image
  /// Manifests that it needs, each once: pinned in its configuration, in that of its running machine, and by the row
  /// that its first boot wrote.
  Strings manifest_digests;
  /// False when a configuration could not be read: the sandbox may need an image that is not named here.
  bool readable = true;
};

/// All sandboxes, by name. Empty where the database has no such table.
Result<std::vector<SandboxRow>> list_sandboxes(Transaction& transaction);

/// One machine's life.
struct RunRow {
  int64_t id = 0;
  std::optional<int64_t> pid;
  bool running = false;  ///< as recorded
  std::optional<UnixNanos> terminated_at;
};

/// What is recorded about a sandbox.
struct SandboxRecord {
  int64_t id = 0;
  std::string name;
  std::string config;  ///< JSON
  std::string status;  ///< `Running`, `Stopped`, …
  std::optional<UnixNanos> created_at;
  std::optional<UnixNanos> updated_at;
  std::optional<RunRow> run;  ///< the newest of those that are recorded as running, else the newest
};

Result<std::optional<SandboxRecord>> find_sandbox(Transaction& transaction, std::string_view name);
/// All of them, newest first, ties by name. Empty where the database has no such table.
Result<std::vector<SandboxRecord>> list_sandbox_records(Transaction& transaction);

/// What is written about a new one.
struct NewSandbox {
  std::string name;
  std::string config;
  std::string status;
  StringMap labels;
  std::string manifest_digest;  ///< pinned by a row, as microsandbox pins it after the first boot
  UnixNanos created_at = 0;
};
/// Fails with sandbox_already_exists when the name is taken.
Done insert_sandbox(Transaction& transaction, const NewSandbox& sandbox);
/// Takes a record away with all that hangs on it. Nothing happens when there is none.
Done delete_sandbox(Transaction& transaction, int64_t id);

/// Records a status in which a machine runs, and its process.
Done record_running(Transaction& transaction, const SandboxRecord& sandbox, std::string_view status, int64_t pid);
/// Records a status in which none runs, and the end of what ran, for which `reason` is one of microsandbox's words.
Done record_ended(Transaction& transaction, const SandboxRecord& sandbox, std::string_view status,
                  std::string_view reason);

}  // namespace msb::index
