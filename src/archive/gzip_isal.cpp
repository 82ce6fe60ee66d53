#include <algorithm>

#include <isa-l/igzip_lib.h>

#include "archive/member_decoder.h"

namespace msb::archive {
namespace {

class IsalDecoder final : public MemberDecoder {
 public:
  IsalDecoder() {
    isal_inflate_init(&state_);
    begin();
  }

  void begin() override {
    isal_inflate_reset(&state_);
    state_.crc_flag = ISAL_GZIP_NO_HDR_VER;  // checksum and length are checked
    isal_gzip_header_init(&header_);
    in_header_ = true;
  }

  bool step(Bytes in, MutableBytes out, Step& step) override {
    // Its counters are 32 bits wide, and sums of them are taken inside.
    constexpr size_t kMost = size_t{1} << 30;
    const auto given = static_cast<uint32_t>(std::min(in.size(), kMost));
    const auto room = static_cast<uint32_t>(std::min(out.size(), kMost));
    state_.next_in = const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(in.data()));  // the API is not const
    state_.avail_in = given;
    state_.next_out = reinterpret_cast<uint8_t*>(out.data());
    state_.avail_out = room;
    const int code = inflate();
    step = {given - state_.avail_in, room - state_.avail_out, state_.block_state == ISAL_BLOCK_FINISH};
    if (code >= ISAL_DECOMP_OK && code <= ISAL_OUT_OVERFLOW) return true;
    switch (code) {
      case ISAL_INCORRECT_CHECKSUM:
        problem_ = "incorrect checksum or length";
        break;
      case ISAL_INVALID_WRAPPER:
        problem_ = "incorrect header";
        break;
      case ISAL_UNSUPPORTED_METHOD:
        problem_ = "unknown compression method";
        break;
      default:
        problem_ = "invalid deflate data";
        break;
    }
    return false;
  }

  std::string_view problem() const override { return problem_; }

 private:
  static constexpr uint32_t kReservedFlags = 0xE0;  // RFC 1952: "must be zero", and a reader must refuse others

  /// isal_inflate() would read the header itself, but forgets its flags between two calls: one that comes in pieces
  /// goes wrong.
  int inflate() {
    if (in_header_) {
      const int code = isal_read_gzip_header(&state_, &header_);
      if (code != ISAL_DECOMP_OK) return code;
      if ((header_.flags & kReservedFlags) != 0) return ISAL_INVALID_WRAPPER;
      in_header_ = false;
    }
    return isal_inflate(&state_);
  }

  inflate_state state_{};
  isal_gzip_header header_{};
  bool in_header_ = true;
  std::string_view problem_;
};

}  // namespace

std::unique_ptr<MemberDecoder> make_isal_decoder() { return std::make_unique<IsalDecoder>(); }

}  // namespace msb::archive
