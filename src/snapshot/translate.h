#pragma once

#include <cstdint>

#include "base/call.h"
#include "image/context.h"

namespace msb::snapshot {

using image::Context;

// A home that microsandbox 0.6.7 or later has taken over is of the generation of `snapshot.json`, and that release
// rewrites the `manifest.json` artifacts it finds (formats/snapshots.md §9). One that records a Merkle root it cannot
// read, and so cannot open from then on, nor its descendants. Those are ours, so we rewrite them, in the same way.

/// What a `manifest.json` is called once there is a `snapshot.json` in its place.
inline constexpr char kRetiredManifest[] = ".manifest.json.legacy";

/// Finishes the translations that the home's owner began and could not finish because of a Merkle root, and returns how
/// many. Costs one query where there are none. What cannot be translated is logged and stays what it is;
/// `manifest.json` stays beside the new descriptor as `.manifest.json.legacy`, and the old digest still finds the
/// snapshot.
Result<uint32_t> translate(const Context& context, const Call& call);

}  // namespace msb::snapshot
