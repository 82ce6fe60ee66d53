#pragma once

#include <string>

#include "base/call.h"
#include "image/context.h"

namespace msb::sandbox {

/// Removes a sandbox that is not running: its record, which frees the image, its disk and its logs. Killed at any
/// moment, it leaves the sandbox, or something that recover() takes away.
/// @retval Status::sandbox_not_found      no sandbox of that name
/// @retval Status::sandbox_still_running  stop it first
/// @retval Status::unsupported            the client is read-only
Done remove(const image::Context& context, const std::string& name, const Call& call);

}  // namespace msb::sandbox
