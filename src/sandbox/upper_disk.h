#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/call.h"
#include "os/file.h"

namespace msb::sandbox {

inline constexpr uint64_t kDefaultUpperSize = uint64_t{4} << 30;

/// Whether a disk can have that size: a multiple of 4096, with room for journal and inodes, below 16 TiB.
/// @retval invalid_argument  it cannot; the message says why
Done check_upper_size(uint64_t size);

using Uuid = std::array<std::byte, 16>;
/// A random one, marked as microsandbox marks those of its disks.
Uuid random_upper_uuid();

/// Makes `file`, which is empty, a disk of `size` bytes with an ext4 file system in it that holds the directories
/// `upper` and `work`: byte for byte what microsandbox 0.6.9 and later make of that size and UUID
/// (formats/images.md §9.1), as they grow only disks that look so. Sparse: some hundred KiB are written. Nothing is
/// synced.
/// @retval invalid_argument  the size leaves a last block group that cannot hold its own metadata
Done format_upper(const os::File& file, uint64_t size, const Uuid& uuid, const Call& call);

}  // namespace msb::sandbox
