#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "support/fixtures.h"

namespace msb::test {

/// Files in a folder (`layers`, `fsmeta`, `vmdk`) of the golden image caches; none where they are not installed.
inline std::vector<std::filesystem::path> cached_files(const std::string& folder) {
  std::vector<std::filesystem::path> found;
  const auto images = shared_path("fixtures/upstream/images");
  if (!images) return found;
  for (const auto& image : std::filesystem::directory_iterator(*images)) {
    const auto path = image.path() / "cache" / folder;
    if (!std::filesystem::is_directory(path)) continue;
    for (const auto& file : std::filesystem::directory_iterator(path)) found.push_back(file.path());
  }
  return found;
}

}  // namespace msb::test
