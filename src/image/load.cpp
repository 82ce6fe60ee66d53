#include "image/load.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <deque>
#include <map>
#include <set>

#include "archive/inflate.h"
#include "archive/tar_entry.h"
#include "image/archive_files.h"
#include "image/archived_image.h"
#include "image/assemble.h"
#include "image/image_record.h"
#include "image/layer_store.h"
#include "image/lease.h"
#include "image/new_files.h"
#include "image/register.h"
#include "os/dir.h"
#include "os/workers.h"
#include "tree/merge.h"

namespace msb::image {
namespace {

// What one layer in the making needs besides its tree is some 12 MiB; all of them together stay below 64 MiB.
constexpr unsigned kMaxLayersAtOnce = 4;
// Trees of more inodes than this are read again from their recipes when they are merged.
constexpr size_t kMaxKeptInodes = 100'000;
constexpr uint64_t kReportStep = uint64_t{4} << 20;

/// A file of the archive that is one spelling of a layer.
struct Blob {
  Digest digest;  ///< empty until its content has said it
  ArchiveFile file;
  archive::Compression compression = archive::Compression::none;
};

/// One layer of the archive's images, however many of them have it.
struct Layer {
  Digest diff_id;
  std::vector<Blob> blobs;
  size_t uses = 0;  ///< in images that are not assembled yet
  uint64_t size = 0;
  std::optional<tree::Tree> tree;
};

/// The position of an image's layer among all, and of its blob there.
struct LayerUse {
  size_t layer = 0;
  size_t blob = 0;
};

struct PlannedImage {
  ArchivedImage archived;
  std::vector<Spelling> spellings;
  std::vector<LayerUse> layers;
};

std::string_view media_type_of(archive::Compression compression) {
  switch (compression) {
    case archive::Compression::gzip:
      return oci::kOciLayerGzip;
    case archive::Compression::zstd:
      return oci::kOciLayerZstd;
    case archive::Compression::none:
      break;
  }
  return oci::kOciLayerTar;
}

/// One load from its first byte to its rows.
class Loading {
 public:
  Loading(const Context& context, const LoadRequest& request, const Call& call)
      : context_(context), request_(request), call_(call) {}

  Result<std::vector<index::ImageRow>> run() {
    auto rows = try_run();
    if (!rows) {
      lease_.reset();
      new_files_.take_back(context_);
    }
    return rows;
  }

 private:
  Result<std::vector<index::ImageRow>> try_run() {
    MSB_CHECK(make_directories());
    report(Phase::resolving, request_.path, 0, 0);
    MSB_TRY(const auto files, ArchiveFiles::open(context_, request_.path, request_.fd, call_));
    MSB_TRY(auto archived, read_images(*files, request_.platform.value_or(oci::Platform::host()), call_));
    MSB_CHECK(plan(std::move(archived)));
    report(Phase::resolved, request_.path, 0, images_.size());
    MSB_CHECK(check_space());

    MSB_TRY(lease_, Lease::take(context_, call_));
    MSB_CHECK(make_layers());
    std::vector<ReadyImage> ready;
    for (size_t i = 0; i < images_.size(); ++i) {
      report(Phase::merging, images_[i].spellings.front().text, i, images_.size());
      MSB_TRY(ReadyImage image, finish(images_[i]));
      ready.push_back(std::move(image));
    }
    report(Phase::indexing, {}, 0, ready.size());
    return register_images(context_, ready, call_);
  }

  void report(Phase phase, const std::string& item, size_t index, size_t count) const {
    Progress progress;
    progress.phase = phase;
    progress.item = item;
    progress.index = static_cast<uint32_t>(index);
    progress.count = static_cast<uint32_t>(count);
    call_.report(progress);
  }

  Done make_directories() const {
    const CachePaths& paths = context_.paths;
    for (const auto& path :
         {paths.layers(), paths.fsmeta(), paths.vmdk(), paths.manifests(), paths.tmp(), paths.blobs()}) {
      MSB_CHECK(os::make_dirs(context_.fs, path));
    }
    return {};
  }

  /// Settles names, and finds out which layers there are.
  Done plan(std::vector<ArchivedImage> archived) {
    std::map<Digest, size_t> places;
    std::set<std::string> taken;
    for (size_t i = 0; i < archived.size(); ++i) {
      PlannedImage image{std::move(archived[i]), {}, {}};
      MSB_CHECK(name(image, i == 0));
      for (const Spelling& spelling : image.spellings) {
        if (taken.insert(spelling.text).second) continue;
        return Error(Status::image_invalid, "two images of the archive have the name " + spelling.text)
            .with("reference", spelling.text);
      }
      const auto& diff_ids = image.archived.config.diff_ids;
      for (size_t l = 0; l < diff_ids.size(); ++l) {
        const auto [place, fresh] = places.try_emplace(diff_ids[l], layers_.size());
        if (fresh) layers_.push_back({diff_ids[l], {}, 0, 0, {}});
        Layer& layer = layers_[place->second];
        ++layer.uses;
        image.layers.push_back({place->second, place_blob(layer, image.archived, l)});
      }
      images_.push_back(std::move(image));
    }
    return {};
  }

