#include "erofs/layer_writer.h"

#include "erofs/image_writer.h"

namespace msb::erofs {
namespace {

/// Copies ranges of the spool, several at once where they are neighbours in both files.
class BodyCopy {
 public:
  BodyCopy(const os::File& spool, const os::File& out, const Call& call) : spool_(spool), out_(out), call_(call) {}

  Done add(uint64_t from, uint64_t to, uint64_t length) {
    const uint64_t whole = align_up(length_, kBlock);
    const bool follows = from_ % kBlock == 0 && from == from_ + whole && to == to_ + whole;
    if (length_ != 0 && follows) {
      length_ = whole + length;
      return {};
    }
    MSB_CHECK(flush());
    from_ = from;
    to_ = to;
    length_ = length;
    return {};
  }

  Done flush() {
    if (length_ != 0) MSB_CHECK(out_.copy_range(spool_, from_, to_, length_, call_));
    length_ = 0;
    return {};
  }

 private:
  const os::File& spool_;
  const os::File& out_;
  const Call& call_;
  uint64_t from_ = 0;
  uint64_t to_ = 0;
  uint64_t length_ = 0;
};

}  // namespace

Done write_layer(const tree::Tree& tree, const Layout& layout, const os::File& spool, const os::File& out,
                 const Call& call) {
  ImageWriter writer(tree, layout, out);
  BodyCopy bodies(spool, out, call);
  const auto copy_body = [&](const tree::Walk& walk, const Placement& placement) -> Done {
    const tree::Inode& inode = tree.at(walk.id());
    const uint64_t to = placement.block * kBlock;
    if (!inode.extra || !inode.extra->sparse) return bodies.add(inode.data_offset, to, inode.size);
    for (const tree::Run& run : inode.extra->runs) {
      MSB_CHECK(bodies.add(inode.data_offset + run.stored, to + run.logical, run.length));
    }
    return {};
  };
  MSB_CHECK(writer.write(call, copy_body));
  MSB_CHECK(bodies.flush());
  return writer.finish(std::vector<std::byte>(kBlock), 0, 0);
}

}  // namespace msb::erofs
