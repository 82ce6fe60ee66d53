#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/call.h"
#include "image/context.h"

namespace msb::snapshot {

using image::Context;

/// Where work on snapshots may have left something: the snapshots directory, and wherever indexed ones are.
Result<std::set<std::string>> working_directories(const Context& context, const Call& call);

/// Names of what dead processes of ours have left in a directory; and of microsandbox, which keeps no lock on it, where
/// nothing has changed in it for an hour. A directory that does not exist has none.
Result<std::vector<std::string>> find_leftovers(const Context& context, const std::string& directory, const Call& call);

/// Removes them, or brings back what they were made of (os/publish.h), and returns how many.
Result<uint32_t> sweep_leftovers(const Context& context, const std::string& directory, const Call& call);

}  // namespace msb::snapshot
