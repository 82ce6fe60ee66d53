#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace msb::sandbox {

/// Values are those of MSB_SANDBOX_… in the header.
enum class Status : uint32_t { created = 1, starting, running, draining, paused, stopped, crashed };

/// Static lower-case name; "unknown" for other values.
std::string_view status_name(Status status);

/// True while a machine may be using the disk.
constexpr bool is_live(Status status) { return status >= Status::starting && status <= Status::paused; }

/// A sandbox as it is: what is recorded about it, and what its directory holds.
struct Sandbox {
  std::string name;
  /// As recorded, unless a process that should run it is gone: then `crashed`, or `stopped` if it was to stop anyway.
  Status status = Status::stopped;
  std::map<std::string, std::string> labels;
  std::string config_json;                     ///< stored configuration, as it is stored
  std::optional<std::string> image_ref;        ///< only of one made from an OCI image, like the next
  std::optional<std::string> image_digest;     ///< pinned manifest
  std::optional<std::string> source_snapshot;  ///< digest of the snapshot that its disk was copied from
  std::optional<std::string> upper_path;       ///< its own writable disk; none where it has none, or it is missing
  uint64_t upper_size = 0;
  uint64_t upper_allocated = 0;
  UnixNanos created_at = 0;
  UnixNanos updated_at = 0;
};

/// A name is 1 to 128 bytes of `A-Z a-z 0-9 . _ -`, the first a letter or digit.
/// @retval invalid_config  it is not; the message says why
Done check_name(std::string_view name);

}  // namespace msb::sandbox
