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

/// What both directions share: a ring of buffers between the thread that made the object and one of its own.
class Handoff {
 public:
  Handoff(const Handoff&) = delete;
  Handoff& operator=(const Handoff&) = delete;

 protected:
  struct Buffer {
    std::unique_ptr<std::byte[]> bytes;
    size_t filled = 0;
  };

  Handoff(const Call& call, size_t buffers, size_t buffer_size)
      : call_(&call), buffer_size_(buffer_size), ring_(buffers) {}
  ~Handoff() = default;

  /// Where the machine has no thread to spare there is none, and the object does its work in the calls made to it.
  void start(std::function<void()> work);
  /// Ends the thread after what it is at. Every destructor begins with it.
  void stop();
  /// Waits for the other thread until `ready`, which is asked under the lock, or until the call is to end.
  Done wait(std::unique_lock<std::mutex>& lock, const std::function<bool()>& ready) const;

  const Call* call_;
  const size_t buffer_size_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<Buffer> ring_;
  size_t given_ = 0;  // buffers, from the one side
  size_t taken_ = 0;  // and by the other
  bool stopping_ = false;
  std::optional<Error> failure_;
  std::thread thread_;
};

/// Reads another source ahead on a thread of its own, so that making bytes (inflating, receiving) and using them
/// overlap. What is read ahead is bounded: `buffers` × `buffer_size` bytes. A failure of the source arrives after the
/// bytes before it. `source` and `call` outlive the object; nobody else reads the source meanwhile. Destroying it early
/// stops the thread after the read it is in.
class ReadAhead final : public ByteSource, private Handoff {
 public:
  ReadAhead(ByteSource& source, const Call& call, size_t buffers = 8, size_t buffer_size = size_t{256} << 10);
  ~ReadAhead() override { stop(); }

  /// From one thread at a time.
  Result<size_t> read(MutableBytes into) override;

 private:
  void produce();
  Done fill(Buffer& buffer);

  ByteSource* source_;
  size_t used_ = 0;  // bytes of the oldest filled buffer that read() has passed on
  bool ended_ = false;
};

/// Hands bytes over to another sink on a thread of its own, so that making bytes and using them (hashing, writing)
/// overlap. The other sink gets full buffers, but for the last one; what waits is bounded by `buffers` × `buffer_size`.
/// A failure there comes back from a later call. `sink` and `call` outlive the object. Destroyed without finish(), it
/// drops what still waits.
class WriteBehind final : public ByteSink, private Handoff {
 public:
  WriteBehind(ByteSink& sink, const Call& call, size_t buffers = 8, size_t buffer_size = size_t{256} << 10);
  ~WriteBehind() override { stop(); }

  /// From one thread at a time, like the next.
  Done write(Bytes bytes) override;
  /// Waits until the other sink has taken everything.
  Done finish();

 private:
  void consume();
  Done submit();
  /// wait(), or the failure of the other sink, once.
  Done settle(std::unique_lock<std::mutex>& lock, const std::function<bool()>& ready);

  ByteSink* sink_;
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
