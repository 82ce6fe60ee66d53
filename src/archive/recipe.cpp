#include "archive/recipe.h"

#include <algorithm>
#include <cstring>

#include "archive/layer_ingest.h"
#include "archive/tar_reader.h"
#include "digest/sha256.h"
#include "os/handoff.h"

namespace msb::archive {
namespace {

constexpr uint64_t kMaxExtentSize = 30;  // three numbers of at most ten bytes

/// Looks content up in the table instead of taking it.
class PlacedContent final : public ContentSink {
 public:
  explicit PlacedContent(RecipeTable& table) : table_(&table) {}

  Done begin(tree::Tree& tree, tree::Id file, const TarEntry& entry) override {
    std::optional<uint64_t> start;
    bool lost = false;
    const auto place = [&](uint64_t logical, uint64_t length) -> Done {
      MSB_TRY(const auto extent, table_->next());
      if (!extent || extent->length != length) return damaged_recipe("its table is about other content");
      // Layer files keep the holes of a file, so that all of it lies where its first byte is.
      const bool elsewhere =
          extent->stored && (*extent->stored < logical || (start && *start != *extent->stored - logical));
      if (elsewhere || (start && !extent->stored)) return damaged_recipe("content of a file lies apart");
      if (extent->stored) start = *extent->stored - logical;
      lost |= !extent->stored;
      return {};
    };
    tree::Inode& inode = tree.at(file);
    if (entry.sparse) {
      for (tree::Run& run : inode.need_extra().runs) {
        MSB_CHECK(place(run.logical, run.length));
        run.stored = run.logical;
      }
    } else {
      MSB_CHECK(place(0, entry.stored));
    }
    if (lost) lost_.push_back(file);
    inode.data_offset = start.value_or(0);
    return {};
  }

  Done write(Bytes) override { return damaged_recipe("it holds content"); }

  /// After the last member.
  Done finish(const tree::Tree& tree) {
    MSB_TRY(const auto extent, table_->next());
    if (extent) return damaged_recipe("its table is too long");
    const bool missing = std::any_of(lost_.begin(), lost_.end(), [&](tree::Id id) { return tree.at(id).links != 0; });
    if (missing) return damaged_recipe("content of a file is not in the layer file");
    return {};
  }

