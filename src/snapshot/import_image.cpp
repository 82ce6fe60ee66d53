#include "snapshot/import_image.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include "image/install.h"
#include "oci/cache_record.h"
#include "oci/reference.h"

namespace msb::snapshot {
namespace {

const os::File* find_file(const StagedArchive& staged, MemberKind kind, const std::string& name) {
  const auto found = std::ranges::find_if(
      staged.image_files, [&](const StagedImageFile& file) { return file.kind == kind && file.name == name; });
  return found == staged.image_files.end() ? nullptr : &found->file;
}

Result<std::string> read_all(const os::File& file) {
  MSB_TRY(const uint64_t size, file.size());
  std::string text(static_cast<size_t>(size), '\0');
  MSB_CHECK(file.read_exactly_at(std::as_writable_bytes(std::span(text)), 0));
  return text;
}

/// The image under the name that a snapshot knows it by; nothing when the archive does not have it.
Result<std::optional<image::ShippedImage>> find_image(const StagedArchive& staged, const Descriptor& descriptor) {
  const auto reference = oci::Reference::parse(descriptor.image_ref);
  if (!reference) return std::optional<image::ShippedImage>();
  const os::File* const file = find_file(staged, MemberKind::image_document, reference->cache_key());
  if (file == nullptr) return std::optional<image::ShippedImage>();
  MSB_TRY(const std::string text, read_all(*file));
  image::ShippedImage shipped;
  shipped.reference = descriptor.image_ref;
  MSB_TRY(shipped.document, oci::CacheRecord::parse(text));
  if (shipped.document.manifest_digest.text() != descriptor.image_digest) {
    return Error(Status::image_invalid, "the archive has another image for " + descriptor.image_ref + " than " +
                                            descriptor.image_digest + ", which its snapshot pins")
        .with("expected", descriptor.image_digest)
        .with("actual", shipped.document.manifest_digest.text());
  }
  for (const oci::CacheRecord::Layer& layer : shipped.document.layers) {
    const std::string name = layer.diff_id.safe_name();
    shipped.layers.push_back(
        {layer.diff_id, find_file(staged, MemberKind::layer, name), find_file(staged, MemberKind::recipe, name)});
  }
  return std::optional(std::move(shipped));
}

}  // namespace

Done import_image(const Context& context, const StagedArchive& staged, const Call& call) {
  if (staged.image_files.empty()) return {};
  std::map<std::string, const Descriptor*> wanted;  // by digest
  for (const StagedSnapshot& snapshot : staged.snapshots) {
    const Descriptor& descriptor = snapshot.archived.descriptor;
    wanted.emplace(descriptor.image_digest, &descriptor);
  }
  for (const auto& [digest, descriptor] : wanted) {
    MSB_TRY(const auto shipped, find_image(staged, *descriptor));
    std::optional<std::string> unproven = "the archive has no document of it";
    if (shipped) {
      MSB_TRY(unproven, image::install(context, *shipped, call));
    }
    if (unproven) {
      context.log.warn("snapshot", "the image " + descriptor->image_ref + " was not imported: " + *unproven +
                                       "; pull or load " + digest + " to start sandboxes from the snapshot");
    }
  }
  return {};
}

}  // namespace msb::snapshot
