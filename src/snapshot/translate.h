#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/call.h"
#include "image/context.h"
#include "snapshot/descriptor.h"

namespace msb::snapshot {

using image::Context;

// A home that microsandbox 0.6.7 or later has taken over is of the generation of `snapshot.json`, and that release
// rewrites the `manifest.json` artifacts it finds (formats/snapshots.md §9). One that records a Merkle root it cannot
// read, and so cannot open from then on, nor its descendants. Those are ours, so we rewrite them, in the same way.

/// The descriptor in Form::snapshot of one in Form::manifest, with that parent. It has another identity.
/// @retval Status::snapshot_migration  later releases have no place for what it says
Result<Descriptor> translated(const Descriptor& manifest, std::optional<std::string> parent);

/// The other way round: the descriptor in Form::manifest of one in Form::snapshot, with that parent.
/// @retval Status::snapshot_migration  it is no plain disk, or says what a `manifest.json` has no place for
Result<Descriptor> reverted(const Descriptor& snapshot, std::optional<std::string> parent);

/// What a `manifest.json` is called once there is a `snapshot.json` in its place.
inline constexpr char kRetiredManifest[] = ".manifest.json.legacy";

/// Finishes the translations that the home's owner began and could not finish because of a Merkle root, and returns how
/// many. Costs one query where there are none. What cannot be translated is logged and stays what it is;
/// `manifest.json` stays beside the new descriptor as `.manifest.json.legacy`, and the old digest still finds the
/// snapshot.
Result<uint32_t> translate(const Context& context, const Call& call);

}  // namespace msb::snapshot
