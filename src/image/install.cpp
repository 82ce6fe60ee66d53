#include "image/install.h"

#include <cerrno>
#include <map>
#include <memory>
#include <utility>

#include "archive/recipe.h"
#include "archive/tar_writer.h"
#include "base/found.h"
#include "digest/sha256.h"
#include "erofs/reader.h"
#include "image/archive_files.h"
#include "image/assemble.h"
#include "image/image_record.h"
#include "image/layer_store.h"
#include "image/lease.h"
#include "image/new_files.h"
#include "image/query.h"
#include "image/register.h"
#include "oci/config.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "os/dir.h"
#include "tree/merge.h"

namespace msb::image {
namespace {

using Unproven = std::optional<std::string>;

/// Keeps a tar and hashes it.
class TarSink final : public ByteSink {
 public:
  explicit TarSink(const os::File& file) : out_(file) {}
  Done write(Bytes bytes) override {
    hash_.update(bytes);
    return out_.write(bytes);
  }
  uint64_t size() const { return out_.offset(); }
  Digest digest() const { return hash_.digest(); }

 private:
  os::FileSink out_;
  Sha256 hash_;
};

class Installing {
 public:
  Installing(const Context& context, const ShippedImage& image, const Call& call)
      : context_(context), image_(image), call_(call) {}

  Result<Unproven> run() {
    auto unproven = try_run();
    if (!unproven || *unproven) {
      lease_.reset();
      new_files_.take_back(context_);
    }
    return unproven;
  }

 private:
  Result<Unproven> try_run() {
    const oci::CacheRecord& document = image_.document;
    if (Digest::sha256_of(as_bytes(document.raw_manifest)) != document.manifest_digest) {
      MSB_TRY(const auto row, if_there(get(context_, image_.reference, call_), {Status::image_not_found}));
      if (row && row->manifest_digest == document.manifest_digest.text()) return Unproven();
      return Unproven("its manifest is not kept as its registry had it");
    }
    MSB_TRY(manifest_, oci::parse_manifest(document.raw_manifest));
    if (Digest::sha256_of(as_bytes(document.raw_config)) != manifest_.config.digest) {
      return Error(Status::image_invalid,
                   "the configuration of " + image_.reference + " is not " + manifest_.config.digest.text())
          .with("expected", manifest_.config.digest.text());
    }
    MSB_TRY(config_, oci::parse_config(document.raw_config));
    if (config_.diff_ids.size() != manifest_.layers.size()) {
      return Error(Status::image_invalid,
                   "manifest and configuration of " + image_.reference + " do not have the same number of layers");
    }
    const CachePaths& paths = context_.paths;
    for (const auto& path : {paths.layers(), paths.fsmeta(), paths.vmdk(), paths.manifests(), paths.tmp()}) {
      MSB_CHECK(os::make_dirs(context_.fs, path));
    }
    MSB_TRY(lease_, Lease::take(context_, call_));
    MSB_CHECK(lease_->add(document.manifest_digest, call_));
    MSB_TRY(Unproven unproven, add_layers());
    if (unproven) return unproven;
    MSB_CHECK(finish());
    return Unproven();
  }

  Result<Unproven> add_layers() {
    for (size_t i = 0; i < config_.diff_ids.size(); ++i) {
      const Digest& diff_id = config_.diff_ids[i];
      MSB_CHECK(lease_->add(diff_id, call_));
      MSB_TRY(auto cached, open_layer(context_, diff_id, call_));
      tree::Tree tree;
      uint64_t size = 0;
      if (cached && cached->vouched != Vouched::damaged) {
        size = cached->size;
        tree = std::move(cached->tree);
      } else {
        MSB_TRY(std::optional<MadeLayer> made, make(diff_id));
        if (!made) return Unproven("nothing proves that its layer " + diff_id.text() + " is what it says");
        size = made->size;
        tree = std::move(made->tree);
      }
      MSB_CHECK(tree::apply_layer(merged_, std::move(tree), static_cast<uint32_t>(i), call_));
      parts_.push_back({diff_id, size});
    }
    return Unproven();
  }

  const ShippedLayer* find_layer(const Digest& diff_id) const {
    for (const ShippedLayer& layer : image_.layers) {
      if (layer.diff_id == diff_id) return &layer;
    }
    return nullptr;
  }

