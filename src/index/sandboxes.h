#pragma once

#include <cstdint>
#include <optional>
#include <string>
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

}  // namespace msb::index
