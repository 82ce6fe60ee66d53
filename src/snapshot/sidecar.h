#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "os/fs.h"
#include "snapshot/artifact.h"

namespace msb::snapshot {

// A descriptor without integrity stays without: its digest is the snapshot's name. The digest of such a disk is carried
// beside it instead, in an archive and then in the artifact's directory (FORMAT.md). Other programs ignore the file.

inline constexpr std::string_view kSidecarName = ".integrity.json";
inline constexpr size_t kMaxSidecar = 4096;

/// Content of the sidecar for the disk that `descriptor` describes.
std::string sidecar_bytes(const Descriptor& descriptor, const Integrity& integrity);

/// @retval Status::snapshot_integrity  it is malformed, or speaks of another disk than `descriptor`
Result<Integrity> parse_sidecar(std::string_view text, const Descriptor& descriptor);

/// The sidecar in the artifact's directory; nothing when there is none.
/// @retval Status::snapshot_integrity  as above, or it is no regular file
Result<std::optional<Integrity>> read_sidecar(os::Fs& fs, const Artifact& artifact);

}  // namespace msb::snapshot
