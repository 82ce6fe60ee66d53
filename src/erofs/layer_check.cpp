#include "erofs/layer_check.h"

#include <algorithm>
#include <string>
#include <vector>

#include "erofs/image_writer.h"

namespace msb::erofs {
namespace {

/// Compares two files range by range.
class Comparison {
 public:
  Comparison(const os::File& file, const os::File& expected, const Call& call)
      : file_(file), expected_(expected), call_(call), ours_(kStep), theirs_(kStep) {}

  Done range(uint64_t begin, uint64_t end) {
    while (begin < end) {
      MSB_CHECK(call_.check());
      const auto step = static_cast<size_t>(std::min<uint64_t>(kStep, end - begin));
      MSB_CHECK(expected_.read_exactly_at(MutableBytes(ours_).first(step), begin));
      MSB_CHECK(file_.read_exactly_at(MutableBytes(theirs_).first(step), begin));
      const auto [at, other] =
          std::mismatch(ours_.begin(), ours_.begin() + static_cast<ptrdiff_t>(step), theirs_.begin());
      if (at != ours_.begin() + static_cast<ptrdiff_t>(step)) {
        const std::string offset = std::to_string(begin + static_cast<uint64_t>(at - ours_.begin()));
        return Error(Status::image_invalid, "metadata of the layer file are wrong at byte " + offset)
            .with("offset", offset)
            .with("path", file_.path());
      }
      begin += step;
    }
    return {};
  }

 private:
  static constexpr size_t kStep = size_t{256} << 10;

  const os::File& file_;
  const os::File& expected_;
  const Call& call_;
  std::vector<std::byte> ours_;
  std::vector<std::byte> theirs_;
};

struct Range {
  uint64_t begin;
  uint64_t end;
};

}  // namespace

Done check_layer_metadata(const tree::Tree& tree, const Layout& layout, const os::File& file, const os::File& scratch,
                          const Call& call) {
  MSB_TRY(const uint64_t size, file.size());
  if (size != layout.file_size()) {
    return Error(Status::image_invalid,
                 "layer file has " + std::to_string(size) + " bytes instead of " + std::to_string(layout.file_size()))
        .with("path", file.path());
  }
  std::vector<Range> bodies;
  ImageWriter writer(tree, layout, scratch);
  const auto note_body = [&](const tree::Walk& walk, const Placement& placement) -> Done {
    const tree::Inode& inode = tree.at(walk.id());
    const uint64_t begin = placement.block * kBlock;
    if (!inode.extra || !inode.extra->sparse) {
      bodies.push_back({begin, begin + inode.size});
      return {};
    }
    for (const tree::Run& run : inode.extra->runs) {
      bodies.push_back({begin + run.logical, begin + run.logical + run.length});
    }
    return {};
  };
  MSB_CHECK(writer.write(call, note_body));
  MSB_CHECK(writer.finish(std::vector<std::byte>(kBlock), 0, 0));

  Comparison compare(file, scratch, call);
  uint64_t at = 0;
  for (const Range& body : bodies) {
    MSB_CHECK(compare.range(at, body.begin));
    at = body.end;
  }
  return compare.range(at, size);
}

}  // namespace msb::erofs
