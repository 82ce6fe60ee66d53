#pragma once

#include "image/archive_files.h"

namespace msb::image {

/// The members of a tar, by their place in a file that holds it.
class TarFiles final : public ArchiveFiles {
 public:
  /// Reads the tar from `source` to its end; its bytes lie, or are meanwhile put, in `file` from `offset` on.
  static Result<std::unique_ptr<ArchiveFiles>> index(std::shared_ptr<const os::File> file, uint64_t offset,
                                                     ByteSource& source, const Call& call);

  Result<bool> contains(const std::string& path) const override;
  Result<ArchiveFile> find(const std::string& path) const override;

 private:
  struct Place {
    uint64_t offset = 0;
    uint64_t size = 0;
    std::string link;      ///< the path it leads to, below the root of the archive; then the rest means nothing
    bool escapes = false;  ///< a link out of the archive
    bool usable = true;    ///< a file or a link; `docker save` of old releases links to layers it has written before
  };

  explicit TarFiles(std::shared_ptr<const os::File> file) : file_(std::move(file)) {}

  std::shared_ptr<const os::File> file_;
  std::unordered_map<std::string, Place> places_;  // the last one of a path counts, as when a tar is extracted
};

}  // namespace msb::image
