#include "base/stream.h"

#include <algorithm>
#include <array>

namespace msb {

Result<Bytes> ByteSource::borrow(MutableBytes room) {
  MSB_TRY(const size_t size, read(room));
  return Bytes(room).first(size);
}

Result<uint64_t> ByteSource::skip(uint64_t size) {
  std::array<std::byte, 16384> dropped;
  uint64_t passed = 0;
  while (passed < size) {
    const auto part = static_cast<size_t>(std::min<uint64_t>(dropped.size(), size - passed));
    MSB_TRY(const size_t n, read(MutableBytes(dropped).first(part)));
    if (n == 0) break;
    passed += n;
  }
  return passed;
}

Done ByteSink::zeros(uint64_t count) {
  static constexpr std::array<std::byte, size_t{64} << 10> kZeros{};
  while (count > 0) {
    const auto part = static_cast<size_t>(std::min<uint64_t>(kZeros.size(), count));
    MSB_CHECK(write(Bytes(kZeros).first(part)));
    count -= part;
  }
  return {};
}

Result<size_t> read_full(ByteSource& source, MutableBytes into) {
  size_t filled = 0;
  while (filled < into.size()) {
    MSB_TRY(const size_t n, source.read(into.subspan(filled)));
    if (n == 0) break;
    filled += n;
  }
  return filled;
}

}  // namespace msb
