#pragma once

#include <string>
#include <vector>

#include "base/call.h"
#include "base/stream.h"
#include "image/context.h"
#include "snapshot/archive_reader.h"

namespace msb::snapshot {

using image::Context;

/// Paths of the members of an archive, in its order, after the checks of its structure that import_archive() makes too:
/// all but those of content. Disks are not read where the archive lies uncompressed in a file. Writes nothing.
/// @retval Status::snapshot_archive    malformed, unsafe, cut short or beyond a limit; fact `member`
/// @retval Status::snapshot_integrity  a descriptor is malformed, or not what its digest says
Result<std::vector<std::string>> list_archive(const Context& context, const std::string& path, const Call& call);

/// The same for an archive from anywhere.
Result<std::vector<std::string>> list_members(ByteSource& source, const ArchiveLimits& limits, const Call& call);

}  // namespace msb::snapshot
