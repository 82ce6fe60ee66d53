#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace msb::registry {

/// What a server wants to see before it answers: one challenge of a WWW-Authenticate header (RFC 9110, section 11.6).
struct Challenge {
  std::string scheme;                                           ///< in lower case: `basic`, `bearer`
  std::vector<std::pair<std::string, std::string>> parameters;  ///< names in lower case, values unquoted

  /// Value of a parameter, or null.
  const std::string* find(std::string_view name) const;
};

/// Reads the value of one header, which may hold several challenges.
/// @retval Status::http  it is malformed
Result<std::vector<Challenge>> parse_challenges(std::string_view header);

}  // namespace msb::registry
