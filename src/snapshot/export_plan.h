#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/call.h"
#include "image/context.h"
#include "snapshot/archive_member.h"
#include "snapshot/artifact.h"

namespace msb::snapshot {

using image::Context;

/// A snapshot as it will be in an archive.
struct ExportedSnapshot {
  std::string owner;  ///< in the paths of its members
  std::string name;   ///< of its directory, or in its group
  std::string disk_path;
  std::optional<Artifact> layered;  ///< whose disk has to be made of its layers
  Descriptor descriptor;            ///< in the form that the layout asks for
  Digest digest;                    ///< of that
  std::optional<Integrity> record;  ///< what is known of the disk, from its descriptor or its sidecar
};

struct ExportPlan {
  Layout layout = Layout::current;
  /// Holes of disks are not stored. Readers of microsandbox up to 0.6.6 know no sparse members: for them the legacy
  /// layout has to be asked for. Later ones take them in both layouts.
  bool sparse = true;
  std::vector<ExportedSnapshot> snapshots;  ///< oldest ancestor first, the one that was asked for last
};

/// Opens a snapshot, and its parents if they are wanted or needed, and settles in which form they leave.
Result<ExportPlan> plan_export(const Context& context, const std::string& ref, bool with_parents, Layout layout,
                               const Call& call);

}  // namespace msb::snapshot
