#include "image/ingest.h"

#include <algorithm>
#include <cerrno>

#include "digest/sha256.h"
#include "image/image_record.h"
#include "os/dir.h"
#include "os/memory.h"
#include "os/workers.h"
#include "tree/merge.h"

namespace msb::image {
namespace {

// What one layer in the making needs besides its tree is some 8 MiB; all of them together stay below 64 MiB.
constexpr unsigned kMaxLayersAtOnce = 3;
// Trees of more inodes than this are read again from their recipes when they are merged.
constexpr size_t kMaxKeptInodes = 20'000;
constexpr uint64_t kReportStep = uint64_t{4} << 20;
constexpr uint64_t kRemoteStep = uint64_t{256} << 10;

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

Progress finished(Progress progress) {
  progress.done = progress.total;
  return progress;
}

Progress at(Phase phase, const std::string& item, size_t index, size_t count) {
  Progress progress;
  progress.phase = phase;
  progress.item = item;
  progress.index = static_cast<uint32_t>(index);
  progress.count = static_cast<uint32_t>(count);
  return progress;
}

}  // namespace

Done Ingest::make_directories(const Context& context) {
  const CachePaths& paths = context.paths;
  for (const auto& path :
       {paths.layers(), paths.fsmeta(), paths.vmdk(), paths.manifests(), paths.tmp(), paths.blobs()}) {
    MSB_CHECK(os::make_dirs(context.fs, path));
  }
  return {};
}

void Ingest::add(SourceImage image, std::vector<Spelling> spellings) {
  PlannedImage planned{std::move(image), std::move(spellings), {}};
  const auto& diff_ids = planned.source.config.diff_ids;
  for (size_t i = 0; i < diff_ids.size(); ++i) {
    const auto [place, fresh] = places_.try_emplace(diff_ids[i], layers_.size());
    if (fresh) layers_.push_back({diff_ids[i], {}, 0, 0, {}});
    Layer& layer = layers_[place->second];
    ++layer.uses;
    planned.layers.push_back({place->second, place_blob(layer, planned.source, i)});
  }
  images_.push_back(std::move(planned));
}

size_t Ingest::place_blob(Layer& layer, const SourceImage& image, size_t position) {
  const Digest& digest = image.manifest.layers[position].digest;
  const auto& origin = image.layers[position];
  for (size_t i = 0; i < layer.blobs.size(); ++i) {
    const Blob& blob = layer.blobs[i];
    if (blob.digest == digest && (!digest.empty() || blob.origin->name() == origin->name())) return i;
  }
  layer.blobs.push_back({digest, origin, !image.raw_manifest.empty()});
  return layer.blobs.size() - 1;
}

Result<Ingested> Ingest::run() {
  auto ingested = try_run();
  if (!ingested) {
    lease_.reset();
    if (!options_.keep_finished) new_files_.take_back(context_);
  }
  return ingested;
}

Result<Ingested> Ingest::try_run() {
  MSB_CHECK(check_space());
  MSB_TRY(lease_, Lease::take(context_, call_));
  MSB_CHECK(make_layers());
  std::vector<ReadyImage> ready;
  for (size_t i = 0; i < images_.size(); ++i) {
    call_.report(at(Phase::merging, images_[i].spellings.front().text, i, images_.size()));
    MSB_TRY(ReadyImage image, finish(images_[i]));
    ready.push_back(std::move(image));
  }
  call_.report(at(Phase::indexing, {}, 0, ready.size()));
  Ingested ingested;
  MSB_TRY(ingested.rows, register_images(context_, ready, call_));
  ingested.layers_made = made_;
  ingested.layers_present = present_;
  ingested.bytes_read = read_;
  return ingested;
}

Progress Ingest::progress_of(size_t index, const Blob& blob) const {
  const std::string& item = options_.remote ? blob.digest.text() : layers_[index].diff_id.text();
  Progress progress = at(options_.remote ? Phase::downloading : Phase::materializing, item, index, layers_.size());
  progress.total = blob.origin->size();
  progress.total_known = true;
  return progress;
}

Done Ingest::check_space() const {
  uint64_t needed = 0;
  for (const Layer& layer : layers_) {
    struct stat st {};
    const std::string path = context_.paths.layer(layer.diff_id.safe_name());
    if (!options_.remake && context_.fs.fstatat(AT_FDCWD, path.c_str(), &st, 0) == 0) continue;
    needed = checked_add(needed, layer.blobs.front().origin->size()).value_or(UINT64_MAX);
  }
  MSB_TRY(const os::Space space, os::disk_space(context_.fs, context_.paths.root()));
  if (needed <= space.available) return {};
  return Error(Status::io, "not enough space for the layers below " + context_.paths.root() + ": " +
                               std::to_string(needed) + " bytes are needed, " + std::to_string(space.available) +
                               " are free; msb_image_prune() makes room")
      .with("path", context_.paths.root())
      .with_os_code(ENOSPC);
}

Done Ingest::make_layers() {
  if (options_.remote) {  // so that whoever listens knows the whole from the start
    for (size_t i = 0; i < layers_.size(); ++i) call_.report(progress_of(i, layers_[i].blobs.front()));
  }
  const unsigned threads = std::min(options_.threads, kMaxLayersAtOnce);
  return os::parallel_for_each(layers_.size(), threads, call_,
                               [this](size_t i, const Call& part) { return make(i, part); });
}

Done Ingest::make(size_t index, const Call& call) {
  Layer& layer = layers_[index];
  MSB_CHECK(lease_->add(layer.diff_id, call));
  MSB_TRY(auto cached, open_layer(context_, layer.diff_id, call));
  std::optional<tree::Tree> tree;
  size_t read = layer.blobs.size();  // the blob that the layer was made from
  if (!options_.remake && cached && cached->vouched != Vouched::damaged) {
    layer.size = cached->size;
    tree = std::move(cached->tree);
  } else {
    cached.reset();
    auto made = read_blob(index, 0, call, make_layer);
    if (!made && options_.remote && made.error().status() == Status::image_invalid) {
      // It may have been damaged on its way.
      context_.log.warn("image", "once more, because of " + made.error().message());
      made = read_blob(index, 0, call, make_layer);
    }
    if (!made) return std::move(made).error();
    layer.size = made->size;
    tree = std::move(made->tree);
    if (made->made) read = 0;
  }
  if (read == 0) {
    ++made_;
  } else {
    ++present_;
    if (options_.remote) call.report(finished(progress_of(index, layer.blobs.front())));
  }
  for (size_t i = 0; i < layer.blobs.size(); ++i) {
    if (i != read) MSB_CHECK(settle_blob(index, i, call));
  }
  const size_t inodes = tree->inode_count();
  if ((kept_inodes_ += inodes) <= kMaxKeptInodes) {
    layer.tree = std::move(tree);
  } else {
    tree.reset();
    os::trim_memory();
  }
  return {};
}

/// Reads a blob with make_layer() or keep_blob(), and notes what came of it.
template <typename Read>
Result<MadeLayer> Ingest::read_blob(size_t index, size_t which, const Call& call, Read read) {
  Layer& layer = layers_[index];
  Blob& blob = layer.blobs[which];
  const CachePaths& paths = context_.paths;
  Progress progress = progress_of(index, blob);
  call.report(progress);
  MakeOptions options;
  const uint64_t step = options_.remote ? kRemoteStep : kReportStep;
  options.remake = options_.remake;
  options.keep_blob = options_.keep == Keep::blobs;
  options.limits = options_.limits;
  uint64_t before = 0;
  if (options_.remote) options.part_worth = options_.part_worth;
  options.on_read = [&](uint64_t done, uint64_t fetched) {
    read_ += fetched - before;
    before = fetched;
    if (done < progress.done + step && done != progress.total) return;
    progress.done = done;
    call.report(progress);
  };
  options.on_write = [&] {
    progress.phase = Phase::writing;
    progress.item = layer.diff_id.text();
    call.report(progress);
  };
  MSB_TRY(MadeLayer made, read(context_, LayerBlob{layer.diff_id, blob.digest, blob.origin}, options, call));
  if (made.fresh) new_files_.add_layer(paths, layer.diff_id);
  if (made.fresh_blob) new_files_.add(made.blob, paths.blob(made.blob.safe_name()));
  if (!made.blob.empty()) {
    blob.digest = made.blob;
    blob.compression = made.compression;
  }
  return made;
}

/// Finds out what is not known of a blob whose layer is there without it.
Done Ingest::settle_blob(size_t index, size_t which, const Call& call) {
  Layer& layer = layers_[index];
  Blob& blob = layer.blobs[which];
  if (blob.described && (options_.keep == Keep::recipe || blob.digest == layer.diff_id)) return {};
  if (!blob.described) {
    MSB_TRY(const auto source, blob.origin->open(call, 0));
    MSB_TRY(const auto inflated, archive::InflatedSource::open(*source));
    blob.compression = inflated->compression();
  }
  if (!blob.described && blob.compression == archive::Compression::none) {
    // The layer is what its diff ID says; so is a plain tar that the archive holds for it, or it is not needed.
    if (blob.digest.empty()) blob.digest = layer.diff_id;
    return {};
  }
  if (options_.keep == Keep::recipe) {
    if (blob.digest.empty()) {
      MSB_TRY(const auto source, blob.origin->open(call, 0));
      MSB_TRY(blob.digest, sha256_of(*source, call));
    }
    return {};
  }
  if (!blob.digest.empty()) {
    MSB_CHECK(lease_->add(blob.digest, call));
    struct stat st {};
    const std::string path = context_.paths.blob(blob.digest.safe_name());
    const bool there = context_.fs.fstatat(AT_FDCWD, path.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
    if (there && static_cast<uint64_t>(st.st_size) == blob.origin->size()) return {};
  }
  MSB_TRY(const MadeLayer kept, read_blob(index, which, call, keep_blob));
  static_cast<void>(kept);
  return {};
}

/// Completes a manifest, and puts its image together.
Result<ReadyImage> Ingest::finish(PlannedImage& image) {
  SourceImage& source = image.source;
  oci::Manifest& manifest = source.manifest;
  if (source.raw_manifest.empty()) {
    for (size_t i = 0; i < image.layers.size(); ++i) {
      const Blob& blob = layers_[image.layers[i].layer].blobs[image.layers[i].blob];
      manifest.layers[i].digest = blob.digest;
      manifest.layers[i].media_type = media_type_of(blob.compression);
    }
    source.raw_manifest = oci::synthesize_manifest(manifest.config, manifest.layers);
  }
  const Digest digest = Digest::sha256_of(as_bytes(source.raw_manifest));
  MSB_CHECK(lease_->add(digest, call_));
  MSB_TRY(const std::vector<AssembledLayer> parts, assemble_image(image, digest));

  ReadyImage ready;
  ready.spellings = std::move(image.spellings);
  ready.row = make_record(digest, manifest, source.config, parts);
  ready.document = oci::CacheRecord::of(digest, std::move(source.raw_manifest), manifest, std::move(source.raw_config),
                                        source.config);
  return ready;
}

Result<std::vector<AssembledLayer>> Ingest::assemble_image(const PlannedImage& image, const Digest& digest) {
  tree::Tree merged;
  std::vector<AssembledLayer> parts;
  for (size_t i = 0; i < image.layers.size(); ++i) {
    Layer& layer = layers_[image.layers[i].layer];
    MSB_TRY(tree::Tree tree, take_tree(layer));
    MSB_CHECK(tree::apply_layer(merged, std::move(tree), static_cast<uint32_t>(i), call_));
    parts.push_back({layer.diff_id, layer.size});
  }
  MSB_TRY(const Assembled assembled, assemble(context_, digest, merged, parts, call_));
  new_files_.add_image(context_.paths, digest, assembled);
  return parts;
}

/// The tree of a layer: the one in memory for whoever comes last, a new one read from the cache for the others.
Result<tree::Tree> Ingest::take_tree(Layer& layer) {
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

}  // namespace msb::image
