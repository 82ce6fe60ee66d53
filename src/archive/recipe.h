#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "archive/recipe_format.h"
#include "archive/tar_entry.h"
#include "base/call.h"
#include "base/stream.h"
#include "digest/digest.h"
#include "os/file.h"
#include "tree/tree.h"

namespace msb::archive {

/// A layer's recipe (see RecipeWriter), opened. Damage is image_invalid, here and in whatever reads it later.
class Recipe {
 public:
  /// Checks the structure, and the hash of the whole file, which must outlive the object.
  static Result<Recipe> open(const os::File& file, const Call& call);

  const Digest& diff_id() const { return diff_id_; }
  uint64_t tar_size() const { return footer_.tar_size; }

  /// The tree of the layer with everything its tar said. Content is where it is in the layer file, which is not read.
  Result<tree::Tree> read_tree(const Call& call, const TarLimits& limits = widest_layer_limits()) const;

 private:
  friend class TarReplay;
  Result<std::unique_ptr<RecipeSection>> open_residue() const;
  Result<std::unique_ptr<RecipeSection>> open_lost() const;
  Result<std::unique_ptr<RecipeTable>> open_table() const;

  const os::File* file_ = nullptr;
  RecipeFooter footer_;
  Digest diff_id_;
};

/// The tar of a layer, from its recipe and its layer file. Whether it is the original is for its hash to say. One
/// thread at a time; the recipe and the file must outlive it.
class TarReplay final : public ByteSource {
 public:
  static Result<std::unique_ptr<TarReplay>> open(const Recipe& recipe, const os::File& layer_file);
  Result<size_t> read(MutableBytes into) override;

 private:
  TarReplay(const Recipe& recipe, const os::File& layer_file) : recipe_(&recipe), layer_file_(&layer_file) {}

  Result<size_t> read_residue(MutableBytes into);
  Result<size_t> read_content(MutableBytes into);

  const Recipe* recipe_;
  const os::File* layer_file_;
  std::unique_ptr<RecipeSection> residue_;
  std::unique_ptr<RecipeSection> lost_;
  std::unique_ptr<RecipeTable> table_;
  std::optional<RecipeExtent> extent_;  // what is left of it
  bool extents_left_ = true;
  uint64_t produced_ = 0;
};

/// Replays the tar and compares its hash with the diff ID: ok exactly if recipe and layer file are intact. Otherwise
/// image_invalid with the facts `expected` and `actual`.
Done verify_layer(const Recipe& recipe, const os::File& layer_file, const Call& call);

}  // namespace msb::archive
