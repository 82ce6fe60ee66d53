// Whatever bytes a layer file has, reading it ends with a tree or with image_invalid; a tree has a plan.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "erofs/layout.h"
#include "erofs/reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace msb;
  static const os::File file = std::move(*os::File::temporary(os::real_fs(), "/dev/shm"));
  // The checksum and the size would keep nearly every input from getting anywhere, so they are made right.
  std::vector<std::byte> bytes(align_up(size, size_t{erofs::kBlock}));
  std::ranges::copy(std::as_bytes(std::span(data, size)), bytes.begin());
  if (const auto super = erofs::decode_superblock(bytes); !super && size >= erofs::kBlock) {
    erofs::Superblock repaired;
    const Bytes at = Bytes(bytes).subspan(erofs::kSuperOffset);
    repaired.root_nid = load_le<uint16_t>(at, 0x0E);
    repaired.inodes = load_le<uint64_t>(at, 0x10);
    repaired.blocks = static_cast<uint32_t>(bytes.size() / erofs::kBlock);
    erofs::encode_superblock(repaired, bytes);
  }
  if (!file.truncate(0) || !file.write_at(bytes, 0)) std::abort();
  const Call call;
  const auto tree = erofs::read_layer(file, call);
  if (!tree) {
    if (tree.error().status() != Status::image_invalid) std::abort();
    return 0;
  }
  if (!erofs::plan_layer(*tree, call)) std::abort();
  return 0;
}
