#pragma once

#include <cstdint>
#include <string>

namespace msbctl {

/// Word for MSB_ITEM_…: `layer`.
const char* item_name(uint32_t kind);
/// Word for MSB_PROBLEM_…: `layer_missing`.
const char* problem_name(uint32_t kind);
/// A digest, or a file that is named for one, cut to 12 hex digits; other names as they are.
std::string shortened(const char* name);

}  // namespace msbctl
