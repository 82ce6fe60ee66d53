#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/call.h"
#include "image/context.h"
#include "snapshot/artifact.h"
#include "snapshot/integrity.h"
#include "snapshot/new_artifact.h"

namespace msb::snapshot {

using image::Context;

/// What is captured. Whoever fills it in makes sure that nobody writes to the disk until create() has returned.
struct CaptureSource {
  std::string sandbox;
  std::string upper_path;
  std::string image_ref;
  std::string image_digest;
  std::optional<std::string> origin;  ///< digest of the snapshot that the sandbox was made from
};

struct CreateRequest : Place {
  std::vector<std::pair<std::string, std::string>> labels;  ///< the last value of a key counts
  bool force = false;
  bool record_integrity = false;       ///< hash the disk, in the same pass that copies it, and record the digest
  std::optional<Algorithm> integrity;  ///< likewise, with this algorithm; else with what suits the home's owner
  /// Recorded as it is. Without one the origin is, provided that its snapshot still is to be found.
  std::optional<std::string> parent;
};

/// What create() can refuse before anything is known of its source: so that a bad name is reported before a sandbox
/// that does not exist. Writes nothing.
/// @retval Status::invalid_argument         not exactly one of name and path; a malformed label or parent
/// @retval Status::invalid_config           a malformed name
/// @retval Status::snapshot_already_exists  the destination exists and `force` is false, or it is no snapshot
/// @retval Status::unsupported, Status::database  this home may not be written, or its owner knows no such digest
Done check_request(const Context& context, const CreateRequest& request, const Call& call);

/// Captures a disk as a snapshot. Staged beside its destination, synced and published by one rename, so it is there
/// whole or not at all; with `force` what was there is exchanged for it, and removed last. Its descriptor has the form
/// that the home's owner writes, with a digest where that demands one. A snapshot that cannot be indexed is there all
/// the same: that is only logged. Of two that create the same name at once one succeeds; with `force` both, and the
/// last one stays. Reports Phase::copying, or Phase::hashing where blocks are shared.
/// @retval Status::invalid_config  the sandbox has no image or no disk of its own, beyond those of check_request()
/// @retval Status::io              the disk changed while it was captured, or the file system is in the way
Result<Artifact> create(const Context& context, const CaptureSource& source, const CreateRequest& request,
                        const Call& call);

}  // namespace msb::snapshot
