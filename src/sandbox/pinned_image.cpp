#include "sandbox/pinned_image.h"

#include "digest/digest.h"
#include "image/query.h"
#include "os/dir.h"

namespace msb::sandbox {
namespace {

/// What is missing of the image; nothing when it can be booted.
Result<std::optional<std::string>> missing_file(const image::Context& context, const Digest& digest) {
  const std::string name = digest.safe_name();
  for (std::string path : {context.paths.fsmeta(name), context.paths.vmdk(name)}) {
    MSB_TRY(const bool there, os::exists(context.fs, path));
    if (!there) return std::optional(std::move(path));
  }
  return std::optional<std::string>();
}

Error not_cached(const CreateRequest& request, const std::string& reference, const std::string& digest,
                 const std::string& path) {
  const msb::Status status = request.origin ? msb::Status::snapshot_image_missing : msb::Status::image_not_found;
  return Error(status,
               reference + " (" + digest + ") is not complete in the cache, " + path + " is missing; pull or load it")
      .with("reference", reference)
      .with("digest", digest)
      .with("path", path);
}

/// A lease on what `reference` means, also if that changes while the lease is taken. One that finds an image by its
/// digest becomes the name of the image.
Result<std::string> lease_reference(const image::Context& context, const image::Lease& lease, std::string& reference,
                                    const Call& call) {
  std::optional<std::string> leased;
  for (;;) {
    MSB_CHECK(call.check());
    MSB_TRY(const index::ImageRow row, image::get(context, reference, call));
    if (!row.manifest_digest) return Error(msb::Status::image_not_found, reference).with("reference", reference);
    if (row.manifest_digest == leased) {
      if (image::leads_by_digest(reference, row)) reference = row.reference;
      return *std::move(leased);
    }
    MSB_TRY(const Digest digest, Digest::parse(*row.manifest_digest));
    MSB_CHECK(lease.add(digest, call));
    leased = row.manifest_digest;
  }
}

}  // namespace

Result<PinnedImage> pin_image(const image::Context& context, const CreateRequest& request, const Call& call) {
  MSB_TRY(image::Lease lease, image::Lease::take(context, call));
  PinnedImage pinned{std::move(lease), {}, {}, {}};
  if (request.image) {
    pinned.reference = *request.image;
    MSB_TRY(pinned.digest, lease_reference(context, pinned.lease, pinned.reference, call));
  } else {
    pinned.reference = request.origin->image_ref;
    pinned.digest = request.origin->image_digest;
    MSB_TRY(const Digest digest, Digest::parse(pinned.digest));
    MSB_CHECK(pinned.lease.add(digest, call));
  }
  MSB_TRY(const Digest digest, Digest::parse(pinned.digest));
  MSB_TRY(const auto missing, missing_file(context, digest));
  if (missing) return not_cached(request, pinned.reference, pinned.digest, *missing);
  MSB_TRY(pinned.config, context.database.read(call, [&](index::Transaction& transaction) {
    return index::find_config(transaction, pinned.digest);
  }));
  return pinned;
}

}  // namespace msb::sandbox
