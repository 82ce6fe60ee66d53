#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/call.h"
#include "base/stream.h"

struct ZSTD_CCtx_s;

namespace msb::archive {

/// Compresses on several threads, into one zstd frame for each piece of 2 MiB: with its size and a checksum, so that
/// frames can be told apart and read back in any order. Pieces of zeros alone are not compressed each time. The bytes
/// depend on the level alone, not on the threads. Memory: some 8 MiB a thread at level 3.
class ZstdFramesSink final : public ByteSink {
 public:
  static constexpr size_t kPiece = size_t{2} << 20;
  static constexpr unsigned kMaxThreads = 4;  ///< more are not used: they would need too much memory

  /// `out` and `call` must outlive the sink.
  ZstdFramesSink(ByteSink& out, int level, unsigned threads, const Call& call);
  ZstdFramesSink(const ZstdFramesSink&) = delete;
  ZstdFramesSink& operator=(const ZstdFramesSink&) = delete;
  ~ZstdFramesSink() override;

  /// All from one thread, on which `out` is written too.
  Done write(Bytes bytes) override;
  Done zeros(uint64_t count) override;
  /// Compresses what is left, and waits until everything is in `out`.
  Done finish();

 private:
  struct Free {
    void operator()(ZSTD_CCtx_s* context) const noexcept;
  };
  using Context = std::unique_ptr<ZSTD_CCtx_s, Free>;

  /// A piece on its way. Between submit() and `compressed` it is a worker's.
  struct Piece {
    bool compressed = false;  // guarded by the mutex; then the frame is there, or the failure
    std::vector<std::byte> plain;
    std::vector<std::byte> frame;
    std::optional<Error> failure;
  };

  Context make_context() const;
  void work();
  static Done compress(ZSTD_CCtx_s* context, Bytes plain, std::vector<std::byte>& frame);
  Piece& current() { return ring_[filled_ % ring_.size()]; }
  Done add(Bytes bytes);
  Done submit();
  Done write_oldest();
  Done write_zero_piece();

  ByteSink* out_;
  const int level_;
  const Call* call_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Piece> ring_;
  size_t filled_ = 0;   // pieces handed to the workers
  size_t taken_ = 0;    // of them, pieces that a worker has begun
  size_t written_ = 0;  // of them, pieces that are in `out`
  bool stopping_ = false;
  std::vector<std::thread> threads_;

  Context own_;                        // where there is no thread to spare, and for zeros
  std::vector<std::byte> zero_frame_;  // of a whole piece
};

}  // namespace msb::archive
