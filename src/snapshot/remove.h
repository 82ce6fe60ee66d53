#pragma once

#include <string>

#include "base/call.h"
#include "image/context.h"

namespace msb::snapshot {

using image::Context;

/// Removes the snapshot that `ref` stands for (reference.h): its directory, then its row, then the space it takes. A
/// row that outlived its artifact goes too. From the moment the directory has left its place nothing stops it; what
/// fails after that, recover() finishes.
/// @retval Status::snapshot_not_found     nothing of that name
/// @retval Status::snapshot_has_children  and `force` is false; fact `children` is their number
/// @retval Status::snapshot_integrity     its descriptor cannot be read, so nobody knows what it is; it is left alone
Done remove(const Context& context, const std::string& ref, bool force, const Call& call);

/// Removes the snapshot of that digest at that path, if it still is there; another one in its place is not touched. A
/// copy elsewhere stays.
Done remove_at(const Context& context, const std::string& path, const std::string& digest, bool force,
               const Call& call);

}  // namespace msb::snapshot
