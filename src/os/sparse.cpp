#include "os/sparse.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "os/stamp.h"

namespace msb::os {
namespace {

constexpr uint64_t kReportStep = uint64_t{8} << 20;

bool cannot_clone(int result) {
  switch (-result) {
    case EOPNOTSUPP:
    case ENOTTY:
    case ENOSYS:
    case EXDEV:
    case EINVAL:
    case EPERM:
    case ETXTBSY:
      return true;
    default:
      return false;
  }
}

Result<uint64_t> copy_data(const File& from, const File& to, uint64_t size, const Call& call, Progress& progress) {
  MSB_CHECK(to.truncate(size));
  MSB_TRY(progress.total, data_bytes(from, call));
  progress.total_known = true;
  uint64_t copied = 0;
  DataExtents extents(from);
  for (;;) {
    MSB_TRY(const auto extent, extents.next());
    if (!extent) return copied;
    // Data behind the size we know was appended meanwhile: the comparison at the end tells.
    const uint64_t end = std::min(extent->offset + extent->length, size);
    for (uint64_t at = extent->offset; at < end;) {
      const uint64_t step = std::min(end - at, kReportStep);
      MSB_CHECK(to.copy_range(from, at, at, step, call));
      at += step;
      copied += step;
      progress.done = copied;
      call.report(progress);
    }
  }
}

}  // namespace

Result<std::optional<uint64_t>> DataExtents::seek(int whence) {
  const int64_t result = file_->fs().seek(file_->fd(), at_, whence);
  if (result >= 0) return std::optional(static_cast<uint64_t>(result));
  if (result == -ENXIO) return std::optional<uint64_t>();
  if (result != -EINVAL && result != -EOPNOTSUPP) {
    return Error::io("find the data in", file_->path(), static_cast<int>(-result));
  }
  MSB_TRY(const uint64_t size, file_->size());
  if (at_ >= size) return std::optional<uint64_t>();
  return std::optional(whence == SEEK_DATA ? at_ : size);
}

Result<std::optional<Extent>> DataExtents::next() {
  MSB_TRY(const auto begin, seek(SEEK_DATA));
  if (!begin) return std::optional<Extent>();
  at_ = *begin;
  MSB_TRY(const auto end, seek(SEEK_HOLE));
  if (!end) return std::optional<Extent>();  // cut off by somebody else just now
  at_ = *end;
  return std::optional(Extent{*begin, *end - *begin});
}

Result<uint64_t> data_bytes(const File& file, const Call& call) {
  uint64_t total = 0;
  DataExtents extents(file);
  for (;;) {
    MSB_CHECK(call.check());
    MSB_TRY(const auto extent, extents.next());
    if (!extent) return total;
    total += extent->length;
  }
}

Result<bool> clone(const File& from, const File& to) {
  const int result = to.fs().clone(from.fd(), to.fd());
  if (result == 0) return true;
  if (cannot_clone(result)) return false;
  return Error::io("clone to", to.path(), -result);
}

Result<Copied> copy_sparse(const File& from, const File& to, const Call& call, Progress progress) {
  MSB_CHECK(call.check());
  MSB_TRY(const Stamp before, Stamp::of(from));
  Copied copied;
  MSB_CHECK(to.truncate(0));
  progress.phase = Phase::copying;
  call.report(progress);
  MSB_TRY(const bool cloned, clone(from, to));
  if (cloned) {
    copied.method = CopyMethod::clone;
  } else {
    MSB_TRY(copied.bytes, copy_data(from, to, before.size, call, progress));
  }
  MSB_TRY(const Stamp after, Stamp::of(from));
  if (after != before) {
    return Error(Status::io, "changed while it was copied: " + from.path()).with("path", from.path());
  }
  return copied;
}

}  // namespace msb::os
