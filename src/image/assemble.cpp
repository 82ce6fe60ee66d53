#include "image/assemble.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "base/found.h"
#include "erofs/fsmeta_writer.h"
#include "erofs/layout.h"
#include "erofs/vmdk.h"
#include "os/dir.h"
#include "os/lock.h"
#include "os/publish.h"

namespace msb::image {
namespace {

constexpr mode_t kFileMode = 0644;
constexpr uint64_t kSector = 512;

enum class There { nothing, another, same };

/// How what is at `path` compares with `wanted`, byte for byte.
Result<There> compare(const Context& context, const std::string& path, const os::File& wanted, const Call& call) {
  auto looked = os::File::open_regular(context.fs, AT_FDCWD, path);
  if (!looked && is_unfit(looked.error())) return There::another;
  MSB_TRY(const auto there, if_there(std::move(looked)));
  if (!there) return There::nothing;
  MSB_TRY(const uint64_t size, wanted.size());
  MSB_TRY(const uint64_t size_there, there->size());
  if (size != size_there) return There::another;
  constexpr size_t kStep = size_t{256} << 10;
  std::vector<std::byte> ours(kStep);
  std::vector<std::byte> theirs(kStep);
  for (uint64_t offset = 0; offset < size; offset += kStep) {
    MSB_CHECK(call.check());
    const auto step = static_cast<size_t>(std::min<uint64_t>(kStep, size - offset));
    MSB_CHECK(wanted.read_exactly_at(MutableBytes(ours).first(step), offset));
    MSB_CHECK(there->read_exactly_at(MutableBytes(theirs).first(step), offset));
    if (std::memcmp(ours.data(), theirs.data(), step) != 0) return There::another;
  }
  return There::same;
}

}  // namespace

Result<std::string> vmdk_text(const Digest& manifest, uint64_t fsmeta_size, std::span<const AssembledLayer> layers) {
  std::vector<erofs::Extent> extents;
  extents.push_back({"../fsmeta/" + manifest.safe_name() + ".erofs", fsmeta_size / kSector});
  for (const AssembledLayer& layer : layers) {
    extents.push_back({"../layers/" + layer.diff_id.safe_name() + ".erofs", layer.size / kSector});
  }
  return erofs::format_vmdk(extents);
}

namespace {

/// What assemble() does under the lock.
Result<Assembled> assemble_locked(const Context& context, const Digest& manifest, const tree::Tree& merged,
                                  std::span<const AssembledLayer> layers, const Call& call) {
  const std::string name = manifest.safe_name();
  std::vector<uint32_t> blocks;
  for (const AssembledLayer& layer : layers) blocks.push_back(static_cast<uint32_t>(layer.size / erofs::kBlock));
  MSB_TRY(const erofs::Layout layout, erofs::plan_fsmeta(merged, layers.size(), call));
  MSB_TRY(os::StagedFile fsmeta, os::StagedFile::create(context.fs, context.paths.fsmeta(), kFileMode));
  MSB_CHECK(erofs::write_fsmeta(merged, layout, blocks, fsmeta.file(), call));
  MSB_TRY(const std::string text, vmdk_text(manifest, layout.file_size(), layers));
  MSB_TRY(os::StagedFile vmdk, os::StagedFile::create(context.fs, context.paths.vmdk(), kFileMode));
  MSB_CHECK(vmdk.file().write_at(as_bytes(text), 0));

  Assembled assembled;
  std::vector<os::Publication> files;
  const auto publish_unless_same = [&](os::StagedFile& file, const std::string& path, bool& fresh) -> Done {
    MSB_TRY(const There there, compare(context, path, file.file(), call));
    fresh = there == There::nothing;
    if (there != There::same) files.push_back({&file, path});
    return {};
  };
  MSB_CHECK(publish_unless_same(fsmeta, context.paths.fsmeta(name), assembled.fresh_fsmeta));
  MSB_CHECK(publish_unless_same(vmdk, context.paths.vmdk(name), assembled.fresh_vmdk));
  MSB_CHECK(call.check());
  MSB_CHECK(os::publish_all(files, os::Existing::replace));
  return assembled;
}

}  // namespace

Result<Assembled> assemble(const Context& context, const Digest& manifest, const tree::Tree& merged,
                           std::span<const AssembledLayer> layers, const Call& call) {
  const std::string name = manifest.safe_name();
  MSB_TRY(os::FileLock lock,
          os::FileLock::acquire(context.fs, context.paths.fsmeta_lock(name), os::LockMode::exclusive, call));
  auto assembled = assemble_locked(context, manifest, merged, layers, call);
  if (!assembled) {
    const auto there = os::exists(context.fs, context.paths.fsmeta(name));
    if (there && !*there) lock.retire();
  }
  return assembled;
}

}  // namespace msb::image
