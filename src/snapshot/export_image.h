#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/call.h"
#include "image/context.h"
#include "image/lease.h"
#include "os/file.h"
#include "snapshot/archive_member.h"

namespace msb::snapshot {

using image::Context;

/// A file of an image on its way out: text, or a file of the cache.
struct ExportedFile {
  MemberKind kind = MemberKind::layer;
  std::string name;  ///< as caches have it
  std::string text;
  os::File file;  ///< counts when it is open
};

/// The files of an image, kept from sweeps until the object goes.
struct ExportedImage {
  std::vector<ExportedFile> files;    ///< document, fsmeta, VMDK, layers: in the order of archives
  std::vector<ExportedFile> recipes;  ///< as far as there are any
  std::optional<image::Lease> lease;
};

/// Finds the image of that digest in the cache, whatever its reference means by now. The document goes as that of
/// `reference`, and the VMDK with paths that hold in any cache.
/// @retval Status::snapshot_image_missing  it is not there, or not all of it; fact `reference`
Result<ExportedImage> find_exported_image(const Context& context, const std::string& reference,
                                          const std::string& digest, const Call& call);

}  // namespace msb::snapshot
