#include "erofs/layer_writer.h"

#include <fcntl.h>

#include <cerrno>
#include <optional>
#include <vector>

#include "erofs/image_writer.h"

namespace msb::erofs {
namespace {

/// An insertion takes about as long as copying this much.
constexpr uint64_t kWorthAnInsertion = uint64_t{2} << 20;

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

/// Room to be made before the byte at `at` of the spool.
struct Insertion {
  uint64_t at;
  uint64_t length;
};

struct Insertions {
  std::vector<Insertion> list;
  uint64_t bodies = 0;  // bytes of the spool that are in the layer, to the end of the last block
};

/// Nothing when the spool is not the layer but for gaps.
std::optional<Insertions> find_insertions(const tree::Tree& tree, const Layout& layout) {
  Insertions result;
  uint64_t inserted = 0;
  uint64_t next_nid = 0;
  for (tree::Walk walk(tree); walk.next();) {
    const tree::Inode& inode = tree.at(walk.id());
    const Placement& placement = layout.placements[walk.id()];
    if (placement.nid == kUnplaced || placement.nid < next_nid) continue;  // another name of what was seen
    next_nid = uint64_t{placement.nid} + 1;
    if (inode.kind != tree::Kind::regular || inode.size == 0) continue;
    if (inode.data_offset != result.bodies || (inode.extra && inode.extra->sparse)) return std::nullopt;
    const uint64_t gap = placement.block * kBlock - (result.bodies + inserted);
    if (gap != 0) result.list.push_back({result.bodies, gap});
    inserted += gap;
    result.bodies += align_up(inode.size, kBlock);
  }
  return result;
}

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

Result<bool> convert_spool(const tree::Tree& tree, const Layout& layout, const os::File& spool, const Call& call) {
  const auto insertions = find_insertions(tree, layout);
  if (!insertions || insertions->list.size() * kWorthAnInsertion > insertions->bodies) return false;
  MSB_CHECK(spool.truncate(insertions->bodies));
  // From the back, so that what lies before keeps its offset.
  for (auto it = insertions->list.rbegin(); it != insertions->list.rend(); ++it) {
    MSB_CHECK(call.check());
    const int result = spool.fs().fallocate(spool.fd(), FALLOC_FL_INSERT_RANGE, it->at, it->length);
    if (result == 0) continue;
    const bool first = it == insertions->list.rbegin();
    if (first && (result == -EOPNOTSUPP || result == -ENOSYS || result == -EINVAL)) return false;
    return Error::io("insert into", spool.path(), -result);
  }
  ImageWriter writer(tree, layout, spool);
  MSB_CHECK(writer.write(call, [](const tree::Walk&, const Placement&) { return Done(); }));
  MSB_CHECK(writer.finish(std::vector<std::byte>(kBlock), 0, 0));
  return true;
}

}  // namespace msb::erofs
