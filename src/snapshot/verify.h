#pragma once

#include <optional>
#include <string>

#include "base/call.h"
#include "digest/digest.h"
#include "os/fs.h"
#include "snapshot/artifact.h"

namespace msb::snapshot {

/// What was found to be true.
struct VerifyReport {
  Digest digest;                   ///< of the descriptor, computed anew
  std::string path;                ///< directory that was verified
  std::optional<Integrity> upper;  ///< what the disk was held against; nothing when no digest of it is recorded
};

/// Opens the artifact's directory anew, holds its descriptor against `artifact.digest`, and its disk against the digest
/// that the descriptor records, or else the sidecar. A digest of microsandbox up to 0.5.7 is taken in either of the two
/// meanings its algorithm has had. Up to `threads` threads; writes nothing. Reports Phase::hashing.
/// @retval Status::snapshot_integrity  descriptor or disk are not what was recorded (facts `path`, `expected`,
///                                     `actual`), or the disk changed while it was read
/// @retval Status::unsupported         an algorithm that is not known, or a checkpoint
/// @retval Status::snapshot_not_found, Status::io  as open_artifact()
Result<VerifyReport> verify(os::Fs& fs, const Artifact& artifact, unsigned threads, const Call& call);

}  // namespace msb::snapshot
