#include "snapshot/export_image.h"

#include <cerrno>
#include <set>
#include <utility>

#include "digest/digest.h"
#include "image/assemble.h"
#include "image/query.h"
#include "oci/reference.h"
#include "os/dir.h"

namespace msb::snapshot {
namespace {

class Finding {
 public:
  Finding(const Context& context, const std::string& reference, const std::string& digest, const Call& call)
      : context_(context), reference_(reference), digest_(digest), call_(call) {}

  Result<ExportedImage> run() {
    MSB_TRY(const oci::Reference reference, oci::Reference::parse(reference_));
    MSB_TRY(const Digest manifest, Digest::parse(digest_));
    MSB_TRY(found_.lease, image::Lease::take(context_, call_));
    MSB_CHECK(found_.lease->add(manifest, call_));
    auto record = image::find_document_of(context_, manifest, call_);
    if (!record && record.error().status() == Status::image_not_found) return missing("it is not in the cache");
    if (!record) return std::move(record).error();
    if (Digest::sha256_of(as_bytes(record->raw_manifest)) != manifest) {
      context_.log.warn("snapshot", "the manifest of " + reference_ +
                                        " is not kept as its registry had it; whoever imports the archive has to pull "
                                        "the image");
    }
    found_.files.push_back({MemberKind::image_document, reference.cache_key(), record->write(), {}});

    const std::string name = manifest.safe_name();
    MSB_TRY(ExportedFile fsmeta, open(MemberKind::fsmeta, name, context_.paths.fsmeta(name)));
    MSB_TRY(const uint64_t fsmeta_size, fsmeta.file.size());
    found_.files.push_back(std::move(fsmeta));
    found_.files.push_back({MemberKind::vmdk, name, {}, {}});
    const size_t vmdk = found_.files.size() - 1;
    MSB_TRY(const std::vector<image::AssembledLayer> layers, add_layers(*record));
    MSB_TRY(found_.files[vmdk].text, image::vmdk_text(manifest, fsmeta_size, layers));
    return std::move(found_);
  }

 private:
  Result<std::vector<image::AssembledLayer>> add_layers(const oci::CacheRecord& record) {
    std::vector<image::AssembledLayer> layers;
    std::set<std::string> taken;
    for (const oci::CacheRecord::Layer& layer : record.layers) {
      MSB_CHECK(call_.check());
      MSB_CHECK(found_.lease->add(layer.diff_id, call_));
      const std::string name = layer.diff_id.safe_name();
      MSB_TRY(ExportedFile file, open(MemberKind::layer, name, context_.paths.layer(name)));
      MSB_TRY(const uint64_t size, file.file.size());
      layers.push_back({layer.diff_id, size});
      if (!taken.insert(name).second) continue;
      found_.files.push_back(std::move(file));
      auto recipe = os::File::open_regular(context_.fs, AT_FDCWD, context_.paths.recipe(name));
      if (recipe) {
        found_.recipes.push_back({MemberKind::recipe, name, {}, *std::move(recipe)});
      } else if (recipe.error().os_code() != ENOENT) {
        return std::move(recipe).error();
      }
    }
    return layers;
  }

  Result<ExportedFile> open(MemberKind kind, const std::string& name, const std::string& path) const {
    auto file = os::File::open_regular(context_.fs, AT_FDCWD, path);
    if (!file && file.error().os_code() == ENOENT) return missing(path + " is missing");
    if (!file) return std::move(file).error();
    return ExportedFile{kind, name, {}, *std::move(file)};
  }

  Error missing(const std::string& why) const {
    return Error(Status::snapshot_image_missing, reference_ + " at " + digest_ + ": " + why + "; pull or load it")
        .with("reference", reference_)
        .with("digest", digest_);
  }

  const Context& context_;
  const std::string& reference_;
  const std::string& digest_;
  const Call& call_;
  ExportedImage found_;
};

}  // namespace

Result<ExportedImage> find_exported_image(const Context& context, const std::string& reference,
                                          const std::string& digest, const Call& call) {
  return Finding(context, reference, digest, call).run();
}

}  // namespace msb::snapshot
