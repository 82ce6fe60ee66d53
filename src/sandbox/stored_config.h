#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace msb::sandbox {

/// What we read from a stored configuration (formats/snapshots.md §5.5), whichever release wrote it.
struct StoredConfig {
  std::map<std::string, std::string> labels;
  std::optional<std::string> image_ref;        ///< only of a sandbox made from an OCI image
  std::optional<std::string> manifest_digest;  ///< that it pins
  bool managed_disk = false;                   ///< its root is written to a disk in its directory
};

/// Members that are missing or of another kind are taken as absent; nothing when the text is no JSON object.
std::optional<StoredConfig> read_stored_config(std::string_view text);

}  // namespace msb::sandbox
