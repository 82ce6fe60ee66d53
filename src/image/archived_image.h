#pragma once

#include <string>
#include <vector>

#include "base/call.h"
#include "image/archive_files.h"
#include "oci/config.h"
#include "oci/manifest.h"
#include "oci/platform.h"

namespace msb::image {

/// An image as an archive has it: its documents, all checked against their digests and sizes, and where its layers are.
struct ArchivedImage {
  std::vector<std::string> references;  ///< as the archive spells them; may be none
  oci::Manifest manifest;
  std::string raw_manifest;  ///< exact bytes; empty for an image of a Docker archive, which has none
  std::string raw_config;
  oci::ImageConfig config;
  /// One for each layer of the manifest, of the size that it says. In a Docker archive the manifest's layers lack a
  /// media type, and a digest where their file's name does not say it.
  std::vector<ArchiveFile> layers;
};

// Of one archive. All documents are in memory until the images are in the index.
inline constexpr size_t kMaxImages = 1000;
inline constexpr size_t kMaxDocuments = size_t{32} << 20;  ///< bytes of all manifests and configurations

/// Reads the documents of all images in an archive, in its order, those for `platform` (formats/images.md §10). What
/// the archive is, its files tell: one with `manifest.json` is a Docker archive, one with `oci-layout` an OCI layout.
/// @retval Status::image_invalid  malformed, not what its digests say, or nothing for the platform; fact `member`
Result<std::vector<ArchivedImage>> read_images(const ArchiveFiles& files, const oci::Platform& platform,
                                               const Call& call);

/// The two kinds.
Result<std::vector<ArchivedImage>> read_docker_archive(const ArchiveFiles& files, const oci::Platform& platform,
                                                       const Call& call);
Result<std::vector<ArchivedImage>> read_oci_layout(const ArchiveFiles& files, const oci::Platform& platform,
                                                   const Call& call);

}  // namespace msb::image
