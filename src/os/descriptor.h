#pragma once

#include "base/call.h"
#include "base/stream.h"

namespace msb::os {

// Streams over descriptors that a caller handed in: a pipe, a socket, a terminal or a file. Waiting for the other side
// ends with the call. The descriptor stays the caller's, open and in its mode.

/// Reads from where the descriptor stands.
class DescriptorSource final : public ByteSource {
 public:
  /// `name` is what messages call it; `call` outlives the source.
  DescriptorSource(int fd, std::string name, const Call& call) : fd_(fd), name_(std::move(name)), call_(&call) {}
  Result<size_t> read(MutableBytes into) override;

 private:
  int fd_;
  std::string name_;
  const Call* call_;
};

/// Writes from where the descriptor stands.
class DescriptorSink final : public ByteSink {
 public:
  DescriptorSink(int fd, std::string name, const Call& call) : fd_(fd), name_(std::move(name)), call_(&call) {}
  Done write(Bytes bytes) override;

 private:
  int fd_;
  std::string name_;
  const Call* call_;
};

}  // namespace msb::os
