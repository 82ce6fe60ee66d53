#include "image/image_record.h"

#include <optional>

namespace msb::image {
namespace {

template <typename T>
std::optional<T> unless_empty(const T& value) {
  return value.empty() ? std::nullopt : std::optional(value);
}

index::ConfigRecord config_record(const Digest& digest, const oci::RunConfig& run) {
  index::ConfigRecord record;
  record.digest = digest.text();
  record.env = run.env;
  record.cmd = run.cmd;
  record.entrypoint = run.entrypoint;
  record.working_dir = run.working_dir;
  record.user = run.user;
  record.labels = run.labels;
  record.stop_signal = run.stop_signal;
  return record;
}

}  // namespace

index::ImageRecord make_record(const Digest& digest, const oci::Manifest& manifest, const oci::ImageConfig& config,
                               std::span<const AssembledLayer> layers) {
  index::ImageRecord record;
  record.manifest_digest = digest.text();
  record.media_type = manifest.media_type;
  record.architecture = unless_empty(config.platform.architecture);
  record.os = unless_empty(config.platform.os);
  record.variant = unless_empty(config.platform.variant);
  record.config = config_record(manifest.config.digest, config.run);
  for (size_t i = 0; i < layers.size(); ++i) {
    const oci::Descriptor& blob = manifest.layers[i];
    record.layers.push_back(
        {layers[i].diff_id.text(), blob.digest.text(), unless_empty(blob.media_type), blob.size, layers[i].size});
  }
  return record;
}

}  // namespace msb::image
