#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "snapshot/descriptor.h"

namespace msb::snapshot {

// One snapshot said in the form of another release. It has another digest then, so its parent is given by the one that
// it has in that form. Nothing but descriptors is looked at.

/// A descriptor in Form::manifest in Form::snapshot, as microsandbox maps it (formats/snapshots.md §9).
/// @retval Status::snapshot_migration  later releases have no place for what it says
Result<Descriptor> translated(const Descriptor& manifest, std::optional<std::string> parent);

/// A descriptor in another form than its own, which is not Form::member. A Merkle root goes along into Form::manifest,
/// where microsandbox cannot read it; the user that 0.7 records has no place there, and is left out.
/// @retval Status::snapshot_migration  that form has no place for what it says
Result<Descriptor> in_form(const Descriptor& descriptor, Form form, std::optional<std::string> parent);

}  // namespace msb::snapshot
