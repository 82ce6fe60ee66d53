#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/call.h"
#include "image/source_image.h"
#include "oci/platform.h"

namespace msb::image {

/// How an archive or a registry is asked for its documents.
struct DocumentStore {
  /// Reads one, and checks it against its descriptor.
  std::function<Result<std::string>(const oci::Descriptor&)> read;
  std::function<std::string(const Digest&)> name_of;  ///< what messages call it
  std::string subject;                                ///< what they call the whole
  std::string root;                                   ///< and what leads to everything in it
};

/// Finds the image for a platform among descriptors of manifests and indexes, and in the indexes below those; what
/// build tools attach is passed over. One object bounds what it reads altogether.
class ImageChooser {
 public:
  /// All outlive the chooser.
  ImageChooser(const DocumentStore& store, const oci::Platform& platform, const Call& call)
      : store_(store), platform_(platform), call_(call) {}

  /// The best image that the entries lead to, without its layers' origins; nothing when none is for the platform.
  /// @retval Status::image_invalid  malformed, or not what an index says of it; fact `member`
  Result<std::optional<SourceImage>> choose(std::span<const oci::Descriptor* const> entries);
  /// That nothing was for the platform: says what there would have been.
  Error nothing_found() const { return oci::no_such_platform(platform_, store_.subject, offered_); }

 private:
  Done expand(const oci::Descriptor& entry, const std::optional<oci::Platform>& outer, size_t depth,
              std::vector<oci::Descriptor>& leaves);
  Result<SourceImage> read_image(const oci::Descriptor& descriptor);
  void offer(const oci::Platform& platform);

  const DocumentStore& store_;
  const oci::Platform& platform_;
  const Call& call_;
  oci::Strings offered_;
  size_t indexes_ = 0;
  size_t manifests_ = 0;
};

}  // namespace msb::image
