#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "archive/member_decoder.h"
#include "base/stream.h"

namespace msb::archive {

enum class Compression : uint8_t { none, gzip, zstd };
/// "none", "gzip", "zstd".
std::string_view compression_name(Compression compression);
/// What a blob is wrapped in, by its first kMagicSize bytes, or all where it has fewer.
inline constexpr size_t kMagicSize = 4;
Compression compression_of(Bytes head);

struct InflateLimits {
  /// Refuses more output than this. The default fits the largest layer that the default limits of tars allow.
  uint64_t max_output = uint64_t{260} << 30;
};

/// What a blob says, whatever it is wrapped in: every member of a gzip file (eStargz and concatenated files have many),
/// every frame of a zstd file with skippable frames anywhere (zstd:chunked), or the bytes themselves. The wrapping is
/// found from the content; media types are not asked, because in practice they lie.
///
/// Zero bytes after the last member or frame are padding and ignored, as gzip(1) does; anything else there fails, as in
/// containerd. Damaged or cut-off streams, more than the permitted output and trailing garbage fail with image_invalid.
/// One thread at a time.
class InflatedSource final : public ByteSource {
 public:
  /// Reads the first bytes of `source`, which must outlive the object.
  static Result<std::unique_ptr<InflatedSource>> open(ByteSource& source, const InflateLimits& limits = {});

  Compression compression() const { return compression_; }
  Result<size_t> read(MutableBytes into) override;

 private:
  InflatedSource(ByteSource& source, const InflateLimits& limits);

  void consume(size_t size) { window_ = window_.subspan(size); }
  Result<bool> fill(size_t wanted);
  Result<size_t> read_plain(MutableBytes into);
  Result<bool> begin_member();
  Done skip_padding();
  Error broken(std::string_view what) const;

  ByteSource* source_;
  InflateLimits limits_;
  Compression compression_ = Compression::none;
  std::unique_ptr<MemberDecoder> decoder_;
  std::vector<std::byte> buffer_;
  Bytes window_;  // what was read and not consumed: borrowed from the source, or in buffer_
  bool source_ended_ = false;
  bool in_member_ = false;
  bool any_member_ = false;
  uint64_t produced_ = 0;
};

}  // namespace msb::archive
