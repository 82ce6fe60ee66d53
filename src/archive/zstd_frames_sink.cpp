#include "archive/zstd_frames_sink.h"

#include <zstd.h>

#include <algorithm>
#include <new>
#include <string>
#include <system_error>

#include "os/workers.h"

namespace msb::archive {
namespace {

constexpr int kWindowLog = 21;  // a piece: bounds memory here and in every reader
static_assert(ZstdFramesSink::kPiece == size_t{1} << kWindowLog);

}  // namespace

void ZstdFramesSink::Free::operator()(ZSTD_CCtx_s* context) const noexcept { ZSTD_freeCCtx(context); }

ZstdFramesSink::ZstdFramesSink(ByteSink& out, int level, unsigned threads, const Call& call)
    : out_(&out), level_(level), call_(&call) {
  const unsigned crew = std::clamp(threads, 1U, kMaxThreads);
  ring_.resize(crew + 1);  // one is being filled
  try {
    for (unsigned i = 0; i < crew; ++i) threads_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {
    // Those that could be had have to do; without any, submit() compresses.
  }
}

ZstdFramesSink::~ZstdFramesSink() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

ZstdFramesSink::Context ZstdFramesSink::make_context() const {
  Context context(ZSTD_createCCtx());
  if (!context) throw std::bad_alloc();
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level_);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, kWindowLog);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  return context;
}

Done ZstdFramesSink::compress(ZSTD_CCtx_s* context, Bytes plain, std::vector<std::byte>& frame) {
  frame.resize(ZSTD_compressBound(plain.size()));
  const size_t size = ZSTD_compress2(context, frame.data(), frame.size(), plain.data(), plain.size());
  if (ZSTD_isError(size) != 0) return Error(Status::internal, std::string("zstd: ") + ZSTD_getErrorName(size));
  frame.resize(size);
  return {};
}

void ZstdFramesSink::work() {
  Context context;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || taken_ < filled_; });
    if (stopping_) return;
    Piece& piece = ring_[taken_++ % ring_.size()];
    lock.unlock();
    Done done = os::catching([&]() -> Done {
      if (!context) context = make_context();
      return compress(context.get(), piece.plain, piece.frame);
    });
    lock.lock();
    if (!done) piece.failure = std::move(done).error();
    piece.compressed = true;
    changed_.notify_all();
  }
}

Done ZstdFramesSink::add(Bytes bytes) {
  while (!bytes.empty()) {
    std::vector<std::byte>& plain = current().plain;
    plain.reserve(kPiece);
    const size_t part = std::min(bytes.size(), kPiece - plain.size());
    plain.insert(plain.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(part));
    bytes = bytes.subspan(part);
    if (plain.size() == kPiece) MSB_CHECK(submit());
  }
  return {};
}

Done ZstdFramesSink::write(Bytes bytes) {
  MSB_CHECK(call_->check());
  return add(bytes);
}

Done ZstdFramesSink::zeros(uint64_t count) {
  // What completes the current piece, then whole pieces, then the rest.
  const uint64_t head = std::min<uint64_t>(count, current().plain.empty() ? 0 : kPiece - current().plain.size());
  MSB_CHECK(ByteSink::zeros(head));
  for (count -= head; count >= kPiece; count -= kPiece) {
    MSB_CHECK(call_->check());
    MSB_CHECK(write_zero_piece());
  }
  return ByteSink::zeros(count);
}

/// Writes the frame of a piece of zeros, after everything before it.
Done ZstdFramesSink::write_zero_piece() {
  while (written_ < filled_) MSB_CHECK(write_oldest());
  if (zero_frame_.empty()) {
    if (!own_) own_ = make_context();
    MSB_CHECK(compress(own_.get(), std::vector<std::byte>(kPiece), zero_frame_));
  }
  return out_->write(zero_frame_);
}

Done ZstdFramesSink::submit() {
  Piece& piece = current();
  if (threads_.empty()) {
    if (!own_) own_ = make_context();
    MSB_CHECK(compress(own_.get(), piece.plain, piece.frame));
    piece.plain.clear();
    return out_->write(piece.frame);
  }
  {
    const std::lock_guard lock(mutex_);
    ++filled_;
  }
  changed_.notify_all();
  if (filled_ - written_ == ring_.size()) MSB_CHECK(write_oldest());
  return {};
}

Done ZstdFramesSink::write_oldest() {
  Piece& piece = ring_[written_ % ring_.size()];
  {
    std::unique_lock lock(mutex_);
    while (!piece.compressed) {
      constexpr std::chrono::milliseconds kLookUp{20};
      changed_.wait_for(lock, kLookUp);
      lock.unlock();
      MSB_CHECK(call_->check());
      call_->deliver();
      lock.lock();
    }
  }
  if (piece.failure) return *std::move(piece.failure);
  MSB_CHECK(out_->write(piece.frame));
  piece.plain.clear();
  piece.compressed = false;
  ++written_;
  return {};
}

Done ZstdFramesSink::finish() {
  if (!current().plain.empty()) MSB_CHECK(submit());
  while (written_ < filled_) MSB_CHECK(write_oldest());
  return {};
}

}  // namespace msb::archive
