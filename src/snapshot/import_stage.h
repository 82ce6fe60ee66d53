#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/call.h"
#include "image/context.h"
#include "os/file.h"
#include "os/publish.h"
#include "snapshot/archive_contents.h"
#include "snapshot/archive_reader.h"
#include "snapshot/archive_source.h"

namespace msb::snapshot {

using image::Context;

/// A snapshot of an archive that is whole, in a staged directory beside its place.
struct StagedSnapshot {
  ArchivedSnapshot archived;
  os::StagedDir dir;
};

/// A file of an image, nameless until it is of use.
struct StagedImageFile {
  MemberKind kind = MemberKind::layer;
  std::string name;  ///< as caches have it
  os::File file;
};

/// What an archive holds, all of it checked but not yet to be seen by anybody.
struct StagedArchive {
  std::vector<StagedSnapshot> snapshots;  ///< every parent before its children, the exported one last
  std::vector<StagedImageFile> image_files;
};

struct StageOptions {
  std::string directory;                  ///< where the snapshots will be; canonical, and there
  Form form_of_members = Form::snapshot;  ///< as ArchiveContents::check()
  bool skip_verify = false;
  ArchiveLimits limits;
};

/// Reads a whole archive: unpacks its snapshots into staged directories, with holes where there are zeros, and its
/// image into nameless files, and holds everything against its digests: inventory, transport, identity, the recorded
/// digest of each disk. A disk without one gets a sidecar (sidecar.h) with its Merkle root, made on the way. Reading
/// and inflating, hashing, and writing run on three threads. Reports Phase::unpacking in bytes of the archive.
/// @retval Status::snapshot_archive    malformed, unsafe, cut short or beyond a limit; fact `member`
/// @retval Status::snapshot_integrity  a descriptor or a disk is not what its digest says
Result<StagedArchive> stage_archive(const Context& context, ArchiveSource& source, const StageOptions& options,
                                    const Call& call);

}  // namespace msb::snapshot
