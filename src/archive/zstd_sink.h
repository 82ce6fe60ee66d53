#pragma once

#include <memory>
#include <vector>

#include "base/stream.h"

struct ZSTD_CCtx_s;

namespace msb::archive {

/// Compresses into one zstd frame with a checksum, and needs few MiB whatever the size. finish() ends the frame; the
/// next byte begins another.
class ZstdSink final : public ByteSink {
 public:
  /// `out` must outlive the sink.
  explicit ZstdSink(ByteSink& out, int level = 3);
  ~ZstdSink() override;

  Done write(Bytes bytes) override;
  Done finish();

 private:
  Done compress(Bytes bytes, bool end);

  struct Free {
    void operator()(ZSTD_CCtx_s* context) const noexcept;
  };
  ByteSink* out_;
  std::unique_ptr<ZSTD_CCtx_s, Free> context_;
  std::vector<std::byte> buffer_;
};

}  // namespace msb::archive
