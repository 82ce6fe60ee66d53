#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace msb::test {

/// $TMPDIR, else memory where the machine has it: tests sync hundreds of times.
inline std::filesystem::path temp_parent() {
  if (const char* named = std::getenv("TMPDIR"); named != nullptr && *named != '\0') return named;
  std::error_code failure;
  return std::filesystem::is_directory("/dev/shm", failure) ? "/dev/shm" : "/tmp";
}

/// A fresh directory for one test, removed with everything in it.
class TempDir {
 public:
  explicit TempDir(const std::filesystem::path& parent = temp_parent()) {
    std::string name = (parent / "msb-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
    path_ = name;
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::filesystem::path& path() const { return path_; }
  /// The path of `name` below it.
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline void write_text(const std::filesystem::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}

}  // namespace msb::test
