#include "archive/recipe_format.h"

#include <cstring>

namespace msb::archive {
namespace {

constexpr size_t kDiffId = 48;
constexpr uint64_t kMaxOffset = uint64_t{1} << 44;  // EROFS: 2^32 blocks of 4096 bytes

/// Seven bits a byte, the lowest first, the top bit set on all but the last.
void put_number(std::vector<std::byte>& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<std::byte>(value | 0x80));
  out.push_back(static_cast<std::byte>(value));
}

}  // namespace

RecipeFooter::Block RecipeFooter::encode() const {
  Block block{};
  size_t offset = 0;
  for (const uint64_t value : {residue_stored, lost_stored, table_stored, residue_size, tar_size, extents}) {
    store_le(block, offset, value);
    offset += sizeof value;
  }
  std::memcpy(block.data() + kDiffId, diff_id.data(), diff_id.size());
  return block;
}

RecipeFooter RecipeFooter::decode(const Block& block) {
  RecipeFooter footer;
  size_t offset = 0;
  for (uint64_t* value : {&footer.residue_stored, &footer.lost_stored, &footer.table_stored, &footer.residue_size,
                          &footer.tar_size, &footer.extents}) {
    *value = load_le<uint64_t>(block, offset);
    offset += sizeof *value;
  }
  std::memcpy(footer.diff_id.data(), block.data() + kDiffId, footer.diff_id.size());
  return footer;
}

void RecipeExtent::encode(std::vector<std::byte>& out) const {
  put_number(out, gap);
  put_number(out, length);
  put_number(out, stored ? *stored + 1 : 0);
}

Error damaged_recipe(std::string_view what) {
  return Error(Status::image_invalid, "damaged recipe: " + std::string(what));
}

Result<std::unique_ptr<RecipeSection>> RecipeSection::open(const os::File& file, uint64_t offset, uint64_t stored,
                                                           uint64_t max_size) {
  std::unique_ptr<RecipeSection> section(new RecipeSection(file, offset, stored));
  MSB_TRY(section->plain_, InflatedSource::open(section->raw_, {max_size}));
  if (section->plain_->compression() != Compression::zstd) return damaged_recipe("a section is not compressed");
  return section;
}

RecipeTable::RecipeTable(std::unique_ptr<RecipeSection> section, uint64_t extents, uint64_t tar_size)
    : section_(std::move(section)), left_(extents), tar_size_(tar_size), buffer_(size_t{16} << 10) {}

Result<std::optional<RecipeExtent>> RecipeTable::next() {
  if (left_ == 0) return std::optional<RecipeExtent>();
  --left_;
  RecipeExtent extent;
  MSB_TRY(extent.gap, number(tar_size_));
  MSB_TRY(extent.length, number(tar_size_));
  MSB_TRY(const uint64_t stored, number(kMaxOffset));
  if (stored != 0) extent.stored = stored - 1;
  return std::optional(extent);
}

Result<uint64_t> RecipeTable::number(uint64_t most) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (begin_ == end_) {
      MSB_TRY(end_, section_->read(buffer_));
      begin_ = 0;
      if (end_ == 0) return damaged_recipe("its table is cut short");
    }
    const auto byte = static_cast<uint64_t>(buffer_[begin_++]);
    const uint64_t bits = (byte & 0x7F) << shift;
    if (bits >> shift != (byte & 0x7F)) break;
    value |= bits;
    if (value > most) break;
    if (byte < 0x80) return value;
  }
  return damaged_recipe("a number in its table is too large");
}

}  // namespace msb::archive
