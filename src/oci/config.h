#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "digest/digest.h"
#include "oci/manifest.h"
#include "oci/platform.h"

namespace msb::oci {

/// How an image wants to be run. What is null in the document counts as absent; an empty command is not absent.
struct RunConfig {
  Strings env;  ///< `KEY=value`
  std::optional<Strings> cmd;
  std::optional<Strings> entrypoint;
  std::optional<std::string> working_dir;
  std::optional<std::string> user;
  Strings exposed_ports;  ///< `8080/tcp`, in document order
  Strings volumes;
  StringMap labels;
  std::optional<std::string> stop_signal;

  bool operator==(const RunConfig&) const = default;
};

/// The configuration of an image (formats/images.md §4).
struct ImageConfig {
  Platform platform;             ///< members may be empty: some tools leave them so
  std::vector<Digest> diff_ids;  ///< of the plain tars, bottom first; always sha256
  RunConfig run;
};

/// Reads a configuration, OCI's or Docker's. Fails with image_invalid and the fact `member`.
Result<ImageConfig> parse_config(std::string_view bytes);

/// That there are as many diff IDs as layers. Fails with image_invalid.
Done check_layer_count(const ImageConfig& config, size_t layers);
/// That the image runs on `platform`, as an index is not there to say so. Fails as select() does.
Done check_platform(const ImageConfig& config, const Platform& platform, std::string_view subject);

}  // namespace msb::oci
