#pragma once

#include <string>

#include "base/call.h"
#include "image/context.h"

namespace msb::sandbox {

/// Brings the directories of a name in line with its record, after a create, a replacement or a removal that has ended
/// in the middle. What is recorded decides which of two directories belongs there (FORMAT.md). The caller has the
/// creation lock. True when there was something to do.
Result<bool> settle(const image::Context& context, const std::string& name, const Call& call);

/// The same on the way out with another failure, or after a success: what fails is logged and left to recover().
void settle_if_possible(const image::Context& context, const std::string& name);

}  // namespace msb::sandbox
