#include "snapshot/archive_source.h"

#include "os/descriptor.h"

namespace msb::snapshot {

Result<std::unique_ptr<ArchiveSource>> ArchiveSource::open(os::Fs& fs, const std::string& path, int fd,
                                                           const Call& call) {
  std::unique_ptr<ArchiveSource> source(new ArchiveSource());
  const std::string name = path.empty() ? "descriptor " + std::to_string(fd) : path;
  if (path.empty()) {
    MSB_TRY(source->file_, os::File::duplicate(fs, fd, name));
  } else {
    // Without O_NONBLOCK a FIFO would hold the call up before it can be stopped.
    MSB_TRY(source->file_, os::File::open(fs, AT_FDCWD, path, O_RDONLY | O_NONBLOCK));
  }
  MSB_TRY(const struct stat st, source->file_.status());
  if (S_ISDIR(st.st_mode)) return Error(Status::snapshot_archive, name + " is a directory").with("path", name);
  if (!S_ISREG(st.st_mode)) {
    source->bytes_ = std::make_unique<os::DescriptorSource>(source->file_.fd(), name, call);
    return source;
  }
  const int64_t offset = path.empty() ? fs.seek(fd, 0, SEEK_CUR) : 0;
  if (offset < 0) return Error::io("read", name, static_cast<int>(-offset));
  source->total_ = static_cast<uint64_t>(st.st_size - std::min<int64_t>(offset, st.st_size));
  source->bytes_ = std::make_unique<os::FileSource>(source->file_, static_cast<uint64_t>(offset));
  return source;
}

Result<size_t> ArchiveSource::read(MutableBytes into) {
  MSB_TRY(const size_t size, bytes_->read(into));
  taken_.fetch_add(size, std::memory_order_relaxed);
  return size;
}

Result<uint64_t> ArchiveSource::skip(uint64_t size) {
  MSB_TRY(const uint64_t skipped, bytes_->skip(size));
  taken_.fetch_add(skipped, std::memory_order_relaxed);
  return skipped;
}

}  // namespace msb::snapshot
