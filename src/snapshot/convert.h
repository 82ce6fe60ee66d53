#pragma once

#include <optional>
#include <string>

#include "base/call.h"
#include "snapshot/new_artifact.h"

namespace msb::snapshot {

struct ConvertRequest {
  std::optional<Form> form;  ///< the other one is an error; nothing: the form that the home's owner writes
  Place place;
  bool force = false;                  ///< a snapshot that is there is replaced
  bool record_integrity = false;       ///< hash the disk anew, with `algorithm` or else what suits the home's owner
  std::optional<Algorithm> algorithm;  ///< likewise
  bool drop_parent = false;            ///< record none
};

/// Makes a snapshot with a copy of the disk of another one, and its descriptor in the other form. What was there stays.
///
/// The parent is called what its own conversion is called, whether that has been made or not: the same conversion
/// always gives the same digest, so a family can be converted in any order. The digest of the disk is kept as it is
/// recorded, except that a Merkle root becomes `msb-sparse-sha256-v1` on the way to `manifest.json`, whose readers know
/// no other; then, and where a new one is asked for, the disk is first held against what was recorded of it.
/// A `snapshot.json` that was made from a `manifest.json` which is still beside it becomes that one again.
/// Reports Phase::hashing and Phase::copying.
/// @retval Status::invalid_argument    it has that form already; or of the place
/// @retval Status::snapshot_migration  the other form has no place for what it says
/// @retval Status::snapshot_not_found  it or its parent is nowhere to be found
/// @retval Status::snapshot_integrity  the disk is not what was recorded
/// @retval Status::database            the home may not be written, and the place is in its snapshots directory
Result<Artifact> convert(const Context& context, const std::string& ref, const ConvertRequest& request,
                         const Call& call);

}  // namespace msb::snapshot
