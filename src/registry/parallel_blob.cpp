#include "registry/parallel_blob.h"

#include <algorithm>
#include <cstring>
#include <system_error>
#include <utility>

#include "os/workers.h"

namespace msb::registry {

ParallelBlob::ParallelBlob(Registry& registry, oci::Descriptor descriptor, const Call& call, uint64_t begin,
                           uint64_t piece, std::chrono::milliseconds quick)
    : registry_(registry),
      descriptor_(std::move(descriptor)),
      begin_(std::min(begin, descriptor_.size)),
      piece_(piece),
      quick_(quick),
      call_(call, stop_),
      first_(registry, descriptor_, call_, begin_, begin_ + head()) {}

ParallelBlob::~ParallelBlob() {
  stop_.trigger();
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

Result<size_t> ParallelBlob::read(MutableBytes into) {
  if (into.empty()) return size_t{0};
  if (alone_) return read_first(into);
  std::unique_lock lock(mutex_);
  while (true) {
    if (reading_ == pieces()) return size_t{0};
    const auto piece = ready_.find(reading_);
    if (piece != ready_.end()) {
      const size_t size = std::min(into.size(), piece->second.size() - used_);
      std::memcpy(into.data(), piece->second.data() + used_, size);
      used_ += size;
      if (used_ == piece->second.size()) {
        ready_.erase(piece);
        used_ = 0;
        ++reading_;
        changed_.notify_all();
      }
      return size;
    }
    if (failure_) return std::exchange(*failure_, Error(Status::internal, "a blob was read again after it had failed"));
    constexpr std::chrono::milliseconds kLookUp{20};
    changed_.wait_for(lock, kLookUp);
    MSB_CHECK(call_.check());
  }
}

/// The head, and all of the blob where one connection will do.
Result<size_t> ParallelBlob::read_first(MutableBytes into) {
  const auto begin = Call::Clock::now();
  MSB_TRY(const size_t size, first_.read(into));
  if (passed_ != 0) waited_ += Call::Clock::now() - begin;  // the first bytes take as long for anybody
  passed_ += size;
  if (size != 0 || passed_ != head() || passed_ == length()) return size;
  if (first_.knows_ranges() && waited_ >= quick_) start();
  alone_ = threads_.empty();
  if (alone_) first_.extend(descriptor_.size);
  return read(into);
}

void ParallelBlob::start() {
  const uint64_t count = std::min<uint64_t>(kConnections, pieces() - kHead);
  for (uint64_t i = 0; i < count; ++i) {
    try {
      threads_.emplace_back([this] { fetch_pieces(); });
    } catch (const std::system_error&) {
      break;  // the machine has no more threads
    }
  }
}

void ParallelBlob::fetch_pieces() {
  std::unique_lock lock(mutex_);
  while (!failure_) {
    if (next_ == pieces() || call_.stopped()) return;
    if (next_ > reading_ + kConnections) {
      constexpr std::chrono::milliseconds kLookUp{20};
      changed_.wait_for(lock, kLookUp);
      continue;
    }
    const uint64_t number = next_++;
    lock.unlock();
    Piece piece;
    Done done = os::catching([&]() -> Done {
      MSB_TRY(piece, fetch(number));
      return {};
    });
    lock.lock();
    if (done) ready_.emplace(number, std::move(piece));
    if (!done && !failure_) failure_ = std::move(done).error();
    changed_.notify_all();
  }
}

Result<ParallelBlob::Piece> ParallelBlob::fetch(uint64_t number) {
  const uint64_t begin = begin_ + number * piece_;
  const uint64_t end = std::min(begin + piece_, descriptor_.size);
  BlobStream stream(registry_, descriptor_, call_, begin, end);
  Piece piece(static_cast<size_t>(end - begin));
  MSB_TRY(const size_t size, read_full(stream, piece));
  if (size != piece.size()) return Error(Status::internal, "a piece of a blob is cut short");
  // To its end, so that the connection can take the next one.
  std::byte more;
  MSB_TRY(const size_t after, stream.read({&more, 1}));
  static_cast<void>(after);
  return piece;
}

}  // namespace msb::registry
