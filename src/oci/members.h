#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "digest/digest.h"
#include "json/node.h"

namespace msb::oci {

// How the documents of this module say what they may leave out: absent and null are the same.

Result<std::string> required_text(const json::Node& object, std::string_view name);
Result<std::optional<std::string>> optional_text(const json::Node& object, std::string_view name);
Result<std::optional<std::vector<std::string>>> optional_strings(const json::Node& object, std::string_view name);

/// A digest of the one kind that content is checked against.
Result<Digest> sha256_digest(const json::Node& node);

}  // namespace msb::oci
