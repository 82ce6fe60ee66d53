#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "base/call.h"
#include "image/context.h"

namespace msb::runtime {

/// Waits until a sandbox does not run, and calls `meanwhile` between looks. False when it still runs after `limit`.
/// @retval Status::sandbox_not_found  no sandbox of that name
Result<bool> await_end(const image::Context& context, const std::string& name,
                       std::optional<std::chrono::milliseconds> limit, const Call& call,
                       const std::function<void()>& meanwhile = {});

/// Says in the log why a sandbox stands still.
void warn_of_pause(const image::Context& context, const std::string& name);

}  // namespace msb::runtime
