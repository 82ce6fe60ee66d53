#pragma once

#include <algorithm>
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
  static std::thread start(std::function<void()> work);
  /// Ends the thread after what it is at. Every destructor begins with it.
  void stop();
  /// Waits for the other thread until `ready`, which is asked under the lock, or until the call is to end.
  Done wait(std::unique_lock<std::mutex>& lock, const std::function<bool()>& ready) const;

  const Call* call_;
  const size_t buffer_size_;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;  // what the maker of the object waits for
  mutable std::condition_variable called_;   // what its thread waits for
  std::vector<Buffer> ring_;
  size_t given_ = 0;  // buffers, from the one side
  size_t taken_ = 0;  // and by the other
  bool stopping_ = false;
  std::optional<Error> failure_;
  std::thread thread_;
};

/// What is shown bytes on their way: a hash, a counter, a second copy.
using Witness = std::function<Done(Bytes)>;

/// Reads another source ahead on a thread of its own, so that making bytes (inflating, receiving) and using them
/// overlap. What is read ahead is bounded: `buffers` × `buffer_size` bytes. A failure of the source arrives after the
/// bytes before it. `source` and `call` outlive the object; nobody else reads the source meanwhile. Destroying it early
/// stops the thread after the read it is in.
///
/// A witness is shown all bytes in order on one more thread, beside whoever reads them. When a reader is told of the
/// end, the witness has seen everything; its failure is one of the source.
class ReadAhead final : public ByteSource, private Handoff {
 public:
  ReadAhead(ByteSource& source, const Call& call, size_t buffers = 8, size_t buffer_size = size_t{256} << 10)
      : ReadAhead(source, call, nullptr, buffers, buffer_size) {}
  ReadAhead(ByteSource& source, const Call& call, Witness witness, size_t buffers = 8,
            size_t buffer_size = size_t{256} << 10);
  ~ReadAhead() override;

  /// From one thread at a time, like the next.
  Result<size_t> read(MutableBytes into) override;
  Result<Bytes> borrow(MutableBytes room) override;

 private:
  void produce();
  void watch();
  void stop_watching();
  Done fill(Buffer& buffer);
  /// The source itself, where there is no thread.
  Result<size_t> read_here(MutableBytes into);
  /// Waits for what is left of the oldest filled buffer; none at the end.
  Result<Bytes> left();
  /// Gives back bytes of it.
  void pass(size_t size);
  size_t in_use() const { return given_ - (watched_ ? std::min(taken_, seen_) : taken_); }

  ByteSource* source_;
  const Witness witness_;
  bool watched_ = false;  // by a thread; else whoever fills a buffer shows it
  size_t seen_ = 0;       // buffers, by the witness
  size_t used_ = 0;       // bytes of the oldest filled buffer that were passed on
  size_t lent_ = 0;       // and after them those that borrow() has handed out
  bool ended_ = false;
  std::condition_variable shown_;  // what the watcher waits for
  std::thread watcher_;
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

/// Passes bytes through and shows them to a witness on the way.
class TeeSource final : public ByteSource {
 public:
  TeeSource(ByteSource& source, Witness witness) : source_(&source), witness_(std::move(witness)) {}
  Result<size_t> read(MutableBytes into) override;

 private:
  ByteSource* source_;
  Witness witness_;
};

}  // namespace msb::os
