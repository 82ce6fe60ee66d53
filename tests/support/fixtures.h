#pragma once

#include <filesystem>
#include <fstream>
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

/// A path among what other releases of microsandbox have written (tests/golden/upstream).
inline std::filesystem::path upstream_path(std::string_view relative) {
  return tests_path("golden/upstream") / relative;
}

}  // namespace msb::test
