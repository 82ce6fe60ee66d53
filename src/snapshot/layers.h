#pragma once

#include "base/call.h"
#include "image/context.h"
#include "snapshot/artifact.h"

namespace msb::snapshot {

using image::Context;

// The disk of a member of a group may be there as layers: a raw one, and qcow2 images that hold what was written later,
// one over the other. Whoever needs the disk makes it of them.

/// Makes `disk`, which is empty, the raw disk that the layers of a snapshot are together. Nothing is synced. Reports
/// Phase::copying in bytes of each layer in turn; `item` names what is worked on.
/// @retval Status::snapshot_integrity  a layer is malformed
/// @retval Status::unsupported         a layer has a feature that is not known here (qcow2.h)
/// @retval Status::io                  a layer changed meanwhile
Done flatten(const Context& context, const Artifact& artifact, const os::File& disk, const std::string& item,
             const Call& call);

/// One layer over what `disk`, of `size` bytes, has already; a raw one is all of it.
Done add_layer(const Context& context, const os::File& layer, const std::string& format, const os::File& disk,
               uint64_t size, const Progress& progress, const Call& call);

}  // namespace msb::snapshot
