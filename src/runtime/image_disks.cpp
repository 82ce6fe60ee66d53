#include "runtime/image_disks.h"

#include <cerrno>

#include "digest/digest.h"
#include "erofs/vmdk.h"
#include "os/dir.h"
#include "runtime/qemu.h"

namespace msb::runtime {
namespace {

constexpr size_t kMaxVmdk = size_t{1} << 20;
constexpr uint64_t kSector = 512;

Error missing(const std::string& digest, const std::string& path) {
  return Error(Status::image_not_found,
               "image " + digest + " is not complete in the cache, " + path + " is missing; pull or load it")
      .with("digest", digest)
      .with("path", path);
}

}  // namespace

Result<std::vector<Disk>> image_disks(const image::Context& context, const std::string& manifest_digest) {
  MSB_TRY(const Digest digest, Digest::parse(manifest_digest));
  const std::string vmdk = context.paths.vmdk(digest.safe_name());
  auto text = os::read_small(context.fs, AT_FDCWD, vmdk, kMaxVmdk);
  if (!text && text.error().os_code() == ENOENT) return missing(manifest_digest, vmdk);
  if (!text) return std::move(text).error();
  MSB_TRY(const auto extents, erofs::parse_vmdk(*text));
  if (extents.empty() || extents.size() >= kMaxDisks) {
    return Error(Status::image_invalid, vmdk + " joins " + std::to_string(extents.size()) + " files")
        .with("path", vmdk);
  }
  std::vector<Disk> disks;
  for (const erofs::Extent& extent : extents) {
    const bool first = disks.empty();
    std::string path = first ? context.paths.fsmeta(digest.safe_name())
                             : os::join_path(context.paths.layers(), os::base_name(extent.path));
    struct stat st {};
    if (context.fs.fstatat(AT_FDCWD, path.c_str(), &st, 0) < 0) return missing(manifest_digest, path);
    if (!S_ISREG(st.st_mode) || static_cast<uint64_t>(st.st_size) != extent.sectors * kSector) {
      return Error(Status::image_invalid, path + " has another size than " + vmdk + " says; check the cache")
          .with("path", path);
    }
    std::string serial("image");
    if (!first) serial = "layer" + std::to_string(disks.size() - 1);
    disks.push_back({std::move(path), std::move(serial), false});
  }
  return disks;
}

}  // namespace msb::runtime
