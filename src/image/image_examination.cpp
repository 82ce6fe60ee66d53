#include "image/image_examination.h"

#include <algorithm>
#include <cerrno>

#include "erofs/reader.h"
#include "erofs/vmdk.h"
#include "image/assemble.h"
#include "image/layer_store.h"
#include "image/lease.h"
#include "os/dir.h"
#include "tree/merge.h"

namespace msb::image {
namespace {

constexpr size_t kMaxVmdk = size_t{2} << 20;
constexpr uint64_t kSector = 512;

using Finding = std::optional<std::string>;

/// What an image_invalid failure says; nothing for success. Other failures are passed on.
template <typename T>
Result<Finding> damage_of(Result<T> result) {
  if (result) return Finding();
  if (result.error().status() == Status::image_invalid) return Finding(result.error().message());
  return std::move(result).error();
}

/// True when both paths lead to one file, however they are spelled: microsandbox resolves symlinks in the cache's path.
bool same_file(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

/// Where a path leads; nothing when that is nowhere.
Result<std::optional<struct stat>> look_at(const Context& context, const std::string& path) {
  struct stat status {};
  const int result = context.fs.fstatat(AT_FDCWD, path.c_str(), &status, 0);
  if (result == -ENOENT || result == -ENOTDIR || result == -ELOOP) return std::optional<struct stat>();
  if (result < 0) return Error::io("stat", path, -result);
  return std::optional(status);
}

/// What is wrong with an extent that is to be the file at `path`.
Result<Finding> examine_extent(const Context& context, const erofs::Extent& extent, const std::string& path) {
  const std::string named =
      extent.path.starts_with('/') ? extent.path : os::join_path(context.paths.vmdk(), extent.path);
  MSB_TRY(const auto status, look_at(context, path));
  MSB_TRY(const auto meant, look_at(context, named));
  if (!status || !meant || !same_file(*status, *meant)) return Finding("it points to " + named + " instead of " + path);
  if (extent.sectors * kSector == static_cast<uint64_t>(status->st_size)) return Finding();
  return Finding("it has another size of " + path);
}

}  // namespace

Result<Finding> examine_fsmeta(const Context& context, const Digest& manifest, std::span<const PlacedLayer> layers) {
  auto file = os::File::open_regular(context.fs, AT_FDCWD, context.paths.fsmeta(manifest.safe_name()));
  if (!file && file.error().os_code() == ENOENT) return Finding("it is missing");
  if (!file) return std::move(file).error();
  MSB_TRY(Finding finding, damage_of(erofs::check_file(*file)));
  if (finding) return finding;
  auto blocks = erofs::read_layer_blocks(*file);
  const bool same = blocks && std::ranges::equal(*blocks, layers, {}, {}, &PlacedLayer::blocks);
  if (blocks && !same) return Finding("it was made for other layer files");
  return damage_of(std::move(blocks));
}

Result<Finding> examine_vmdk(const Context& context, const Digest& manifest, std::span<const PlacedLayer> layers) {
  const std::string name = manifest.safe_name();
  auto text = os::read_small(context.fs, AT_FDCWD, context.paths.vmdk(name), kMaxVmdk);
  if (!text && text.error().os_code() == ENOENT) return Finding("it is missing");
  if (!text) return std::move(text).error();
  auto extents = erofs::parse_vmdk(*text);
  if (!extents) return damage_of(std::move(extents));
  if (extents->size() != layers.size() + 1) return Finding("it does not have the layers of the image");
  MSB_TRY(Finding first, examine_extent(context, extents->front(), context.paths.fsmeta(name)));
  if (first) return first;
  for (size_t i = 0; i < layers.size(); ++i) {
    const std::string path = context.paths.layer(layers[i].diff_id.safe_name());
    MSB_TRY(Finding finding, examine_extent(context, (*extents)[i + 1], path));
    if (finding) return finding;
  }
  return Finding();
}

Done rebuild_image(const Context& context, const Digest& manifest, std::span<const Digest> diff_ids, const Call& call) {
  MSB_TRY(const Lease lease, Lease::take(context, call));
  MSB_CHECK(lease.add(manifest, call));
  tree::Tree merged;
  std::vector<AssembledLayer> parts;
  for (const Digest& diff_id : diff_ids) {
    MSB_CHECK(lease.add(diff_id, call));
    MSB_TRY(std::optional<CachedLayer> layer, open_layer(context, diff_id, call));
    if (!layer) {
      return Error(Status::image_invalid, "layer " + diff_id.text() + " is not in the cache")
          .with("digest", diff_id.text());
    }
    MSB_CHECK(tree::apply_layer(merged, std::move(layer->tree), static_cast<uint32_t>(parts.size()), call));
    parts.push_back({diff_id, layer->size});
  }
  MSB_TRY(const Assembled assembled, assemble(context, manifest, merged, parts, call));
  static_cast<void>(assembled);
  return {};
}

}  // namespace msb::image