  static size_t place_blob(Layer& layer, const ArchivedImage& image, size_t position) {
    const Digest& digest = image.manifest.layers[position].digest;
    const ArchiveFile& file = image.layers[position];
    for (size_t i = 0; i < layer.blobs.size(); ++i) {
      const Blob& blob = layer.blobs[i];
      if (blob.digest == digest && (!digest.empty() || blob.file.path() == file.path())) return i;
    }
    layer.blobs.push_back({digest, file});
    return layer.blobs.size() - 1;
  }

  /// Collects the names of an image, each once: the archive's, then for the first image the caller's.
  Done name(PlannedImage& image, bool first) const {
    std::set<std::string> keys;
    const auto add = [&](const std::string& text, Status status) -> Done {
      auto reference = oci::Reference::parse(text);
      if (!reference && status == Status::image_invalid) {
        return Error(status, "the archive names an image " + archive::printable(text) + ", which is no reference")
            .because(std::move(reference).error());
      }
      if (!reference) return std::move(reference).error();
      if (keys.insert(text).second) image.spellings.push_back({text, std::move(*reference)});
      return {};
    };
    for (const std::string& text : image.archived.references) MSB_CHECK(add(text, Status::image_invalid));
    if (first) {
      for (const std::string& text : request_.tags) MSB_CHECK(add(text, Status::invalid_argument));
    }
    if (!image.spellings.empty()) return {};
    return Error(Status::invalid_argument,
                 first ? "the image in the archive has no name; give it one with a tag"
                       : "an image in the archive has no name, and only the first can be given one");
  }

  Done check_space() const {
    uint64_t needed = 0;
    for (const Layer& layer : layers_) {
      struct stat st {};
      const std::string path = context_.paths.layer(layer.diff_id.safe_name());
      if (context_.fs.fstatat(AT_FDCWD, path.c_str(), &st, 0) == 0) continue;
      needed = checked_add(needed, layer.blobs.front().file.size()).value_or(UINT64_MAX);
    }
    MSB_TRY(const os::Space space, os::disk_space(context_.fs, context_.paths.root()));
    if (needed <= space.available) return {};
    return Error(Status::io, "not enough space for the layers below " + context_.paths.root() + ": " +
                                 std::to_string(needed) + " bytes are needed, " + std::to_string(space.available) +
                                 " are free; msb_image_prune() makes room")
        .with("path", context_.paths.root())
        .with_os_code(ENOSPC);
  }

  Done make_layers() {
    const unsigned threads = std::min(context_.threads, kMaxLayersAtOnce);
    return os::parallel_for_each(layers_.size(), threads, call_,
                                 [this](size_t i, const Call& part) { return make(i, part); });
  }

  Done make(size_t index, const Call& call) {
    Layer& layer = layers_[index];
    MSB_CHECK(lease_->add(layer.diff_id, call));
    MSB_TRY(auto cached, open_layer(context_, layer.diff_id, call));
    std::optional<tree::Tree> tree;
    size_t read = layer.blobs.size();  // the blob that the layer was made from
    if (cached && cached->vouched != Vouched::damaged) {
      layer.size = cached->size;
      tree = std::move(cached->tree);
    } else {
      MSB_TRY(MadeLayer made, read_blob(index, 0, call, make_layer));
      layer.size = made.size;
      tree = std::move(made.tree);
      if (made.made) read = 0;
    }
    for (size_t i = 0; i < layer.blobs.size(); ++i) {
      if (i != read) MSB_CHECK(settle_blob(index, i, call));
    }
    const size_t inodes = tree->inode_count();
    if ((kept_inodes_ += inodes) <= kMaxKeptInodes) layer.tree = std::move(tree);
    return {};
  }

  /// Reads a blob with make_layer() or keep_blob(), and notes what came of it.
  template <typename Read>
  Result<MadeLayer> read_blob(size_t index, size_t which, const Call& call, Read read) {
    Layer& layer = layers_[index];
    Blob& blob = layer.blobs[which];
    const CachePaths& paths = context_.paths;
    Progress progress;
    progress.phase = Phase::materializing;
    progress.item = layer.diff_id.text();
    progress.index = static_cast<uint32_t>(index);
    progress.count = static_cast<uint32_t>(layers_.size());
    progress.total = blob.file.size();
    progress.total_known = true;
    call.report(progress);
    MakeOptions options;
    options.keep_blob = request_.keep == Keep::blobs;
    options.on_read = [&](uint64_t done) {
      if (done < progress.done + kReportStep && done != progress.total) return;
      progress.done = done;
      call.report(progress);
    };
    options.on_write = [&] {
      progress.phase = Phase::writing;
      call.report(progress);
    };
    MSB_TRY(MadeLayer made, read(context_, LayerBlob{layer.diff_id, blob.digest, blob.file}, options, call));
    if (made.fresh) {
      const std::string name = layer.diff_id.safe_name();
      new_files_.add(layer.diff_id, paths.layer(name), paths.layer_lock(name));
      new_files_.add(layer.diff_id, paths.recipe(name), paths.layer_lock(name));
    }
    if (made.fresh_blob) new_files_.add(made.blob, paths.blob(made.blob.safe_name()));
    if (!made.blob.empty()) {
      blob.digest = made.blob;
      blob.compression = made.compression;
    }
    return made;
  }

