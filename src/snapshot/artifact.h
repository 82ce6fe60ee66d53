#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "digest/digest.h"
#include "os/dir.h"
#include "os/file.h"
#include "snapshot/descriptor.h"

namespace msb::snapshot {

/// A snapshot on disk: a directory with a descriptor and the disk it speaks of (FORMAT.md). A value: it holds what the
/// directory said when it was opened, and no descriptors of files.
struct Artifact {
  std::string path;  ///< absolute directory; symlinks in it are as the caller had them
  Descriptor descriptor;
  Digest digest;                 ///< identity of the descriptor
  uint64_t allocated_bytes = 0;  ///< what the disk takes; 0 for a checkpoint, which has none

  /// The disk, or the layer that is over all others.
  std::string upper_path() const { return os::join_path(path, descriptor.upper_file); }
  /// Its directory's, or what its group calls it.
  std::string name() const;
};

/// Opens a directory as a snapshot: `snapshot.json` if it is there, else `manifest.json`. The directory may be reached
/// through symlinks; descriptor and disk must be regular files of their own. Never waits for a FIFO, never reads more
/// than kMaxDescriptor, never writes. The disk must have the recorded size; its content is not read (verify.h does).
/// @retval Status::snapshot_not_found  no such directory, or one without a descriptor
/// @retval Status::snapshot_integrity  the descriptor is malformed, odd or too large; the disk is missing, odd or of
///                                     another size (facts `path`, `expected`, `actual`)
/// @retval Status::unsupported         a group of snapshots of microsandbox 0.7, or a member of one that is more than a
///                                     disk
/// @retval Status::io                  the disk or its permissions are in the way
Result<Artifact> open_artifact(os::Fs& fs, const std::string& path);

/// Reads the descriptor in a directory, by the same rules, for whoever is about to change what is there. Whether the
/// disk is there is not asked.
/// @retval Status::unsupported  it is of microsandbox 0.7, whose snapshots we leave alone
Result<Descriptor> read_descriptor(const os::File& dir);

/// Reads a small file of an artifact, by the same rules; nothing when there is none.
/// @retval Status::snapshot_integrity  it is not a regular file, or larger than `limit` bytes
Result<std::optional<std::string>> read_member(const os::File& dir, std::string_view name, size_t limit);

}  // namespace msb::snapshot
