#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "snapshot/descriptor.h"
#include "support/temp_dir.h"

namespace msb::test {

/// A valid descriptor of a disk of `size` bytes.
inline snapshot::Descriptor plain_descriptor(snapshot::Form form, uint64_t size) {
  snapshot::Descriptor descriptor;
  descriptor.form = form;
  descriptor.image_ref = "docker.io/library/alpine:3.20";
  descriptor.image_digest = "sha256:" + std::string(64, 'a');
  descriptor.created_at =
      form == snapshot::Form::manifest ? "2026-05-01T12:00:00.123+00:00" : "2026-05-01T12:00:00.123Z";
  descriptor.upper_size = size;
  if (form == snapshot::Form::member) {
    descriptor.membership =
        snapshot::Membership{.id = "snap_" + std::string(32, '1'),
                             .layers = {{.id = "layer_" + std::string(32, '2'), .format = "raw", .integrity = {}}},
                             .consistency = "crash-consistent",
                             .source_checkpoint = std::nullopt,
                             .name = std::nullopt};
    descriptor.created_at = "2026-05-01T12:00:00.123000000Z";
    descriptor.upper_file = "layers/" + descriptor.membership->layers[0].id + ".raw";
  }
  return descriptor;
}

/// Writes an artifact: the directory, its descriptor and its disk.
inline void write_artifact(const std::filesystem::path& dir, const snapshot::Descriptor& descriptor,
                           std::string_view disk) {
  std::filesystem::create_directories((dir / descriptor.upper_file).parent_path());
  write_text(dir / snapshot::file_name(descriptor.form), snapshot::canonical_bytes(descriptor));
  if (!descriptor.checkpoint) write_text(dir / descriptor.upper_file, disk);
}

/// What the fixtures' README calls sparse30: 4 MiB, 4096 bytes of data at every 131072nd byte, 30 times.
inline void write_sparse30(const std::filesystem::path& path) {
  std::ofstream file(path, std::ios::binary);
  for (int i = 0; i < 30; ++i) {
    std::string block(4096, '\0');
    for (int j = 0; j < 4096; ++j) block[static_cast<size_t>(j)] = static_cast<char>(37 * i + 11 * j + 5);
    file.seekp(i * 131072);
    file << block;
  }
  file.close();
  std::filesystem::resize_file(path, 4 << 20);
}

/// dense4k of the same README.
inline std::string dense4k() {
  std::string text;
  while (text.size() < 4096) text += "0123456789abcdef";
  return text;
}

}  // namespace msb::test
