#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace msb::registry {

std::string to_base64(std::string_view bytes);
/// Standard alphabet with padding; nothing for anything else.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace msb::registry
