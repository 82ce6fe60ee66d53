#include "image/archive_files.h"

#include <vector>

#include "archive/inflate.h"
#include "archive/tar_entry.h"
#include "digest/sha256.h"
#include "image/archive_directory.h"
#include "image/archive_tar.h"
#include "os/dir.h"
#include "os/handoff.h"

namespace msb::image {
namespace {

/// Where a nameless file may grow as large as an archive: below the cache, which has to hold the layers anyhow.
Result<os::File> make_spool(const Context& context) {
  MSB_CHECK(os::make_dirs(context.fs, context.paths.tmp()));
  return os::File::temporary(context.fs, context.paths.tmp());
}

Result<std::unique_ptr<ArchiveFiles>> spool_tar(const Context& context, ByteSource& plain, const Call& call) {
  MSB_TRY(os::File file, make_spool(context));
  const auto spool = std::make_shared<const os::File>(std::move(file));
  os::FileSink sink(*spool);
  os::TeeSource kept(plain, [&](Bytes bytes) { return sink.write(bytes); });
  return TarFiles::index(spool, 0, kept, call);
}

/// Bytes of a file that is open for as long as they are read.
class OpenSource final : public ByteSource {
 public:
  OpenSource(std::shared_ptr<const os::File> file, uint64_t offset, uint64_t size)
      : file_(std::move(file)), source_(*file_, offset, size) {}
  Result<size_t> read(MutableBytes into) override { return source_.read(into); }

 private:
  std::shared_ptr<const os::File> file_;
  os::FileSource source_;
};

/// A file that can be read at any offset, from `offset` on.
Result<std::unique_ptr<ArchiveFiles>> open_file(const Context& context, os::File file, uint64_t offset,
                                                const Call& call) {
  const auto shared = std::make_shared<const os::File>(std::move(file));
  os::FileSource source(*shared, offset);
  MSB_TRY(const auto inflated, archive::InflatedSource::open(source));
  if (inflated->compression() != archive::Compression::none) return spool_tar(context, *inflated, call);
  os::FileSource again(*shared, offset);
  return TarFiles::index(shared, offset, again, call);
}

Result<std::unique_ptr<ArchiveFiles>> open_path(const Context& context, const std::string& path, const Call& call) {
  // Without O_NONBLOCK a FIFO would hold the call up before it can be stopped.
  MSB_TRY(os::File file, os::File::open(context.fs, AT_FDCWD, path, O_RDONLY | O_NONBLOCK));
  MSB_TRY(const struct stat st, file.status());
  if (S_ISDIR(st.st_mode)) return std::unique_ptr<ArchiveFiles>(std::make_unique<DirectoryFiles>(std::move(file)));
  if (S_ISREG(st.st_mode)) return open_file(context, std::move(file), 0, call);
  os::DescriptorSource source(file.fd(), path, call);
  MSB_TRY(const auto inflated, archive::InflatedSource::open(source));
  return spool_tar(context, *inflated, call);
}

Result<std::unique_ptr<ArchiveFiles>> open_descriptor(const Context& context, int fd, const Call& call) {
  const std::string name = "descriptor " + std::to_string(fd);
  MSB_TRY(os::File file, os::File::duplicate(context.fs, fd, name));
  MSB_TRY(const struct stat st, file.status());
  if (S_ISREG(st.st_mode)) {
    const int64_t offset = context.fs.seek(fd, 0, SEEK_CUR);
    if (offset < 0) return Error::io("read", name, static_cast<int>(-offset));
    return open_file(context, std::move(file), static_cast<uint64_t>(offset), call);
  }
  os::DescriptorSource source(fd, name, call);
  MSB_TRY(const auto inflated, archive::InflatedSource::open(source));
  return spool_tar(context, *inflated, call);
}

}  // namespace

Error invalid_member(const std::string& member, std::string_view what) {
  const std::string shown = archive::printable(member);
  return Error(Status::image_invalid, shown + " " + std::string(what)).with("member", shown);
}

Result<std::unique_ptr<ByteSource>> ArchiveFile::open(const Call&, uint64_t begin) const {
  MSB_TRY(auto file, file_());
  return std::unique_ptr<ByteSource>(std::make_unique<OpenSource>(std::move(file), offset_ + begin, size_ - begin));
}

Result<std::string> ArchiveFile::read(size_t limit) const {
  if (size_ > limit) return invalid_member(path_, "is larger than " + std::to_string(limit) + " bytes");
  std::string content(static_cast<size_t>(size_), '\0');
  MSB_TRY(const auto file, file_());
  os::FileSource source(*file, offset_, size_);
  MSB_TRY(const size_t size, read_full(source, std::as_writable_bytes(std::span(content))));
  if (size != content.size()) return invalid_member(path_, "is cut short");
  return content;
}

Result<Digest> ArchiveFile::digest(const Call& call) const {
  MSB_TRY(const auto source, open(call, 0));
  return sha256_of(*source, call);
}

Result<std::unique_ptr<ArchiveFiles>> ArchiveFiles::open(const Context& context, const std::string& path, int fd,
                                                         const Call& call) {
  return path.empty() ? open_descriptor(context, fd, call) : open_path(context, path, call);
}

}  // namespace msb::image
