#include "image/layer_store.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include "archive/layer_ingest.h"
#include "archive/recipe.h"
#include "archive/recipe_writer.h"
#include "base/found.h"
#include "digest/sha256.h"
#include "erofs/layer_writer.h"
#include "erofs/layout.h"
#include "erofs/reader.h"
#include "image/archive_files.h"
#include "image/download_part.h"
#include "os/dir.h"
#include "os/handoff.h"
#include "os/lock.h"
#include "os/publish.h"

namespace msb::image {
namespace {

constexpr char kLog[] = "image";
constexpr mode_t kFileMode = 0644;

/// The tree that a recipe tells, if it is one of this layer and of this layer file.
Result<tree::Tree> tree_of_recipe(const os::File& file, const Digest& diff_id, uint64_t layer_size, const Call& call) {
  MSB_TRY(const archive::Recipe recipe, archive::Recipe::open(file, call));
  if (recipe.diff_id() != diff_id) return Error(Status::image_invalid, "recipe of another layer: " + file.path());
  MSB_TRY(tree::Tree tree, recipe.read_tree(call));
  MSB_TRY(const erofs::Layout layout, erofs::plan_layer(tree, call));
  if (layout.file_size() != layer_size) {
    return Error(Status::image_invalid, "recipe of another layer file: " + file.path());
  }
  return tree;
}

/// Bytes that were read of a source to look at them, and then its rest.
class Unread final : public ByteSource {
 public:
  Unread(std::vector<std::byte> head, ByteSource& rest) : head_(std::move(head)), rest_(&rest) {}
  Result<size_t> read(MutableBytes into) override {
    const size_t size = std::min(into.size(), head_.size() - used_);
    if (size == 0) return rest_->read(into);
    std::copy_n(head_.begin() + static_cast<ptrdiff_t>(used_), size, into.begin());
    used_ += size;
    return size;
  }

 private:
  const std::vector<std::byte> head_;
  ByteSource* rest_;
  size_t used_ = 0;
};

/// The bytes of one source, and then those of another.
class Joined final : public ByteSource {
 public:
  Joined(ByteSource& first, ByteSource& second) : first_(&first), second_(&second) {}
  Result<size_t> read(MutableBytes into) override {
    if (first_ != nullptr) {
      MSB_TRY(const size_t size, first_->read(into));
      if (size != 0) return size;
      first_ = nullptr;
    }
    return second_->read(into);
  }

 private:
  ByteSource* first_;
  ByteSource* second_;
};

/// A blob on its way: read once, hashed, counted, and kept where that was asked for, all that on a thread of its own;
/// it is inflated by whoever reads plain().
class BlobReader {
 public:
  BlobReader(const LayerBlob& blob, const MakeOptions& options) : blob_(&blob), options_(&options) {}

  /// Before open(): goes on from what an earlier pull has left, and leaves it to a later one.
  void use_part(const Context& context, std::chrono::milliseconds worth) {
    part_.emplace(context, blob_->digest, blob_->origin->size(), worth, options_->remake);
    there_ = part_->there();
  }

  Done open(const Context& context, const Call& call) {
    MSB_TRY(source_, blob_->origin->open(call, there_));
    ByteSource* source = source_.get();
    if (there_ != 0) {
      kept_part_.emplace(part_->file(), 0, there_);
      source = &resumed_.emplace(*kept_part_, *source_);
    }
    std::vector<std::byte> head(archive::kMagicSize);
    MSB_TRY(const size_t size, read_full(*source, head));
    head.resize(size);
    // A plain tar is its own blob: it is hashed as such, and the recipe keeps it.
    compressed_ = archive::compression_of(head) != archive::Compression::none;
    if (compressed_ && options_->keep_blob) {
      MSB_TRY(kept_, os::StagedFile::create(context.fs, context.paths.blobs(), kFileMode));
    }
    whole_.emplace(std::move(head), *source);
    seen_.emplace(*whole_, [this](Bytes bytes) { return see(bytes); });
    ahead_.emplace(*seen_, call, kBuffers);
    MSB_TRY(inflated_, archive::InflatedSource::open(*ahead_, {archive::max_tar_size(options_->limits)}));
    return {};
  }

  archive::InflatedSource& plain() { return *inflated_; }
  archive::Compression compression() const { return inflated_->compression(); }
  /// What has come is of no more use: it has become a layer, or never will.
  void drop_part() {
    if (!part_) return;
    inflated_.reset();
    ahead_.reset();
    part_->remove();
  }
  os::StagedFile* kept() { return kept_ ? &*kept_ : nullptr; }

  /// Once everything has been read: checks size and digest, given that of the plain tar.
  Result<Digest> finish(const Digest& diff_id) const {
    const std::string& member = blob_->origin->name();
    if (read_ != blob_->origin->size()) return invalid_member(member, "is cut short");
    Digest digest = compressed_ ? hash_.digest() : diff_id;
    if (!blob_->digest.empty() && digest != blob_->digest) {
      return invalid_member(member, "does not have the digest " + blob_->digest.text())
          .with("digest", blob_->digest.text())
          .with("expected", blob_->digest.text())
          .with("actual", digest.text());
    }
    return digest;
  }

