#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/call.h"
#include "image/context.h"
#include "sandbox/sandbox.h"

namespace msb::sandbox {

/// Writes nothing.
/// @retval Status::sandbox_not_found  no sandbox of that name
/// @retval Status::unsupported        its status is none that we know
Result<Sandbox> get(const image::Context& context, const std::string& name, const Call& call);

/// Labels that all have to be there; one without a value may have any.
using LabelFilter = std::vector<std::pair<std::string, std::optional<std::string>>>;

/// Newest first, ties by name. Writes nothing; a record that cannot be understood is left out, with a warning.
Result<std::vector<Sandbox>> list(const image::Context& context, const LabelFilter& labels, const Call& call);

/// Records a status for whoever supervises the machine, together with the process that runs it: `pid` for the live
/// ones, 0 for the others. The same status again is fine, and may name another process.
/// @retval Status::invalid_argument   a status that cannot follow the present one, or the wrong kind of pid
/// @retval Status::sandbox_not_found  no sandbox of that name
/// @retval Status::busy               it is to run, but is kept stopped for a capture or a removal
/// @retval Status::unsupported        the client is read-only
Done set_status(const image::Context& context, const std::string& name, Status status, int64_t pid, const Call& call);

}  // namespace msb::sandbox
