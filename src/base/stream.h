#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"

namespace msb {

/// Bytes in order, pulled by the reader. read() fills a prefix of `into` (at least one byte unless at the end) and
/// returns its length; 0 is the end.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual Result<size_t> read(MutableBytes into) = 0;
  /// The next bytes without a copy, where the source has them in memory: valid until it is asked for anything else.
  /// Other sources fill a prefix of `room`, which is not empty. None are the end.
  virtual Result<Bytes> borrow(MutableBytes room);
  /// Passes over up to `size` bytes and returns how many; fewer mean the end. Quick where the bytes lie in a file.
  virtual Result<uint64_t> skip(uint64_t size);
};

/// Bytes in order, pushed by the writer. write() takes all of `bytes` or fails.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Done write(Bytes bytes) = 0;
  /// As many bytes of zeros; quicker than writing them where the sink knows how.
  virtual Done zeros(uint64_t count);
};

/// Reads until `into` is full or the source ends; returns what it got.
Result<size_t> read_full(ByteSource& source, MutableBytes into);

}  // namespace msb
