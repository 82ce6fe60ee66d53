#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "index/images.h"
#include "index/schema.h"

namespace msb::sandbox {

/// What the stored configuration of a new sandbox says.
struct NewConfig {
  std::string name;
  std::string image_ref;
  std::string image_digest;
  std::map<std::string, std::string> labels;
  std::optional<uint64_t> disk_mib;          ///< size of a managed disk; none for one copied from a snapshot
  std::optional<index::ConfigRecord> image;  ///< how the image wants to be run, if that is known
  std::optional<std::string> user;           ///< in place of the image's
};

inline constexpr size_t kMaxConfig = size_t{1} << 20;

/// A configuration that the release which owns the home can read: with the defaults that it would write itself, except
/// that /tmp is on the disk, and with `more`, a JSON object, merged into it. Its `env` is merged with that of the image
/// by name, in whichever form releases store one.
/// @retval invalid_config    `more` is no JSON object, has no such `env`, or sets what is given otherwise (name, image,
/// manifest_digest,
///                           labels)
/// @retval invalid_argument  labels and configuration are too long
Result<std::string> write_config(const NewConfig& config, const index::Schema& schema,
                                 const std::optional<std::string>& more);

}  // namespace msb::sandbox
