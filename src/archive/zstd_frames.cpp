#include <zstd.h>

#include <new>

#include "archive/member_decoder.h"

namespace msb::archive {
namespace {

class ZstdDecoder final : public MemberDecoder {
 public:
  // The default window limit of the library stays: 128 MiB, which is what `zstd --ultra -22` may ask of a reader.
  ZstdDecoder() : stream_(ZSTD_createDStream()) {
    if (stream_ == nullptr) throw std::bad_alloc();
  }
  ZstdDecoder(const ZstdDecoder&) = delete;
  ZstdDecoder& operator=(const ZstdDecoder&) = delete;
  ~ZstdDecoder() override { ZSTD_freeDStream(stream_); }

  void begin() override { ZSTD_DCtx_reset(stream_, ZSTD_reset_session_only); }

  bool step(Bytes in, MutableBytes out, Step& step) override {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    const size_t code = ZSTD_decompressStream(stream_, &output, &input);
    step = {input.pos, output.pos, code == 0};
    if (ZSTD_isError(code) == 0) return true;
    problem_ = ZSTD_getErrorName(code);
    return false;
  }

  std::string_view problem() const override { return problem_; }

 private:
  ZSTD_DStream* stream_;
  std::string_view problem_;
};

}  // namespace

std::unique_ptr<MemberDecoder> make_zstd_decoder() { return std::make_unique<ZstdDecoder>(); }

}  // namespace msb::archive
