#include "runtime/image_disks.h"

#include <cerrno>

#include "digest/digest.h"
#include "erofs/vmdk.h"
#include "os/dir.h"

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

Result<ImageDisks> image_disks(const image::Context& context, const std::string& manifest_digest) {
  MSB_TRY(const Digest digest, Digest::parse(manifest_digest));
  const std::string vmdk = context.paths.vmdk(digest.safe_name());
  auto text = os::read_small(context.fs, AT_FDCWD, vmdk, kMaxVmdk);
  if (!text && text.error().os_code() == ENOENT) return missing(manifest_digest, vmdk);
  if (!text) return std::move(text).error();
  MSB_TRY(const auto extents, erofs::parse_vmdk(*text));
  ImageDisks result;
  result.layers = extents.size() - 1;
  const bool share = result.layers > kMostOwnDisks;
  for (size_t i = 0; i < extents.size(); ++i) {
    std::string path = i == 0 ? context.paths.fsmeta(digest.safe_name())
                              : os::join_path(context.paths.layers(), os::base_name(extents[i].path));
    struct stat st {};
    if (context.fs.fstatat(AT_FDCWD, path.c_str(), &st, 0) < 0) return missing(manifest_digest, path);
    if (!S_ISREG(st.st_mode) || static_cast<uint64_t>(st.st_size) != extents[i].sectors * kSector) {
      return Error(Status::image_invalid, path + " has another size than " + vmdk + " says; check the cache")
          .with("path", path);
    }
    const size_t layer = i - 1;
    const size_t disk = share ? layer / kMostOnOneDisk : layer;
    const std::string serial = i == 0 ? "image" : (share ? "layers" : "layer") + std::to_string(disk);
    if (i > 0 && share) result.shared.emplace_back(serial, extents[i].sectors);
    if (!result.disks.empty() && result.disks.back().serial == serial) {
      result.disks.back().rest.push_back(std::move(path));
    } else {
      result.disks.push_back({std::move(path), serial, false, {}});
    }
  }
  return result;
}

}  // namespace msb::runtime
