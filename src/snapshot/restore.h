#pragma once

#include <string>

#include "base/call.h"
#include "image/context.h"
#include "sandbox/create.h"
#include "snapshot/artifact.h"

namespace msb::snapshot {

using image::Context;

/// Whether a sandbox can be made from a snapshot, as far as its descriptor tells.
/// @retval Status::unsupported  a checkpoint, a disk that is not raw ext4, or a requirement that nobody here knows
Done check_restorable(const Artifact& artifact);

/// Makes a fresh sandbox from the snapshot that `ref` stands for (reference.h): a private copy of its disk, on the
/// image that it pins. The sandbox remembers where it came from, so that a snapshot of it names its parent. `request`
/// has neither image nor origin. The disk is of the recorded size; its content is not hashed, that is what verify()
/// does.
/// @retval Status::snapshot_not_found, Status::snapshot_integrity  as open() in reference.h
/// @retval Status::unsupported             as check_restorable()
/// @retval Status::snapshot_image_missing  the image is not in the cache; fact `reference` says what to pull or load
/// and what sandbox::create() fails with
Result<sandbox::Sandbox> restore(const Context& context, const std::string& ref, const std::string& name,
                                 sandbox::CreateRequest request, const Call& call);

}  // namespace msb::snapshot
