#pragma once

#include <string>

#include "base/call.h"
#include "image/context.h"
#include "snapshot/archive_member.h"

namespace msb::snapshot {

using image::Context;

struct ExportRequest {
  std::string ref;            ///< of the snapshot, as in reference.h
  std::string path;           ///< replaced if there; empty to write `fd`
  int fd = -1;                ///< stays open
  bool with_parents = false;  ///< the chain of parents too
  bool with_image = false;    ///< the pinned image too
  bool plain_tar = false;     ///< not compressed
  int level = 0;              ///< of zstd, 1 to 19; 0 for 3
  unsigned threads = 0;       ///< that compress; 0 for as many as the context has
  Layout layout = Layout::home;
};

/// Writes a snapshot as one archive, `.tar.zst` or plain tar. The bytes depend on the snapshot and the request alone.
/// Descriptors go as they are, so the layout is that of their form, unless Layout::current is asked for: then a
/// `manifest.json` is translated, as microsandbox 0.6.9 does, and gets another digest by that.
///
/// Holes are not stored, but where Layout::legacy is asked for: its readers know none. There zeros cost next to nothing
/// when they are compressed, and in a plain file they are holes of the file.
///
/// Reading and hashing, compressing, and the digest of the disk run side by side, and each disk is read once. A
/// recorded Merkle root is checked on the way; so is that of a disk without one found out for a legacy archive, in
/// which it has no other digest. Other records are for verify and the importer to check: they cost as much as the holes
/// are long.
///
/// A file appears under its path whole, synced, or not at all. Reports Phase::packing in bytes of data.
/// @retval Status::snapshot_not_found      no such snapshot, or a parent is missing
/// @retval Status::snapshot_integrity      the snapshot is damaged
/// @retval Status::snapshot_image_missing  with_image, and the pinned image is not in the cache; fact `reference`
/// @retval Status::invalid_argument        level or layout
/// @retval Status::unsupported             a checkpoint, or a layout that cannot hold the snapshot
/// @retval Status::io                      a disk changed while it was read, or the file system is in the way
Done export_archive(const Context& context, const ExportRequest& request, const Call& call);

}  // namespace msb::snapshot
