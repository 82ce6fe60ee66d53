#include "archive/inflate.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace msb::archive {
namespace {

constexpr size_t kBufferSize = size_t{128} << 10;

bool is_gzip(Bytes head) { return head.size() >= 2 && head[0] == std::byte{0x1F} && head[1] == std::byte{0x8B}; }

bool is_zstd(Bytes head) {
  if (head.size() < kMagicSize) return false;
  const auto magic = load_le<uint32_t>(head, 0);
  return magic == 0xFD2FB528 || (magic & 0xFFFFFFF0) == 0x184D2A50;  // a frame, or a skippable one
}

}  // namespace

Compression compression_of(Bytes head) {
  // One byte more than the magic number of gzip: the only method there is.
  if (is_gzip(head) && head.size() >= 3 && head[2] == std::byte{8}) return Compression::gzip;
  return is_zstd(head) ? Compression::zstd : Compression::none;
}

std::string_view compression_name(Compression compression) {
  switch (compression) {
    case Compression::gzip:
      return "gzip";
    case Compression::zstd:
      return "zstd";
    case Compression::none:
      break;
  }
  return "none";
}

InflatedSource::InflatedSource(ByteSource& source, const InflateLimits& limits)
    : source_(&source), limits_(limits), buffer_(kBufferSize) {}

Result<std::unique_ptr<InflatedSource>> InflatedSource::open(ByteSource& source, const InflateLimits& limits) {
  std::unique_ptr<InflatedSource> inflated(new InflatedSource(source, limits));
  MSB_CHECK(inflated->fill(kMagicSize));
  inflated->compression_ = compression_of(inflated->window_);
  if (inflated->compression_ == Compression::gzip) inflated->decoder_ = make_gzip_decoder();
  if (inflated->compression_ == Compression::zstd) inflated->decoder_ = make_zstd_decoder();
  return inflated;
}

Result<size_t> InflatedSource::read(MutableBytes into) {
  if (into.empty()) return size_t{0};
  if (compression_ == Compression::none) return read_plain(into);
  while (true) {
    if (!in_member_) {
      MSB_TRY(const bool more, begin_member());
      if (!more) return size_t{0};
    }
    MemberDecoder::Step step;
    if (!decoder_->step(window_, into, step)) return broken(decoder_->problem());
    consume(step.consumed);
    in_member_ = !step.finished;
    if (step.produced != 0) {
      produced_ += step.produced;
      if (produced_ > limits_.max_output) break;
      return step.produced;
    }
    if (step.finished || step.consumed != 0) continue;
    MSB_TRY(const bool more, fill(window_.size() + 1));
    if (!more) return broken("it is cut short");
  }
  return broken("it inflates to more than " + std::to_string(limits_.max_output) + " bytes");
}

Result<size_t> InflatedSource::read_plain(MutableBytes into) {
  const Bytes have = window_;
  size_t size = std::min(have.size(), into.size());
  if (size != 0) {
    std::memcpy(into.data(), have.data(), size);
    consume(size);
  } else {
    MSB_TRY(size, source_->read(into));
  }
  produced_ += size;
  if (produced_ > limits_.max_output) {
    return Error(Status::image_invalid, "a layer of more than " + std::to_string(limits_.max_output) + " bytes");
  }
  return size;
}

/// Has `wanted` bytes in the window, unless the source ends before; then false.
Result<bool> InflatedSource::fill(size_t wanted) {
  if (window_.empty() && !source_ended_) {
    MSB_TRY(window_, source_->borrow(buffer_));
    source_ended_ = window_.empty();
  }
  if (window_.size() >= wanted || source_ended_) return window_.size() >= wanted;
  // They lie across two pieces of the source. A decoder that wants more than a whole buffer at once does not exist;
  // treat it as the end.
  if (wanted > buffer_.size()) return false;
  size_t size = window_.size();
  std::memmove(buffer_.data(), window_.data(), size);
  while (size < wanted && !source_ended_) {
    MSB_TRY(const size_t more, source_->read(MutableBytes(buffer_).subspan(size, wanted - size)));
    source_ended_ = more == 0;
    size += more;
  }
  window_ = Bytes(buffer_).first(size);
  return size >= wanted;
}

/// False at the end of the stream.
Result<bool> InflatedSource::begin_member() {
  MSB_CHECK(fill(kMagicSize));
  const Bytes head = window_;
  if (head.empty()) return false;
  if (any_member_ && head[0] == std::byte{0}) {
    MSB_CHECK(skip_padding());
    return false;
  }
  if (!(compression_ == Compression::gzip ? is_gzip(head) : is_zstd(head))) return broken("garbage follows its end");
  decoder_->begin();
  in_member_ = any_member_ = true;
  return true;
}

Done InflatedSource::skip_padding() {
  while (true) {
    const Bytes have = window_;
    if (std::any_of(have.begin(), have.end(), [](std::byte byte) { return byte != std::byte{0}; })) {
      return broken("garbage follows its end");
    }
    consume(have.size());
    MSB_TRY(const bool more, fill(1));
    if (!more) return {};
  }
}

Error InflatedSource::broken(std::string_view what) const {
  return Error(Status::image_invalid, std::string(compression_name(compression_)) + " stream: " + std::string(what));
}

}  // namespace msb::archive
