#pragma once

#include <string>
#include <vector>

#include "base/call.h"
#include "image/archive_files.h"
#include "image/source_image.h"
#include "oci/platform.h"

namespace msb::image {

// Of one archive. All documents are in memory until the images are in the index.
inline constexpr size_t kMaxImages = 1000;
inline constexpr size_t kMaxDocuments = size_t{32} << 20;  ///< bytes of all manifests and configurations

/// Reads the documents of all images in an archive, in its order, those for `platform` (formats/images.md §10). What
/// the archive is, its files tell: one with `manifest.json` is a Docker archive, one with `oci-layout` an OCI layout.
/// @retval Status::image_invalid  malformed, not what its digests say, or nothing for the platform; fact `member`
Result<std::vector<SourceImage>> read_images(const ArchiveFiles& files, const oci::Platform& platform,
                                             const Call& call);

/// The two kinds.
Result<std::vector<SourceImage>> read_docker_archive(const ArchiveFiles& files, const oci::Platform& platform,
                                                     const Call& call);
Result<std::vector<SourceImage>> read_oci_layout(const ArchiveFiles& files, const oci::Platform& platform,
                                                 const Call& call);

}  // namespace msb::image
