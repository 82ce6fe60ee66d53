#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/stream.h"

namespace msb::test {

/// Hands out a text, at most `step` bytes at a time.
class StringSource final : public ByteSource {
 public:
  explicit StringSource(std::string text, size_t step = SIZE_MAX) : text_(std::move(text)), step_(step) {}
  Result<size_t> read(MutableBytes into) override {
    const size_t size = std::min({into.size(), step_, text_.size() - offset_});
    std::memcpy(into.data(), text_.data() + offset_, size);
    offset_ += size;
    return size;
  }

 private:
  std::string text_;
  size_t step_;
  size_t offset_ = 0;
};

class StringSink final : public ByteSink {
 public:
  Done write(Bytes bytes) override {
    text.append(as_text(bytes));
    return {};
  }
  std::string text;
};

/// All of a source, read `step` bytes at a time.
inline Result<std::string> drain(ByteSource& source, size_t step = 65536) {
  std::string text;
  std::vector<std::byte> buffer(step);
  while (true) {
    MSB_TRY(const size_t size, source.read(buffer));
    if (size == 0) return text;
    text.append(as_text(Bytes(buffer).first(size)));
  }
}

/// `size` bytes that look random but are the same in every run.
inline std::string noise(size_t size, uint32_t seed = 1) {
  std::string text(size, '\0');
  uint32_t state = seed * 2654435761U + 1;
  for (char& c : text) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    c = static_cast<char>(state >> 11);
  }
  return text;
}

}  // namespace msb::test
