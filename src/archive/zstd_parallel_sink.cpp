#include "archive/zstd_parallel_sink.h"

#include <zstd.h>

#include <algorithm>
#include <new>
#include <string>

namespace msb::archive {
namespace {

constexpr int kWindowLog = 20;  // 1 MiB: bounds memory here and in every reader
constexpr int kPiece = 1 << kWindowLog;
constexpr int kNoOverlap = 1;
constexpr uint64_t kZeroBlock = uint64_t{128} << 10;  // the most that one block may stand for (RFC 8878, 3.1.1.2.4)
constexpr uint64_t kWorthIt = 8 * kZeroBlock;         // a flush ends a piece early

}  // namespace

void ZstdParallelSink::Free::operator()(ZSTD_CCtx_s* context) const noexcept { ZSTD_freeCCtx(context); }

ZstdParallelSink::ZstdParallelSink(ByteSink& out, int level, unsigned threads, const Call& call)
    : out_(&out), call_(&call), context_(ZSTD_createCCtx()), buffer_(size_t{256} << 10) {
  if (!context_) throw std::bad_alloc();
  const auto set = [this](ZSTD_cParameter parameter, int value) {
    return ZSTD_isError(ZSTD_CCtx_setParameter(context_.get(), parameter, value)) == 0;
  };
  set(ZSTD_c_compressionLevel, level);
  set(ZSTD_c_windowLog, kWindowLog);
  // Each piece is a job of its own, which starts without a history. A library without threads takes one after the
  // other.
  independent_ = set(ZSTD_c_nbWorkers, static_cast<int>(std::clamp(threads, 1U, kMaxThreads))) &&
                 set(ZSTD_c_jobSize, kPiece) && set(ZSTD_c_overlapLog, kNoOverlap);
}

ZstdParallelSink::~ZstdParallelSink() = default;

Done ZstdParallelSink::write(Bytes bytes) { return compress(bytes, Until::taken); }

Done ZstdParallelSink::finish() { return compress({}, Until::ended); }

Done ZstdParallelSink::compress(Bytes bytes, Until until) {
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  const ZSTD_EndDirective directive = until == Until::taken     ? ZSTD_e_continue
                                      : until == Until::flushed ? ZSTD_e_flush
                                                                : ZSTD_e_end;
  begun_ = begun_ || !bytes.empty();
  while (true) {
    MSB_CHECK(call_->check());
    ZSTD_outBuffer out{buffer_.data(), buffer_.size(), 0};
    const size_t left = ZSTD_compressStream2(context_.get(), &out, &in, directive);
    if (ZSTD_isError(left) != 0) return Error(Status::internal, std::string("zstd: ") + ZSTD_getErrorName(left));
    if (out.pos != 0) MSB_CHECK(out_->write(Bytes(buffer_).first(out.pos)));
    if (until == Until::taken ? in.pos == in.size : left == 0) return {};
  }
}

Done ZstdParallelSink::zeros(uint64_t count) {
  // The header of the frame leaves with the first piece.
  if (!independent_ || !begun_ || count < kWorthIt) return ByteSink::zeros(count);
  MSB_CHECK(compress({}, Until::flushed));
  MSB_CHECK(write_zero_blocks(count / kZeroBlock));
  return ByteSink::zeros(count % kZeroBlock);
}

/// Puts blocks that repeat one byte between those of the library: what it makes after a flush looks back at nothing.
Done ZstdParallelSink::write_zero_blocks(uint64_t count) {
  constexpr uint32_t kRepeated = 1;
  constexpr size_t kBlockSize = 4;  // a header of three bytes, and the byte
  std::vector<std::byte> blocks(std::min<uint64_t>(count, 4096) * kBlockSize);
  for (size_t at = 0; at < blocks.size(); at += kBlockSize) {
    store_le(MutableBytes(blocks), at, static_cast<uint32_t>(kZeroBlock << 3) | kRepeated << 1);
  }
  while (count > 0) {
    MSB_CHECK(call_->check());
    const uint64_t part = std::min<uint64_t>(count, blocks.size() / kBlockSize);
    MSB_CHECK(out_->write(Bytes(blocks).first(static_cast<size_t>(part) * kBlockSize)));
    count -= part;
  }
  return {};
}

}  // namespace msb::archive
