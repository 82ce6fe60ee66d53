#pragma once

#include <cstdint>

#include "base/call.h"
#include "os/file.h"

namespace msb::snapshot {

/// Writes what a qcow2 image holds over a disk of `size` bytes, which has the content of its backing file: data goes to
/// its place, clusters of zeros become holes, and what is not allocated stays. As microsandbox 0.7 writes layers, and
/// QEMU without further features: version 2 or 3, not compressed, not encrypted, with its data inside (docs/interop/
/// qcow2.txt of QEMU). The backing file that the image names is nobody's business here: no path is taken from it.
/// Memory does not grow with the image. Reports `progress` with what is done, in bytes of the disk.
/// @retval Status::snapshot_integrity  the image is malformed, cut short, or of another size; fact `path`
/// @retval Status::unsupported         it has a feature that is not known here
Done apply_qcow2(const os::File& image, const os::File& disk, uint64_t size, const Call& call, Progress progress);

}  // namespace msb::snapshot
