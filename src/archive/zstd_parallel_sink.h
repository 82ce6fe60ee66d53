#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/call.h"
#include "base/stream.h"

struct ZSTD_CCtx_s;

namespace msb::archive {

/// Compresses into one zstd frame on several threads, in independent pieces of 1 MiB; long runs of zeros become blocks
/// that say so, and cost nothing. One frame, because readers of microsandbox stop at the end of the first; without a
/// checksum, as theirs. The bytes depend on the level alone, not on the threads. Memory: some 8 MiB a thread at
/// level 3.
class ZstdParallelSink final : public ByteSink {
 public:
  static constexpr unsigned kMaxThreads = 4;  ///< more are not used: they would need too much memory

  /// `out` and `call` must outlive the sink.
  ZstdParallelSink(ByteSink& out, int level, unsigned threads, const Call& call);
  ~ZstdParallelSink() override;

  /// All from one thread, on which `out` is written too.
  Done write(Bytes bytes) override;
  Done zeros(uint64_t count) override;
  /// Ends the frame, and waits until everything is in `out`. Nothing may follow.
  Done finish();

 private:
  enum class Until { taken, flushed, ended };

  Done compress(Bytes bytes, Until until);
  Done write_zero_blocks(uint64_t count);

  struct Free {
    void operator()(ZSTD_CCtx_s* context) const noexcept;
  };
  ByteSink* out_;
  const Call* call_;
  std::unique_ptr<ZSTD_CCtx_s, Free> context_;
  bool independent_ = false;  // what follows a flush does not refer to what is before
  bool begun_ = false;
  std::vector<std::byte> buffer_;
};

}  // namespace msb::archive
