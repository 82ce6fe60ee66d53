#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

namespace msb::test {

/// The folder of golden fixtures, which lie outside the repository; nothing where there are none.
inline std::optional<std::filesystem::path> shared_folder() {
  const char* folder = std::getenv("MSB_SHARED");
  if (folder == nullptr || !std::filesystem::is_directory(folder)) return std::nullopt;
  return folder;
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace msb::test
