#pragma once

#include <vector>

#include "base/call.h"
#include "image/check.h"
#include "image/context.h"

namespace msb::snapshot {

using image::Context;

/// Looks for what is wrong with snapshots; images have a check of their own, which also tells which ones snapshots
/// miss.
///   snapshot_damaged  a descriptor or a disk is not what it should be; with `deep` disks are held against the digests
///                     that are recorded of them. Nothing repairs that.
///   index_stale       a snapshot that the index does not know, a row of one that is gone or has changed, a wrong count
///                     of children; `repair` brings the index in line with the directories
///   leftover          remains of work that died; `repair` removes them
/// Looks into the snapshots directory, and at whatever is indexed elsewhere.
Result<std::vector<image::Problem>> check(const Context& context, const image::CheckOptions& options, const Call& call);

}  // namespace msb::snapshot
