#pragma once

#include "image/archive_files.h"

namespace msb::image {

/// The files below a directory. Symlinks below it are never followed.
class DirectoryFiles final : public ArchiveFiles {
 public:
  explicit DirectoryFiles(os::File root) : root_(std::move(root)) {}

  Result<bool> contains(const std::string& path) const override;
  Result<ArchiveFile> find(const std::string& path) const override;

 private:
  os::File root_;
};

}  // namespace msb::image
