// What an image does to a disk, it does again: the second time changes nothing.

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include <sys/mman.h>

#include "base/bytes.h"
#include "snapshot/qcow2.h"

namespace {

using namespace msb;

os::File memory(Bytes content) {
  const int fd = ::memfd_create("qcow2", 0);
  auto file = os::File::duplicate(os::real_fs(), fd, "memory");
  ::close(fd);
  if (!file || !file->write_at(content, 0)) std::abort();
  return *std::move(file);
}

std::string content_of(const os::File& file, size_t size) {
  std::string text(size, '\0');
  if (!file.read_exactly_at(std::as_writable_bytes(std::span(text)), 0)) std::abort();
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Bytes bytes = std::as_bytes(std::span(data, size));
  if (size < 32) return 0;
  const auto disk_size = load_be<uint64_t>(bytes, 24);
  if (disk_size > (uint64_t{1} << 18)) return 0;
  const os::File image = memory(bytes);
  const os::File disk = memory({});
  if (!disk.truncate(disk_size)) std::abort();
  if (!snapshot::apply_qcow2(image, disk, disk_size, Call(), {})) return 0;
  const std::string once = content_of(disk, disk_size);
  if (!snapshot::apply_qcow2(image, disk, disk_size, Call(), {})) std::abort();
  if (content_of(disk, disk_size) != once) std::abort();
  return 0;
}
