#pragma once

#include <string>

#include "os/file.h"

namespace msb::runtime {

/// Room on the file system of a directory that is kept for what must still be written there when it is full. The file
/// has no name, and so goes with its process.
class Reserve {
 public:
  explicit Reserve(std::string directory) : directory_(std::move(directory)) { fill(); }

  /// As much of it as there is room for; where room cannot be kept, there is none.
  void fill();
  /// Gives up one half; the other one is for the end.
  void give_half();
  void give_all() { file_ = os::File(); }

 private:
  std::string directory_;
  os::File file_;
};

}  // namespace msb::runtime
