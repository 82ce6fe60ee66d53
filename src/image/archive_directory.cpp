#include "image/archive_directory.h"

#include <cerrno>

namespace msb::image {
namespace {

/// Opens a path component by component, so that no symlink leads out.
Result<os::File> open_beneath(const os::File& root, const std::string& path) {
  os::File directory;
  size_t begin = 0;
  while (true) {
    const size_t end = path.find('/', begin);
    const std::string component = path.substr(begin, end == std::string::npos ? end : end - begin);
    if (component.empty() || component == "." || component == "..") {
      return invalid_member(path, "leads out of the archive");
    }
    const int at = begin == 0 ? root.fd() : directory.fd();
    if (end == std::string::npos) return os::File::open_regular(root.fs(), at, component);
    MSB_TRY(directory, os::File::open(root.fs(), at, component, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    begin = end + 1;
  }
}

}  // namespace

Result<bool> DirectoryFiles::contains(const std::string& path) const {
  auto file = open_beneath(*root_, path);
  if (file) return true;
  if (file.error().os_code() == ENOENT || file.error().os_code() == ENOTDIR) return false;
  return std::move(file).error();
}

Result<ArchiveFile> DirectoryFiles::find(const std::string& path) const {
  auto file = open_beneath(*root_, path);
  if (!file) {
    if (file.error().status() == Status::image_invalid) return std::move(file).error();
    switch (file.error().os_code()) {
      case ENOENT:
        return invalid_member(path, "is not in the archive");
      case 0:  // a directory or a device
      case ELOOP:
      case ENOTDIR:
        return invalid_member(path, "is no file");
      default:
        return std::move(file).error();
    }
  }
  MSB_TRY(const uint64_t size, file->size());
  // What it then opens may be another file. Then it has another digest too.
  const auto again = [root = root_, path]() -> Result<std::shared_ptr<const os::File>> {
    MSB_TRY(os::File opened, open_beneath(*root, path));
    return std::make_shared<const os::File>(std::move(opened));
  };
  return ArchiveFile(path, again, 0, size);
}

}  // namespace msb::image
