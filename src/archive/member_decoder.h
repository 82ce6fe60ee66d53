#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace msb::archive {

/// Decodes one gzip member or zstd frame after another; what lies between them is the caller's business.
class MemberDecoder {
 public:
  struct Step {
    size_t consumed = 0;
    size_t produced = 0;
    bool finished = false;  ///< the member is complete and its checksum, if it has one, is right
  };

  virtual ~MemberDecoder() = default;
  /// Makes ready for the next member.
  virtual void begin() = 0;
  /// Takes some of `in` and fills some of `out`. No progress means that it needs more of one of them. False when the
  /// input is damaged.
  virtual bool step(Bytes in, MutableBytes out, Step& step) = 0;
  /// Why step() was false.
  virtual std::string_view problem() const = 0;
};

std::unique_ptr<MemberDecoder> make_zlib_decoder();
std::unique_ptr<MemberDecoder> make_zstd_decoder();
#ifdef MSB_HAVE_ISAL
std::unique_ptr<MemberDecoder> make_isal_decoder();
#endif
/// The quickest decoder for gzip that was built in: ISA-L takes half of zlib's time.
std::unique_ptr<MemberDecoder> make_gzip_decoder();

}  // namespace msb::archive
