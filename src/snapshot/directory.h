#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/call.h"
#include "image/context.h"
#include "os/stamp.h"
#include "snapshot/artifact.h"

namespace msb::snapshot {

using image::Context;

/// A subdirectory that may be a snapshot, and what opening it gave.
struct Found {
  std::string path;  ///< canonical
  os::Stamp stamp;   ///< of the directory, from before it was opened: a forced create changes it
  Result<Artifact> artifact;
};

/// Opens what is directly below `dir`, which is canonical, or in a group of 0.7 there, on all threads, in order of the
/// paths. Hidden names are work in progress; a directory that does not exist is empty. What could not be opened is in
/// the list with its failure, but a directory without a descriptor is not.
Result<std::vector<Found>> look_into(const Context& context, const std::string& dir, const Call& call);

/// The snapshots directly below `dir` (reference.h, directory_named()), or in a group of 0.7 there, sorted by path. The
/// index is neither asked nor changed; what cannot be opened is left out and logged.
Result<std::vector<Artifact>> list_directory(const Context& context, const std::optional<std::string>& dir,
                                             const Call& call);

}  // namespace msb::snapshot
