#pragma once

#include "image/archive_files.h"

namespace msb::image {

/// The files below a directory. Symlinks below it are never followed.
class DirectoryFiles final : public ArchiveFiles {
 public:
  explicit DirectoryFiles(os::File root) : root_(std::make_shared<const os::File>(std::move(root))) {}

  Result<bool> contains(const std::string& path) const override;
  Result<ArchiveFile> find(const std::string& path) const override;

 private:
  std::shared_ptr<const os::File> root_;
};

}  // namespace msb::image
