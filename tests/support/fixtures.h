#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace msb::test {

/// The bytes of a file; empty when it cannot be read.
inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return std::move(content).str();
}

/// A path below tests/ of the repository.
inline std::filesystem::path tests_path(std::string_view relative) {
  return std::filesystem::path(MSB_TESTS_DIR) / relative;
}

/// A path among the golden fixtures outside the repository, if it is there. Tests skip without it.
inline std::optional<std::filesystem::path> shared_path(std::string_view relative) {
  const char* const named = std::getenv("MSB_SHARED");
  const std::filesystem::path root = named != nullptr ? named : tests_path("../../shared");
  std::filesystem::path path = root / relative;
  if (!std::filesystem::exists(path)) return std::nullopt;
  return path;
}

}  // namespace msb::test