  /// Makes the layer from the tar that its files tell; nothing when they cannot.
  Result<std::optional<MadeLayer>> make(const Digest& diff_id) {
    const ShippedLayer* const shipped = find_layer(diff_id);
    if (shipped == nullptr || shipped->file == nullptr) return std::optional<MadeLayer>();
    Progress progress{.phase = Phase::materializing, .item = diff_id.text()};
    call_.report(progress);
    MSB_TRY(os::File file, os::File::temporary(context_.fs, context_.paths.tmp()));
    const auto tar = std::make_shared<const os::File>(std::move(file));
    TarSink sink(*tar);
    MSB_CHECK(shipped->recipe != nullptr ? tell(*shipped, sink) : guess(*shipped, sink));
    if (sink.digest() != diff_id) {
      if (shipped->recipe == nullptr) return std::optional<MadeLayer>();
      return Error(Status::image_invalid, "layer " + diff_id.text() + " of " + image_.reference +
                                              " holds something else: its tar is " + sink.digest().text())
          .with("digest", diff_id.text())
          .with("expected", diff_id.text())
          .with("actual", sink.digest().text());
    }
    // The archive as a whole was bounded, and what is here has been written already.
    MakeOptions options;
    options.limits = archive::widest_layer_limits();
    const LayerBlob blob{
        diff_id, {}, std::make_shared<const ArchiveFile>("layer " + diff_id.text(), tar, 0, sink.size())};
    MSB_TRY(MadeLayer made, make_layer(context_, blob, options, call_));
    if (made.fresh) new_files_.add_layer(context_.paths, diff_id);
    return std::optional(std::move(made));
  }

  Done tell(const ShippedLayer& shipped, TarSink& sink) const {
    MSB_TRY(const archive::Recipe recipe, archive::Recipe::open(*shipped.recipe, call_));
    MSB_TRY(const auto tar, archive::TarReplay::open(recipe, *shipped.file));
    std::vector<std::byte> buffer(size_t{256} << 10);
    for (;;) {
      MSB_CHECK(call_.check());
      MSB_TRY(const size_t size, tar->read(buffer));
      if (size == 0) return {};
      MSB_CHECK(sink.write(Bytes(buffer).first(size)));
    }
  }

  /// Whoever made the layer may have made it from a tar as microsandbox writes them.
  Done guess(const ShippedLayer& shipped, TarSink& sink) const {
    MSB_CHECK(erofs::check_file(*shipped.file));
    MSB_TRY(const tree::Tree tree, erofs::read_layer(*shipped.file, call_));
    return archive::write_layer_tar(tree, *shipped.file, sink, call_);
  }

  Done finish() {
    const Digest& digest = image_.document.manifest_digest;
    MSB_TRY(const Assembled assembled, assemble(context_, digest, merged_, parts_, call_));
    new_files_.add_image(context_.paths, digest, assembled);
    ReadyImage ready;
    MSB_TRY(Spelling spelling, find_spelling());
    ready.spellings.push_back(std::move(spelling));
    ready.row = make_record(digest, manifest_, config_, parts_);
    ready.document =
        oci::CacheRecord::of(digest, image_.document.raw_manifest, manifest_, image_.document.raw_config, config_);
    MSB_TRY(const auto rows, register_images(context_, std::span(&ready, 1), call_));
    static_cast<void>(rows);
    return {};
  }

  /// A name of somebody here is not taken from another image.
  Result<Spelling> find_spelling() const {
    const std::string digest = image_.document.manifest_digest.text();
    MSB_TRY(oci::Reference reference, oci::Reference::parse(image_.reference));
    auto row = get(context_, image_.reference, call_);
    if (!row && row.error().status() != Status::image_not_found) return std::move(row).error();
    if (!row || row->manifest_digest == digest) return Spelling{image_.reference, std::move(reference)};
    const std::string pinned = reference.registry() + "/" + reference.repository() + "@" + digest;
    MSB_TRY(oci::Reference by_digest, oci::Reference::parse(pinned));
    return Spelling{pinned, std::move(by_digest)};
  }

  const Context& context_;
  const ShippedImage& image_;
  const Call& call_;
  std::optional<Lease> lease_;
  NewFiles new_files_;
  oci::Manifest manifest_;
  oci::ImageConfig config_;
  tree::Tree merged_;
  std::vector<AssembledLayer> parts_;
};

}  // namespace

Result<std::optional<std::string>> install(const Context& context, const ShippedImage& image, const Call& call) {
  return Installing(context, image, call).run();
}

}  // namespace msb::image
