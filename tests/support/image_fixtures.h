#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "support/fixtures.h"

namespace msb::test {

/// Files in a folder (`layers`, `fsmeta`, `vmdk`) of the golden image caches.
inline std::vector<std::filesystem::path> cached_files(const std::string& folder) {
  std::vector<std::filesystem::path> found;
  const auto images = upstream_path("images");
  for (const auto& image : std::filesystem::directory_iterator(images)) {
    const auto path = image.path() / "cache" / folder;
    if (!std::filesystem::is_directory(path)) continue;
    for (const auto& file : std::filesystem::directory_iterator(path)) found.push_back(file.path());
  }
  return found;
}

/// The file of a fixture's cache whose digest begins so.
inline std::filesystem::path cached_file(const std::string& image, const std::string& folder, std::string_view digest) {
  for (const auto& path : cached_files(folder)) {
    const bool here = path.string().find("/" + image + "/") != std::string::npos;
    if (here && path.filename().string().find(digest) != std::string::npos) return path;
  }
  return {};
}

struct ImageFixture {
  const char* name;
  const char* manifest;             ///< first digits of its digest
  std::vector<const char*> layers;  ///< first digits of the diff IDs, bottom to top
};

/// The images of the golden fixtures.
inline const std::vector<ImageFixture>& image_fixtures() {
  static const std::vector<ImageFixture> kImages = {
      {"f1-kinds", "bf4f156af762", {"97c0e6d954e0"}},
      {"f2-layers",
       "261d48e8d3cc",
       {"89aa93b3b458", "bb845ee27f63", "1906cd4f2817", "84ff92691f90", "778a044a67d4", "84ff92691f90",
        "1906cd4f2817"}},
      {"f3-index", "dc99a4b14515", {"b9b52609fdce", "32ebb8afbd1e"}},
      {"f4-names", "e3ec6ca1bae7", {"0f72bf1ddd0e", "59a2249d83ec"}},
      {"f5-docker", "c5ff68b188ed", {"6b0dc15fb4fb", "1906cd4f2817"}},
      {"f5-docker", "f9300fc40294", {"6b0dc15fb4fb"}},
  };
  return kImages;
}

}  // namespace msb::test
