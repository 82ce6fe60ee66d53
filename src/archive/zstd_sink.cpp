#include "archive/zstd_sink.h"

#include <zstd.h>

#include <new>

namespace msb::archive {
namespace {

constexpr int kWindowLog = 20;  // 1 MiB: bounds memory here and in every reader

}  // namespace

void ZstdSink::Free::operator()(ZSTD_CCtx_s* context) const noexcept { ZSTD_freeCCtx(context); }

ZstdSink::ZstdSink(ByteSink& out, int level) : out_(&out), context_(ZSTD_createCCtx()), buffer_(ZSTD_CStreamOutSize()) {
  if (!context_) throw std::bad_alloc();
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_windowLog, kWindowLog);
  ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
}

ZstdSink::~ZstdSink() = default;

Done ZstdSink::write(Bytes bytes) { return compress(bytes, false); }

Done ZstdSink::finish() { return compress({}, true); }

Done ZstdSink::compress(Bytes bytes, bool end) {
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  while (true) {
    ZSTD_outBuffer out{buffer_.data(), buffer_.size(), 0};
    const size_t left = ZSTD_compressStream2(context_.get(), &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
    if (ZSTD_isError(left) != 0) return Error(Status::internal, std::string("zstd: ") + ZSTD_getErrorName(left));
    if (out.pos != 0) MSB_CHECK(out_->write(Bytes(buffer_).first(out.pos)));
    if (end ? left == 0 : in.pos == in.size) return {};
  }
}

}  // namespace msb::archive
