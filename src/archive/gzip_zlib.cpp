#include <zlib.h>

#include <algorithm>
#include <climits>
#include <new>

#include "archive/member_decoder.h"

namespace msb::archive {
namespace {

class ZlibDecoder final : public MemberDecoder {
 public:
  ZlibDecoder() {
    // 15 bits of window, and 16 for the gzip wrapper with its checksum and length.
    if (inflateInit2(&stream_, 15 + 16) != Z_OK) throw std::bad_alloc();
  }
  ZlibDecoder(const ZlibDecoder&) = delete;
  ZlibDecoder& operator=(const ZlibDecoder&) = delete;
  ~ZlibDecoder() override { inflateEnd(&stream_); }

  void begin() override { inflateReset(&stream_); }

  bool step(Bytes in, MutableBytes out, Step& step) override {
    const uInt given = static_cast<uInt>(std::min<size_t>(in.size(), UINT_MAX));
    const uInt room = static_cast<uInt>(std::min<size_t>(out.size(), UINT_MAX));
    stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(in.data()));  // zlib's API is not const
    stream_.avail_in = given;
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = room;
    const int code = inflate(&stream_, Z_NO_FLUSH);
    step = {given - stream_.avail_in, room - stream_.avail_out, code == Z_STREAM_END};
    if (code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR) return true;
    problem_ = stream_.msg != nullptr ? stream_.msg : "damaged";
    return false;
  }

  std::string_view problem() const override { return problem_; }

 private:
  z_stream stream_{};
  std::string_view problem_;
};

}  // namespace

std::unique_ptr<MemberDecoder> make_zlib_decoder() { return std::make_unique<ZlibDecoder>(); }

std::unique_ptr<MemberDecoder> make_gzip_decoder() {
#ifdef MSB_HAVE_ISAL
  return make_isal_decoder();
#else
  return make_zlib_decoder();
#endif
}

}  // namespace msb::archive