 private:
  static constexpr size_t kBuffers = 4;

  Done see(Bytes bytes) {
    if (compressed_) hash_.update(bytes);
    if (kept_) MSB_CHECK(kept_->file().write_at(bytes, read_));
    if (part_) part_->see(bytes);
    read_ += bytes.size();
    const uint64_t done = std::max(read_, there_);
    if (options_->on_read) options_->on_read(done, done - there_);
    return {};
  }

  const LayerBlob* blob_;
  const MakeOptions* options_;
  std::optional<DownloadPart> part_;
  uint64_t there_ = 0;  // bytes that did not have to be fetched
  std::unique_ptr<ByteSource> source_;
  std::optional<os::FileSource> kept_part_;
  std::optional<Joined> resumed_;
  std::optional<Unread> whole_;
  std::optional<os::TeeSource> seen_;
  bool compressed_ = false;
  std::optional<os::StagedFile> kept_;
  Sha256 hash_;
  uint64_t read_ = 0;
  std::optional<os::ReadAhead> ahead_;  // its thread ends before what it uses does
  std::unique_ptr<archive::InflatedSource> inflated_;
};

/// Content that a later member of the tar has replaced is not in the layer file; the recipe takes it from the spool.
bool has_lost_content(const tree::Tree& tree) {
  for (tree::Id id = 0; id < tree.inode_count(); ++id) {
    const tree::Inode& inode = tree.at(id);
    if (inode.kind == tree::Kind::regular && inode.links == 0 && inode.size != 0) return true;
  }
  return false;
}

/// Writes the layer file, in place of the spool where that can be, and completes the recipe.
Result<os::StagedFile> write_files(const Context& context, archive::Layer& layer, const erofs::Layout& layout,
                                   os::StagedFile spool, archive::RecipeWriter& recipe, const Call& call) {
  bool converted = false;
  if (!has_lost_content(layer.tree)) {
    MSB_TRY(converted, erofs::convert_spool(layer.tree, layout, spool.file(), call));
  }
  std::optional<os::StagedFile> written;
  if (!converted) {
    MSB_TRY(written, os::StagedFile::create(context.fs, context.paths.layers(), kFileMode));
    MSB_CHECK(erofs::write_layer(layer.tree, layout, spool.file(), written->file(), call));
  }
  erofs::refer_to_layer(layer.tree, layout);
  MSB_CHECK(recipe.finish(layer, spool.file(), call));
  return converted ? std::move(spool) : std::move(*written);
}

Error wrong_diff_id(const LayerBlob& blob, const Digest& actual) {
  return invalid_member(blob.origin->name(), "does not hold the layer " + blob.diff_id.text())
      .with("digest", blob.diff_id.text())
      .with("expected", blob.diff_id.text())
      .with("actual", actual.text());
}

/// A failure about a member of the layer says which layer; the fact stays that of the layer's member.
Error in_layer(Error error, const LayerBlob& blob) {
  if (error.status() != Status::image_invalid) return error;
  const bool named = error.fact("member") != nullptr;
  Error placed = std::move(error).in("layer " + blob.diff_id.text());
  return named ? std::move(placed) : std::move(placed).with("member", blob.origin->name());
}

/// What make_layer() does when there is no such layer.
Result<MadeLayer> make_of(const Context& context, const LayerBlob& blob, const MakeOptions& options, BlobReader& reader,
                          const Call& call) {
  const std::string name = blob.diff_id.safe_name();
  MSB_TRY(os::StagedFile spool, os::StagedFile::create(context.fs, context.paths.layers(), kFileMode));
  MSB_TRY(os::StagedFile recipe_file, os::StagedFile::create(context.fs, context.paths.layers(), kFileMode));
  archive::RecipeWriter recipe(recipe_file.file());
  archive::IngestOptions ingest;
  ingest.limits = options.limits;
  ingest.recipe = &recipe;

  MadeLayer made;
  if (auto opened = reader.open(context, call); !opened) return in_layer(std::move(opened).error(), blob);
  auto ingested = archive::ingest_layer(reader.plain(), spool.file(), call, ingest);
  if (!ingested) return in_layer(std::move(ingested).error(), blob);
  archive::Layer& layer = *ingested;
  if (layer.diff_id != blob.diff_id) return wrong_diff_id(blob, layer.diff_id);
  MSB_TRY(made.blob, reader.finish(layer.diff_id));
  made.compression = reader.compression();

  if (options.on_write) options.on_write();
  auto planned = erofs::plan_layer(layer.tree, call);
  if (!planned) return in_layer(std::move(planned).error(), blob);
  const erofs::Layout& layout = *planned;
  MSB_TRY(os::StagedFile layer_file, write_files(context, layer, layout, std::move(spool), recipe, call));
  // The layer file comes last: one without its recipe would pass for microsandbox's.
  std::vector<os::Publication> files;
  if (reader.kept() != nullptr) files.push_back({reader.kept(), context.paths.blob(made.blob.safe_name())});
  files.push_back({&recipe_file, context.paths.recipe(name)});
  files.push_back({&layer_file, context.paths.layer(name)});
  MSB_TRY(const bool known, os::exists(context.fs, context.paths.layer(name)));
  MSB_TRY(const bool known_blob, os::exists(context.fs, context.paths.blob(made.blob.safe_name())));
  made.fresh = !known;
  made.fresh_blob = reader.kept() != nullptr && !known_blob;
  MSB_CHECK(call.check());
  MSB_CHECK(os::publish_all(files, os::Existing::replace));
  made.size = layout.file_size();
  made.tree = std::move(layer.tree);
  made.made = true;
  return made;
}

/// What make_layer() does under the lock.
Result<MadeLayer> make_locked(const Context& context, const LayerBlob& blob, const MakeOptions& options,
                              const Call& call) {
  MSB_TRY(auto cached, open_layer(context, blob.diff_id, call));
  if (!options.remake && cached && cached->vouched != Vouched::damaged) {
    MadeLayer layer;
    layer.size = cached->size;
    layer.tree = std::move(cached->tree);
    return layer;
  }
  BlobReader reader(blob, options);
  if (options.part_worth) reader.use_part(context, *options.part_worth);
  auto made = make_of(context, blob, options, reader, call);
  if (made || made.error().status() == Status::image_invalid) reader.drop_part();
  return made;
}

}  // namespace

Result<std::optional<CachedLayer>> open_layer(const Context& context, const Digest& diff_id, const Call& call) {
  using Found = std::optional<CachedLayer>;
  const std::string name = diff_id.safe_name();
  const auto unusable = [&](Error error) -> Result<Found> {
    if (error.status() != Status::image_invalid) return error;
    context.log.warn(kLog,
                     "layer " + diff_id.text() + " in the cache is damaged and will not be used: " + error.message());
    return Found();
  };

  MSB_TRY(auto file, if_there(os::File::open_regular(context.fs, AT_FDCWD, context.paths.layer(name))));
  if (!file) return Found();
  auto checked = erofs::check_file(*file);
  if (!checked) return unusable(std::move(checked).error());
  CachedLayer layer;
  layer.file = std::move(*file);
  MSB_TRY(layer.size, layer.file.size());

  MSB_TRY(const auto recipe, if_there(os::File::open_regular(context.fs, AT_FDCWD, context.paths.recipe(name))));
  if (recipe) {
    auto tree = tree_of_recipe(*recipe, diff_id, layer.size, call);
    if (tree) {
      layer.tree = std::move(*tree);
      layer.vouched = Vouched::by_recipe;
      return Found(std::move(layer));
    }
    if (tree.error().status() != Status::image_invalid) return std::move(tree).error();
    context.log.warn(kLog, "recipe of layer " + diff_id.text() + " will not be used: " + tree.error().message());
    layer.vouched = Vouched::damaged;
  }
  auto tree = erofs::read_layer(layer.file, call);
  if (!tree) return unusable(std::move(tree).error());
  layer.tree = std::move(*tree);
  return Found(std::move(layer));
}

Result<MadeLayer> make_layer(const Context& context, const LayerBlob& blob, const MakeOptions& options,
                             const Call& call) {
  const std::string name = blob.diff_id.safe_name();
  // No timeout: who holds the lock makes this very layer, however long that takes.
  MSB_TRY(os::FileLock lock,
          os::FileLock::acquire(context.fs, context.paths.layer_lock(name), os::LockMode::exclusive, call));
  auto made = make_locked(context, blob, options, call);
  // The name of the lock is what somebody else says, and may never be that of a layer.
  if (made) return made;
  const auto there = os::exists(context.fs, context.paths.layer(name));
  if (there && !*there) lock.retire();
  return made;
}

Result<MadeLayer> keep_blob(const Context& context, const LayerBlob& blob, const MakeOptions& options,
                            const Call& call) {
  BlobReader reader(blob, options);
  if (auto opened = reader.open(context, call); !opened) return in_layer(std::move(opened).error(), blob);
  os::ReadAhead ahead(reader.plain(), call);
  auto diff_id = sha256_of(ahead, call);
  if (!diff_id) return in_layer(std::move(diff_id).error(), blob);
  if (*diff_id != blob.diff_id) return wrong_diff_id(blob, *diff_id);
  MadeLayer kept;
  MSB_TRY(kept.blob, reader.finish(blob.diff_id));
  kept.compression = reader.compression();
  if (reader.kept() != nullptr) {
    const std::string path = context.paths.blob(kept.blob.safe_name());
    MSB_TRY(const bool known, os::exists(context.fs, path));
    kept.fresh_blob = !known;
    MSB_CHECK(reader.kept()->publish(path, os::Existing::replace));
  }
  return kept;
}

}  // namespace msb::image
