#include "runtime/reserve.h"

#include <fcntl.h>

namespace msb::runtime {
namespace {

constexpr off_t kSize = off_t{1} << 20;

}  // namespace

void Reserve::fill() {
  if (!file_) {
    auto file = os::File::temporary(os::real_fs(), directory_);
    if (!file) return;
    file_ = std::move(*file);
  }
  static_cast<void>(::fallocate(file_.fd(), 0, 0, kSize));
}

void Reserve::give_half() {
  if (file_) static_cast<void>(file_.truncate(kSize / 2));
}

}  // namespace msb::runtime
