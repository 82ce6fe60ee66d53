#pragma once

#include <string>

#include "base/call.h"
#include "image/context.h"

namespace msb::image {

/// Takes a reference away: the one stored with exactly this text, else one that means the same. Other references of its
/// image stay, whatever their spelling. With the last one the image leaves the index, and what nobody else needs leaves
/// the disk; what a sandbox, a snapshot or work in flight still needs is kept, rows included, until a later sweep.
///
/// Fails with image_not_found; with image_in_use and the fact `sandboxes` when sandboxes use the image, no other
/// reference keeps it and `force` is false; with invalid_argument for what is no reference.
Done remove(const Context& context, const std::string& reference, bool force, const Call& call);

}  // namespace msb::image
