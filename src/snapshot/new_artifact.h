#pragma once

#include <optional>
#include <string>

#include "base/call.h"
#include "image/context.h"
#include "os/publish.h"
#include "snapshot/artifact.h"
#include "snapshot/integrity.h"

namespace msb::snapshot {

using image::Context;

// What all share that make a snapshot out of a disk: where it goes, the copy, and how it appears.

/// How the release that owns the home describes snapshots.
struct HomeForm {
  Form form = Form::manifest;
  /// It reads a snapshot only with an `msb-sparse-sha256-v1` of its disk (0.6.7 and 0.6.8).
  bool only_sparse = false;
  std::string owner;  ///< as Schema::describe()
};
Result<HomeForm> form_of_home(const Context& context, const Call& call);

struct Destination {
  std::string directory;  ///< canonical
  std::string name;

  std::string path() const { return os::join_path(directory, name); }
};

/// Where a caller wants a new snapshot: a name below the snapshots directory or below `dest_dir`, or a path.
struct Place {
  std::optional<std::string> name;
  std::optional<std::string> path;
  std::optional<std::string> dest_dir;  ///< only with a name
};
/// @retval Status::invalid_argument  not exactly one of name and path
/// @retval Status::invalid_config    a malformed name
Result<Destination> find_destination(const Context& context, const Place& place);

/// @retval Status::snapshot_already_exists  something is there and `force` is false, or it is no snapshot
Done check_destination(const Context& context, const std::string& path, bool force);

/// Copies a disk, and hashes it in the same pass if a digest is wanted. `item` names it in progress.
/// @retval Status::io  it changed meanwhile
struct CopiedDisk {
  uint64_t size = 0;
  std::optional<Digest> digest;
};
Result<CopiedDisk> copy_disk(const Context& context, const os::File& disk, const os::File& copy,
                             std::optional<Algorithm> algorithm, const std::string& item, const Call& call);

/// Writes the descriptor into a staged directory that has the disk, publishes it, and indexes what is there then. From
/// the moment that it is published nothing stops or undoes it: what fails after that is only logged.
Result<Artifact> publish(const Context& context, os::StagedDir staged, const Destination& destination,
                         Descriptor descriptor, bool force, const Call& call);

}  // namespace msb::snapshot
