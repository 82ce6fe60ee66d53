#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/call.h"
#include "digest/digest.h"
#include "image/context.h"
#include "image/source_image.h"
#include "os/descriptor.h"
#include "os/file.h"

namespace msb::image {

/// Opens the file that has an archive's bytes, or some of them.
using OpenFile = std::function<Result<std::shared_ptr<const os::File>>()>;

/// A file of an image archive, wherever its bytes lie. Any thread may read it. Nothing is open for it meanwhile: an
/// archive may have more files than a process may have descriptors.
class ArchiveFile final : public BlobOrigin {
 public:
  ArchiveFile(std::string path, OpenFile file, uint64_t offset, uint64_t size)
      : path_(std::move(path)), file_(std::move(file)), offset_(offset), size_(size) {}
  /// Part of a file that is open anyhow.
  ArchiveFile(std::string path, std::shared_ptr<const os::File> file, uint64_t offset, uint64_t size)
      : ArchiveFile(
            std::move(path), [file = std::move(file)]() -> Result<std::shared_ptr<const os::File>> { return file; },
            offset, size) {}

  const std::string& path() const { return path_; }
  const std::string& name() const override { return path_; }
  uint64_t size() const override { return size_; }
  Result<std::unique_ptr<ByteSource>> open(const Call& call, uint64_t begin) const override;
  /// All of it. More than `limit` bytes are image_invalid.
  Result<std::string> read(size_t limit) const;
  Result<Digest> digest(const Call& call) const;

 private:
  std::string path_;
  OpenFile file_;
  uint64_t offset_;
  uint64_t size_;
};

/// The files of an image archive by their paths: the members of a tar, or what a directory holds. Paths have no leading
/// `./`. Nothing is extracted: a plain tar file is read in place; only what is compressed or comes through a pipe is
/// kept in a nameless file meanwhile.
class ArchiveFiles {
 public:
  virtual ~ArchiveFiles() = default;

  /// Opens the archive at `path`, or what the caller's descriptor `fd` yields when that is empty.
  /// @retval Status::image_invalid  it is no tar, or one beyond the limits; fact `member` where a member is at fault
  static Result<std::unique_ptr<ArchiveFiles>> open(const Context& context, const std::string& path, int fd,
                                                    const Call& call);

  virtual Result<bool> contains(const std::string& path) const = 0;
  /// The file of that path. One that is missing, no file, or out of the archive's bounds is image_invalid, with the
  /// fact `member`.
  virtual Result<ArchiveFile> find(const std::string& path) const = 0;
};

/// image_invalid that is the fault of a member of the archive.
Error invalid_member(const std::string& member, std::string_view what);

}  // namespace msb::image
