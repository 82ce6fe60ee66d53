#include "erofs/fsmeta_writer.h"

#include <string>
#include <vector>

#include "erofs/image_writer.h"
#include "erofs/xattr.h"

namespace msb::erofs {
namespace {

using tree::Inode;
using tree::Run;
using tree::Walk;

constexpr size_t kChunksAtOnce = 4096;

Done check_inside_layer(const Walk& walk, const Inode& inode, std::span<const uint32_t> layer_blocks) {
  const uint64_t block = inode.data_offset / kBlock;
  const bool inside = inode.source < layer_blocks.size() && inode.data_offset % kBlock == 0 &&
                      block <= layer_blocks[inode.source] &&
                      ceil_div(inode.size, kBlock) <= layer_blocks[inode.source] - block;
  if (inside) return {};
  const std::string member = walk.path();
  return Error(Status::image_invalid, member + ": lies outside its layer file").with("member", member);
}

/// Appends a record for each block of a file; blocks that lie in holes have none behind them.
Done put_chunks(const Inode& inode, ForwardWriter& out, const Call& call) {
  const bool sparse = inode.extra && inode.extra->sparse;
  const std::span<const Run> runs = sparse ? std::span<const Run>(inode.extra->runs) : std::span<const Run>();
  const uint64_t first = inode.data_offset / kBlock;
  const uint64_t count = ceil_div(inode.size, kBlock);
  std::vector<std::byte> records;
  size_t run = 0;
  for (uint64_t i = 0; i < count; ++i) {
    while (run < runs.size() && runs[run].logical + runs[run].length <= i * kBlock) ++run;
    const bool hole = sparse && (run == runs.size() || runs[run].logical >= (i + 1) * kBlock);
    const size_t at = records.size();
    records.resize(at + kChunkSize);
    store_le(records, at + 2, hole ? uint16_t{0} : static_cast<uint16_t>(inode.source + 1));
    store_le(records, at + 4, hole ? kNullBlock : static_cast<uint32_t>(first + i));
    if (records.size() == kChunksAtOnce * kChunkSize || i + 1 == count) {
      MSB_CHECK(call.check());
      MSB_CHECK(out.append(records));
      records.clear();
    }
  }
  return {};
}

/// The first blocks of the file, but for the superblock.
Result<std::vector<std::byte>> head_of(const Layout& layout, std::span<const uint32_t> layer_blocks) {
  std::vector<std::byte> head(static_cast<size_t>(layout.meta_block * kBlock));
  uint64_t mapped = layout.blocks;  // where the layer begins when all files are joined to one disk
  for (size_t i = 0; i < layer_blocks.size(); ++i) {
    const size_t slot = kDeviceTable + i * kDeviceSlot;
    store_le<uint32_t>(head, slot + kDeviceBlocks, layer_blocks[i]);
    store_le<uint32_t>(head, slot + kDeviceMapped, static_cast<uint32_t>(mapped));
    mapped += layer_blocks[i];
    if (mapped >= kNullBlock) return Error(Status::image_invalid, "layers are larger than 16 TiB together");
  }
  return head;
}

}  // namespace

Done write_fsmeta(const tree::Tree& tree, const Layout& layout, std::span<const uint32_t> layer_blocks,
                  const os::File& out, const Call& call) {
  MSB_TRY(std::vector<std::byte> head, head_of(layout, layer_blocks));
  ImageWriter writer(tree, layout, out);
  const auto refer = [&](const Walk& walk, const Placement& placement) -> Done {
    const Inode& inode = tree.at(walk.id());
    MSB_CHECK(check_inside_layer(walk, inode, layer_blocks));
    MSB_TRY(const size_t xattr_size, xattr_area_size(inode.xattrs()));
    const uint64_t begin = layout.meta_block * kBlock + placement.nid * kSlot;
    MSB_CHECK(writer.metadata().seek(begin + chunk_table_offset(xattr_size)));
    return put_chunks(inode, writer.metadata(), call);
  };
  MSB_CHECK(writer.write(call, refer));
  return writer.finish(std::move(head), kFeatureChunkedFile | kFeatureDeviceTable,
                       static_cast<uint16_t>(layer_blocks.size()));
}

}  // namespace msb::erofs
