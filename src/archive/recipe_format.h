#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "archive/inflate.h"
#include "base/stream.h"
#include "digest/sha256.h"
#include "os/file.h"

namespace msb::archive {

/// The parts that writing and reading recipes share. FORMAT.md has the bytes.
inline constexpr std::string_view kRecipeMagic("MSBRECIPE\0\0\1", 12);  // the last byte is the version

/// The last bytes of the file.
struct RecipeFooter {
  static constexpr size_t kSize = 112;
  using Block = std::array<std::byte, kSize>;

  uint64_t residue_stored = 0;  ///< bytes of each section in the file, one behind the other after the magic
  uint64_t lost_stored = 0;
  uint64_t table_stored = 0;
  uint64_t residue_size = 0;  ///< bytes of the tar
  uint64_t tar_size = 0;
  uint64_t extents = 0;
  Sha256::Value diff_id{};

  /// Everything but the hash of the file, which is the last 32 bytes.
  Block encode() const;
  static RecipeFooter decode(const Block& block);
};

/// A stretch of content: where it is in the tar and where it is now.
struct RecipeExtent {
  uint64_t gap = 0;  ///< bytes of residue between the extent before and this one
  uint64_t length = 0;
  std::optional<uint64_t> stored;  ///< offset in the layer file; nothing when the recipe itself keeps the bytes

  void encode(std::vector<std::byte>& out) const;
};

/// Error of a recipe that is not what was written.
Error damaged_recipe(std::string_view what);

/// A section of a recipe, decompressed.
class RecipeSection final : public ByteSource {
 public:
  /// `max_size` bounds what comes out.
  static Result<std::unique_ptr<RecipeSection>> open(const os::File& file, uint64_t offset, uint64_t stored,
                                                     uint64_t max_size);
  Result<size_t> read(MutableBytes into) override { return plain_->read(into); }

 private:
  RecipeSection(const os::File& file, uint64_t offset, uint64_t stored) : raw_(file, offset, stored) {}

  os::FileSource raw_;
  std::unique_ptr<InflatedSource> plain_;
};

/// Reads the extents in order.
class RecipeTable {
 public:
  /// `tar_size` bounds what an extent may say of the tar.
  RecipeTable(std::unique_ptr<RecipeSection> section, uint64_t extents, uint64_t tar_size);
  /// Nothing after the last one.
  Result<std::optional<RecipeExtent>> next();

 private:
  Result<uint64_t> number(uint64_t most);

  std::unique_ptr<RecipeSection> section_;
  uint64_t left_;
  uint64_t tar_size_;
  std::vector<std::byte> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace msb::archive
