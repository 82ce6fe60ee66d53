#include "snapshot/layers.h"

#include "os/sparse.h"
#include "os/stamp.h"
#include "snapshot/group.h"
#include "snapshot/qcow2.h"

namespace msb::snapshot {

Done add_layer(const Context& context, const os::File& layer, const std::string& format, const os::File& disk,
               uint64_t size, const Progress& progress, const Call& call) {
  if (format == "raw") {
    MSB_TRY(const os::Copied copied, os::copy_sparse(layer, disk, context.threads, call, progress));
    static_cast<void>(copied);
    return {};
  }
  MSB_CHECK(disk.truncate(size));  // which it may have already
  return apply_qcow2(layer, disk, size, call, progress);
}

Done flatten(const Context& context, const Artifact& artifact, const os::File& disk, const std::string& item,
             const Call& call) {
  const std::vector<Layer>& layers = artifact.descriptor.membership->layers;
  Progress progress{.phase = Phase::copying, .item = item, .total_known = true};
  progress.total = artifact.descriptor.upper_size;
  progress.count = static_cast<uint32_t>(layers.size());
  for (const Layer& layer : layers) {
    const std::string path = os::join_path(artifact.path, layer_file(layer));
    MSB_TRY(const os::File file, os::File::open_regular(context.fs, AT_FDCWD, path));
    MSB_TRY(const os::Stamp before, os::Stamp::of(file));
    MSB_CHECK(add_layer(context, file, layer.format, disk, artifact.descriptor.upper_size, progress, call));
    const auto after = os::Stamp::of(context.fs, path);
    if (!after || *after != before) return Error(Status::io, "the layer changed meanwhile: " + path).with("path", path);
    ++progress.index;
  }
  return {};
}

}  // namespace msb::snapshot
