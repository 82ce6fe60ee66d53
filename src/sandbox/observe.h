#pragma once

#include <optional>
#include <string_view>

#include "base/call.h"
#include "image/context.h"
#include "index/sandboxes.h"
#include "sandbox/sandbox.h"

namespace msb::sandbox {

// From what is recorded to what is.

/// The word that is stored for a status, and back; nothing for another one.
std::string_view stored_status(Status status);
std::optional<Status> parse_stored_status(std::string_view text);

enum class Lifecycle {
  free,  ///< the lifecycle lock may be somebody's: a sign of life
  ours,  ///< the caller holds it
};

/// The sandbox of that name with the record that says so, which stay together when it is started meanwhile.
struct Observed {
  index::SandboxRecord record;
  Sandbox sandbox;
};
/// @retval Status::sandbox_not_found  no sandbox of that name
/// @retval Status::unsupported        its status is none that we know
Result<Observed> observe(const image::Context& context, const std::string& name, Lifecycle lifecycle, const Call& call);
/// The same of a record that was just read.
Result<Observed> observe(const image::Context& context, index::SandboxRecord record, Lifecycle lifecycle,
                         const Call& call);

}  // namespace msb::sandbox