 private:
  RecipeTable* table_;
  std::vector<tree::Id> lost_;
};

/// The hash of all but the last 32 bytes is the last 32 bytes.
Done check_hash(const os::File& file, uint64_t size, const RecipeFooter::Block& footer, const Call& call) {
  Sha256 hash;
  os::FileSource source(file, 0, size - sizeof(Sha256::Value));
  std::vector<std::byte> buffer(size_t{256} << 10);
  while (true) {
    MSB_CHECK(call.check());
    MSB_TRY(const size_t part, source.read(buffer));
    if (part == 0) break;
    hash.update(Bytes(buffer).first(part));
  }
  const Sha256::Value value = hash.value();
  const bool same = std::equal(value.begin(), value.end(), footer.end() - value.size());
  return same ? Done() : damaged_recipe("its hash is wrong");
}

}  // namespace

Result<Recipe> Recipe::open(const os::File& file, const Call& call) {
  Recipe recipe;
  recipe.file_ = &file;
  MSB_TRY(const uint64_t size, file.size());
  const uint64_t fixed = kRecipeMagic.size() + RecipeFooter::kSize;
  if (size < fixed) return damaged_recipe("it is cut short");
  std::array<std::byte, kRecipeMagic.size()> magic;
  MSB_CHECK(file.read_exactly_at(magic, 0));
  if (as_text(magic) != kRecipeMagic) return damaged_recipe("it is none, or of another version");
  RecipeFooter::Block block;
  MSB_CHECK(file.read_exactly_at(block, size - block.size()));
  MSB_CHECK(check_hash(file, size, block, call));

  const RecipeFooter footer = recipe.footer_ = RecipeFooter::decode(block);
  uint64_t sections = size - fixed;
  for (const uint64_t stored : {footer.residue_stored, footer.lost_stored, footer.table_stored}) {
    if (stored > sections) return damaged_recipe("its sections are longer than it is");
    sections -= stored;
  }
  const TarLimits limits = widest_layer_limits();
  if (sections != 0 || footer.tar_size > max_tar_size(limits) || footer.residue_size > footer.tar_size ||
      footer.extents > limits.max_entries + limits.max_runs) {
    return damaged_recipe("its sizes cannot be");
  }
  recipe.diff_id_ = Digest::of("sha256", footer.diff_id);
  return recipe;
}

Result<std::unique_ptr<RecipeSection>> Recipe::open_residue() const {
  return RecipeSection::open(*file_, kRecipeMagic.size(), footer_.residue_stored, footer_.residue_size);
}

Result<std::unique_ptr<RecipeSection>> Recipe::open_lost() const {
  return RecipeSection::open(*file_, kRecipeMagic.size() + footer_.residue_stored, footer_.lost_stored,
                             footer_.tar_size - footer_.residue_size);
}

Result<std::unique_ptr<RecipeTable>> Recipe::open_table() const {
  MSB_TRY(auto section, RecipeSection::open(*file_, kRecipeMagic.size() + footer_.residue_stored + footer_.lost_stored,
                                            footer_.table_stored, footer_.extents * kMaxExtentSize));
  return std::make_unique<RecipeTable>(std::move(section), footer_.extents, footer_.tar_size);
}

Result<tree::Tree> Recipe::read_tree(const Call& call, const TarLimits& limits) const {
  MSB_TRY(const auto residue, open_residue());
  MSB_TRY(const auto table, open_table());
  TarReader reader(*residue, nullptr, call, limits, TarReader::Input::residue);
  PlacedContent content(*table);
  MSB_TRY(tree::Tree tree, read_layer(reader, content, limits));
  MSB_CHECK(content.finish(tree));
  return tree;
}

Result<std::unique_ptr<TarReplay>> TarReplay::open(const Recipe& recipe, const os::File& layer_file) {
  std::unique_ptr<TarReplay> replay(new TarReplay(recipe, layer_file));
  MSB_TRY(replay->residue_, recipe.open_residue());
  MSB_TRY(replay->lost_, recipe.open_lost());
  MSB_TRY(replay->table_, recipe.open_table());
  return replay;
}

Result<size_t> TarReplay::read(MutableBytes into) {
  if (into.empty()) return size_t{0};
  while (extents_left_ && (!extent_ || extent_->gap + extent_->length == 0)) {
    MSB_TRY(extent_, table_->next());
    extents_left_ = extent_.has_value();
  }
  const bool content = extents_left_ && extent_->gap == 0;
  MSB_TRY(const size_t size, content ? read_content(into) : read_residue(into));
  produced_ += size;
  if (produced_ > recipe_->tar_size() || (size == 0 && produced_ != recipe_->tar_size())) {
    return damaged_recipe("it makes a tar of another size");
  }
  return size;
}

Result<size_t> TarReplay::read_residue(MutableBytes into) {
  if (!extents_left_) return residue_->read(into);
  MSB_TRY(const size_t size,
          residue_->read(into.first(static_cast<size_t>(std::min<uint64_t>(into.size(), extent_->gap)))));
  if (size == 0) return damaged_recipe("its residue is cut short");
  extent_->gap -= size;
  return size;
}

Result<size_t> TarReplay::read_content(MutableBytes into) {
  const MutableBytes part = into.first(static_cast<size_t>(std::min<uint64_t>(into.size(), extent_->length)));
  MSB_TRY(const size_t size, extent_->stored ? layer_file_->read_at(part, *extent_->stored) : lost_->read(part));
  if (size == 0) return damaged_recipe(extent_->stored ? "the layer file is too short for it" : "content is cut short");
  extent_->length -= size;
  if (extent_->stored) *extent_->stored += size;
  return size;
}

Done verify_layer(const Recipe& recipe, const os::File& layer_file, const Call& call) {
  MSB_TRY(const auto replay, TarReplay::open(recipe, layer_file));
  os::ReadAhead ahead(*replay, call);
  MSB_TRY(const Digest actual, sha256_of(ahead, call));
  if (actual == recipe.diff_id()) return {};
  return Error(Status::image_invalid,
               "layer " + recipe.diff_id().text() + " is damaged: its tar hashes to " + actual.text())
      .with("expected", recipe.diff_id().text())
      .with("actual", actual.text());
}

}  // namespace msb::archive
