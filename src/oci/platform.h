#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace msb::oci {

/// What an image runs on, in the names of the OCI specification: `linux/arm64/v8`.
struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;  ///< empty where the architecture says enough

  /// Reads `os/architecture[/variant]`; kernel names of machines are understood too (`linux/x86_64`). Fails with
  /// invalid_argument.
  static Result<Platform> parse(std::string_view text);
  /// Linux on this machine.
  static Platform host();

  std::string text() const;
  /// How well an image for `offered` runs here: nothing when it does not, else more is better. Its own variant is best,
  /// then the lower ones from high to low; an image that names none counts as one for the variant that everybody has.
  std::optional<int> rank(const Platform& offered) const;

  bool operator==(const Platform&) const = default;
};

}  // namespace msb::oci
