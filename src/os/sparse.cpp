#include "os/sparse.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <vector>

#include "os/data_windows.h"
#include "os/stamp.h"
#include "os/workers.h"

namespace msb::os {
namespace {

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

/// Copies the data of a file, several windows at a time.
class CopyPass {
 public:
  CopyPass(const File& from, const File& to, uint64_t size, Progress progress)
      : from_(&from), windows_(from, size), writer_(to), progress_(std::move(progress)) {}

  Done run(unsigned threads, const Call& call) {
    const size_t crew = window_crew(progress_.total, threads);
    return parallel_for_each(crew, threads, call, [this](size_t, const Call& part) { return work(part); });
  }

 private:
  Done work(const Call& part) {
    std::vector<std::byte> buffer(kWindowStep);
    Window window;
    for (;;) {
      MSB_TRY(const bool more, windows_.next(window, part));
      if (!more) return {};
      for (const Extent& extent : window.data) MSB_CHECK(copy(window, extent, buffer, part));
      writer_.finish(window);
      std::lock_guard lock(mutex_);
      progress_.done += window.data_bytes();
      part.report(progress_);
    }
  }

  Done copy(const Window& window, const Extent& extent, MutableBytes buffer, const Call& part) {
    for (uint64_t at = extent.offset, end = at + extent.length; at < end;) {
      MSB_CHECK(part.check());
      const MutableBytes step = buffer.first(static_cast<size_t>(std::min<uint64_t>(end - at, buffer.size())));
      MSB_CHECK(from_->read_exactly_at(step, at));
      MSB_CHECK(writer_.write(window, step, at));
      at += step.size();
    }
    return {};
  }

  const File* from_;
  DataWindows windows_;
  WindowWriter writer_;
  std::mutex mutex_;
  Progress progress_;
};

}  // namespace

Result<DataExtents::Answer> DataExtents::seek(int whence) {
  const int64_t result = file_->fs().seek(file_->fd(), at_, whence);
  if (result == -ENXIO) return Answer::end;
  if (result == -EINVAL || result == -EOPNOTSUPP) return Answer::unknown;
  if (result < 0) return Error::io("find the data in", file_->path(), static_cast<int>(-result));
  at_ = static_cast<uint64_t>(result);
  return Answer::place;
}

Result<std::optional<Extent>> DataExtents::next(const Call& call) {
  if (reads_) return read_on(call);
  MSB_TRY(const Answer data, seek(SEEK_DATA));
  if (data == Answer::end) return std::optional<Extent>();
  if (data == Answer::place) {
    const uint64_t begin = at_;
    MSB_TRY(const Answer hole, seek(SEEK_HOLE));
    if (hole == Answer::end) return std::optional<Extent>();  // cut off by somebody else just now
    if (hole == Answer::place) return std::optional(Extent{begin, at_ - begin});
  }
  reads_ = true;
  return read_on(call);
}

/// What SEEK_DATA and SEEK_HOLE would have said from here on.
Result<std::optional<Extent>> DataExtents::read_on(const Call& call) {
  constexpr size_t kBlock = 4096;
  std::optional<uint64_t> data;
  for (;;) {
    if (at_ < begin_ || at_ >= begin_ + filled_) {
      MSB_CHECK(call.check());
      buffer_.resize(kWindowStep);
      begin_ = at_;
      MSB_TRY(filled_, file_->read_at(MutableBytes(buffer_).first(kWindowStep - at_ % kBlock), at_));
      if (filled_ == 0) break;
    }
    const auto from = static_cast<size_t>(at_ - begin_);
    const size_t block = std::min<size_t>(kBlock - at_ % kBlock, filled_ - from);
    const bool zero = is_zero(Bytes(buffer_).subspan(from, block));
    if (zero && data) break;
    if (!zero && !data) data = at_;
    at_ += block;
  }
  if (!data) return std::optional<Extent>();
  return std::optional(Extent{*data, at_ - *data});
}

Result<uint64_t> data_bytes(const File& file, const Call& call) {
  uint64_t total = 0;
  DataExtents extents(file);
  for (;;) {
    MSB_CHECK(call.check());
    MSB_TRY(const auto extent, extents.next(call));
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

Result<Copied> copy_sparse(const File& from, const File& to, unsigned threads, const Call& call, Progress progress) {
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
    MSB_CHECK(to.truncate(before.size));
    MSB_TRY(copied.bytes, data_bytes(from, call));
    progress.total = copied.bytes;
    progress.total_known = true;
    MSB_CHECK(CopyPass(from, to, before.size, std::move(progress)).run(threads, call));
  }
  MSB_TRY(const Stamp after, Stamp::of(from));
  if (after != before) {
    return Error(Status::io, "changed while it was copied: " + from.path()).with("path", from.path());
  }
  return copied;
}

}  // namespace msb::os