  /// Finds out what is not known of a blob whose layer is there without it.
  Done settle_blob(size_t index, size_t which, const Call& call) {
    Layer& layer = layers_[index];
    Blob& blob = layer.blobs[which];
    os::FileSource source = blob.file.open();
    MSB_TRY(const auto inflated, archive::InflatedSource::open(source));
    blob.compression = inflated->compression();
    if (blob.compression == archive::Compression::none) {
      // The layer is what its diff ID says; so is a plain tar that the archive holds for it, or it is not needed.
      if (blob.digest.empty()) blob.digest = layer.diff_id;
      return {};
    }
    if (request_.keep == Keep::recipe) {
      if (blob.digest.empty()) {
        MSB_TRY(blob.digest, blob.file.digest(call));
      }
      return {};
    }
    if (!blob.digest.empty()) {
      MSB_CHECK(lease_->add(blob.digest, call));
      struct stat st {};
      const std::string path = context_.paths.blob(blob.digest.safe_name());
      const bool there = context_.fs.fstatat(AT_FDCWD, path.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
      if (there && static_cast<uint64_t>(st.st_size) == blob.file.size()) return {};
    }
    MSB_TRY(const MadeLayer kept, read_blob(index, which, call, keep_blob));
    static_cast<void>(kept);
    return {};
  }

  /// Completes a manifest, and puts its image together.
  Result<ReadyImage> finish(PlannedImage& image) {
    ArchivedImage& archived = image.archived;
    oci::Manifest& manifest = archived.manifest;
    if (archived.raw_manifest.empty()) {
      for (size_t i = 0; i < image.layers.size(); ++i) {
        const Blob& blob = layers_[image.layers[i].layer].blobs[image.layers[i].blob];
        manifest.layers[i].digest = blob.digest;
        manifest.layers[i].media_type = media_type_of(blob.compression);
      }
      archived.raw_manifest = oci::synthesize_manifest(manifest.config, manifest.layers);
    }
    const Digest digest = Digest::sha256_of(as_bytes(archived.raw_manifest));
    MSB_CHECK(lease_->add(digest, call_));
    MSB_TRY(const std::vector<AssembledLayer> parts, assemble_image(image, digest));

    ReadyImage ready;
    ready.spellings = std::move(image.spellings);
    ready.row = make_record(digest, manifest, archived.config, parts);
    ready.document = oci::CacheRecord::of(digest, std::move(archived.raw_manifest), manifest,
                                          std::move(archived.raw_config), archived.config);
    return ready;
  }

  Result<std::vector<AssembledLayer>> assemble_image(const PlannedImage& image, const Digest& digest) {
    tree::Tree merged;
    std::vector<AssembledLayer> parts;
    for (size_t i = 0; i < image.layers.size(); ++i) {
      Layer& layer = layers_[image.layers[i].layer];
      MSB_TRY(tree::Tree tree, take_tree(layer));
      MSB_CHECK(tree::apply_layer(merged, std::move(tree), static_cast<uint32_t>(i), call_));
      parts.push_back({layer.diff_id, layer.size});
    }
    MSB_TRY(const Assembled assembled, assemble(context_, digest, merged, parts, call_));
    const std::string name = digest.safe_name();
    const CachePaths& paths = context_.paths;
    if (assembled.fresh_fsmeta) new_files_.add(digest, paths.fsmeta(name), paths.fsmeta_lock(name));
    if (assembled.fresh_vmdk) new_files_.add(digest, paths.vmdk(name), paths.fsmeta_lock(name));
    return parts;
  }

  /// The tree of a layer: the one in memory for whoever comes last, a new one read from the cache for the others.
  Result<tree::Tree> take_tree(Layer& layer) {
    if (--layer.uses == 0 && layer.tree) {
      tree::Tree tree = std::move(*layer.tree);
      layer.tree.reset();
      return tree;
    }
    MSB_TRY(auto cached, open_layer(context_, layer.diff_id, call_));
    if (cached) return std::move(cached->tree);
    return Error(Status::io, "layer " + layer.diff_id.text() + " has gone from the cache; load the image again")
        .with("digest", layer.diff_id.text());
  }

  const Context& context_;
  const LoadRequest& request_;
  const Call& call_;
  std::vector<PlannedImage> images_;
  std::deque<Layer> layers_;  // they do not move: threads work on them
  std::atomic<size_t> kept_inodes_{0};
  std::optional<Lease> lease_;
  NewFiles new_files_;
};

}  // namespace

Result<std::vector<index::ImageRow>> load(const Context& context, const LoadRequest& request, const Call& call) {
  return Loading(context, request, call).run();
}

}  // namespace msb::image
