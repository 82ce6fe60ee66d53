#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "snapshot/artifact.h"
#include "snapshot/export.h"
#include "snapshot/import.h"
#include "support/snapshot_home.h"

namespace msb::test {

/// Shorthand for what tests of archives do most.
inline Result<index::SnapshotRow> import_file(const SnapshotHome& home, const std::string& path,
                                              std::optional<std::string> name = {}) {
  snapshot::ImportRequest request;
  request.path = path;
  request.name = std::move(name);
  return snapshot::import_archive(home.context(), request, home.call());
}

inline Done export_file(const SnapshotHome& home, const std::string& ref, const std::string& path,
                        bool plain_tar = false, bool with_parents = false) {
  snapshot::ExportRequest request;
  request.ref = ref;
  request.path = path;
  request.plain_tar = plain_tar;
  request.with_parents = with_parents;
  return snapshot::export_archive(home.context(), request, home.call());
}

/// Blocks that a file takes, in bytes.
inline uint64_t allocated(const std::string& path) {
  struct stat st {};
  EXPECT_EQ(::stat(path.c_str(), &st), 0) << path;
  return static_cast<uint64_t>(st.st_blocks) * 512;
}

/// Makes the disk of an artifact sparse: `size` bytes, of which some pieces of `piece` bytes are data.
inline void write_scattered(const std::string& path, uint64_t size, size_t pieces, size_t piece) {
  std::ofstream file(path, std::ios::binary);
  for (size_t i = 0; i < pieces; ++i) {
    std::string block(piece, '\0');
    for (size_t j = 0; j < piece; ++j) block[j] = static_cast<char>(1 + (7 * i + 13 * j) % 251);
    file.seekp(static_cast<std::streamoff>(size / pieces * i / 4096 * 4096));
    file << block;
  }
  file.close();
  std::filesystem::resize_file(path, size);
}

}  // namespace msb::test
