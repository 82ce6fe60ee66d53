#include "archive/recipe_writer.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "archive/recipe_format.h"

namespace msb::archive {
namespace {

/// The stretches of the tar that a file's content takes.
std::vector<tree::Run> stretches(const tree::Inode& file) {
  if (file.extra && file.extra->sparse) return file.extra->runs;
  return {{0, file.size, 0}};
}

}  // namespace

Done RecipeWriter::Output::write(Bytes bytes) {
  if (size() == 0) {
    hash_.update(as_bytes(kRecipeMagic));
    MSB_CHECK(sink_.write(as_bytes(kRecipeMagic)));
  }
  hash_.update(bytes);
  return sink_.write(bytes);
}

Done RecipeWriter::Residue::write(Bytes bytes) {
  size_ += bytes.size();
  return zstd_.write(bytes);
}

Done RecipeWriter::finish(const Layer& layer, const os::File& spool, const Call& call) {
  RecipeFooter footer;
  MSB_CHECK(residue_.finish());
  footer.residue_stored = out_.size() - kRecipeMagic.size();
  uint64_t begin = out_.size();
  MSB_CHECK(write_lost(layer.tree, spool, call));
  footer.lost_stored = out_.size() - begin;
  begin = out_.size();
  MSB_TRY(footer.extents, write_table(layer.tree));
  footer.table_stored = out_.size() - begin;

  footer.residue_size = residue_.size();
  footer.tar_size = layer.tar_size;
  const auto diff_id = from_hex(layer.diff_id.hex());
  if (!layer.diff_id.is_sha256() || !diff_id) return Error(Status::internal, "a recipe without the layer's diff ID");
  std::memcpy(footer.diff_id.data(), diff_id->data(), footer.diff_id.size());

  const RecipeFooter::Block block = footer.encode();
  const size_t hashed = block.size() - sizeof(Sha256::Value);
  MSB_CHECK(out_.write(Bytes(block).first(hashed)));
  const Sha256::Value hash = out_.hash();
  return out_.write(hash);
}

Done RecipeWriter::write_lost(const tree::Tree& tree, const os::File& spool, const Call& call) {
  ZstdSink zstd(out_);
  std::vector<std::byte> buffer(size_t{256} << 10);
  for (const Content& content : contents_) {
    const tree::Inode& file = tree.at(content.file);
    if (file.links != 0) continue;
    uint64_t offset = file.data_offset;
    uint64_t left = 0;
    for (const tree::Run& run : stretches(file)) left += run.length;
    while (left != 0) {
      MSB_CHECK(call.check());
      const MutableBytes part =
          MutableBytes(buffer).first(static_cast<size_t>(std::min<uint64_t>(left, buffer.size())));
      MSB_CHECK(spool.read_exactly_at(part, offset));
      MSB_CHECK(zstd.write(part));
      offset += part.size();
      left -= part.size();
    }
  }
  return zstd.finish();
}

/// Returns the number of extents.
Result<uint64_t> RecipeWriter::write_table(const tree::Tree& tree) {
  ZstdSink zstd(out_);
  std::vector<std::byte> buffer;
  uint64_t count = 0;
  uint64_t residue = 0;
  for (const Content& content : contents_) {
    const tree::Inode& file = tree.at(content.file);
    for (const tree::Run& run : stretches(file)) {
      RecipeExtent extent{content.residue_before - residue, run.length, std::nullopt};
      if (file.links != 0) extent.stored = file.data_offset + run.stored;
      extent.encode(buffer);
      residue = content.residue_before;
      ++count;
    }
    if (buffer.size() >= size_t{64} << 10) {
      MSB_CHECK(zstd.write(buffer));
      buffer.clear();
    }
  }
  MSB_CHECK(zstd.write(buffer));
  MSB_CHECK(zstd.finish());
  return count;
}

}  // namespace msb::archive
