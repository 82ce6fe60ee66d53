#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/call.h"
#include "base/stream.h"

namespace msb::os {

/// Reads another source ahead on a thread of its own, so that making bytes (inflating, receiving) and using them
/// overlap. What is read ahead is bounded: `buffers` × `buffer_size` bytes. A failure of the source arrives after the
/// bytes before it. `source` and `call` outlive the object; nobody else reads the source meanwhile. Destroying it early
/// stops the thread after the read it is in.
class ReadAhead final : public ByteSource {
 public:
  ReadAhead(ByteSource& source, const Call& call, size_t buffers = 8, size_t buffer_size = size_t{256} << 10);
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;
  ~ReadAhead() override;

  /// From one thread at a time.
  Result<size_t> read(MutableBytes into) override;

 private:
  struct Buffer {
    std::unique_ptr<std::byte[]> bytes;
    size_t filled = 0;
  };

  void produce();
  Done fill(Buffer& buffer);

  ByteSource* source_;
  const Call* call_;
  const size_t buffer_size_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Buffer> ring_;  // filled ones from taken_ to given_
  size_t given_ = 0;
  size_t taken_ = 0;
  size_t used_ = 0;  // bytes of the oldest filled buffer that read() has passed on
  bool ended_ = false;
  bool stopping_ = false;
  std::optional<Error> failure_;
  std::thread thread_;
};

/// Hands bytes over to another sink on a thread of its own, so that making bytes and using them (hashing, writing)
/// overlap. The other sink gets full buffers, but for the last one; what waits is bounded by `buffers` × `buffer_size`.
/// A failure there comes back from a later call. `sink` and `call` outlive the object. Destroyed without finish(), it
/// drops what still waits.
class WriteBehind final : public ByteSink {
 public:
  WriteBehind(ByteSink& sink, const Call& call, size_t buffers = 8, size_t buffer_size = size_t{256} << 10);
  WriteBehind(const WriteBehind&) = delete;
  WriteBehind& operator=(const WriteBehind&) = delete;
  ~WriteBehind() override;

  /// From one thread at a time, like the next.
  Done write(Bytes bytes) override;
  /// Waits until the other sink has taken everything.
  Done finish();

 private:
  struct Buffer {
    std::unique_ptr<std::byte[]> bytes;
    size_t filled = 0;
  };

  void consume();
  Done submit();
  template <typename Ready>
  Done wait(std::unique_lock<std::mutex>& lock, Ready ready);

  ByteSink* sink_;
  const Call* call_;
  const size_t buffer_size_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Buffer> ring_;  // given ones from taken_ to given_; the one at given_ is being filled
  size_t given_ = 0;
  size_t taken_ = 0;
  bool stopping_ = false;
  std::optional<Error> failure_;
  std::thread thread_;
};

/// Passes bytes through and shows them to a witness (a hash, a counter, a second copy) on the way.
class TeeSource final : public ByteSource {
 public:
  using Witness = std::function<Done(Bytes)>;
  TeeSource(ByteSource& source, Witness witness) : source_(&source), witness_(std::move(witness)) {}
  Result<size_t> read(MutableBytes into) override;

 private:
  ByteSource* source_;
  Witness witness_;
};

}  // namespace msb::os
