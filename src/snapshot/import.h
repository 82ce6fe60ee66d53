#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/call.h"
#include "image/context.h"
#include "index/snapshots.h"

namespace msb::snapshot {

using image::Context;

struct ImportRequest {
  std::string path;                 ///< the archive; empty to read `fd`
  int fd = -1;                      ///< stays open
  std::optional<std::string> dest;  ///< where to put snapshots; absent: the snapshots directory
  std::optional<std::string> name;  ///< of the exported snapshot
  bool skip_verify = false;         ///< do not hold disks against their recorded digests
  uint64_t max_unpacked_bytes = 0;  ///< 0 for that of ArchiveLimits, like the next
  uint64_t max_entries = 0;
};

/// Takes the snapshots of an archive into a home, and its image into the cache. Everything is staged and checked
/// (import_stage.h) before anything becomes visible; then the image is installed, as far as it can be proven
/// (image/install.h), and the snapshots appear one by one, every parent before its children. After a crash in between
/// those that are there are whole, and the same import completes the rest.
///
/// A snapshot is called as the request says, else as its exporter called it, if it says and the name is free, else by
/// its digest as microsandbox does. One that is there already, under any name, is not imported again, unless the
/// request names it. Returns what the index says about the exported one.
/// @retval Status::snapshot_archive, Status::snapshot_integrity  as stage_archive()
/// @retval Status::snapshot_already_exists  another snapshot has the name of the request
/// @retval Status::invalid_config           a malformed name
/// @retval Status::image_invalid            the image is not what its digests say
/// @retval Status::unsupported              the client is read-only, or the archive needs what this release lacks
Result<index::SnapshotRow> import_archive(const Context& context, const ImportRequest& request, const Call& call);

}  // namespace msb::snapshot
