#include "os/handoff.h"

#include <algorithm>
#include <cstring>
#include <system_error>
#include <utility>

#include "os/workers.h"

namespace msb::os {

std::thread Handoff::start(std::function<void()> work) {
  try {
    return std::thread(std::move(work));
  } catch (const std::system_error&) {
    return {};
  }
}

void Handoff::stop() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  called_.notify_all();
  thread_.join();
}

Done Handoff::wait(std::unique_lock<std::mutex>& lock, const std::function<bool()>& ready) const {
  while (!ready()) {
    constexpr std::chrono::milliseconds kLookUp{20};
    changed_.wait_for(lock, kLookUp);
    lock.unlock();
    MSB_CHECK(call_->check());
    call_->deliver();
    lock.lock();
  }
  return {};
}

ReadAhead::ReadAhead(ByteSource& source, const Call& call, Witness witness, size_t buffers, size_t buffer_size)
    : Handoff(call, buffers, buffer_size), source_(&source), witness_(std::move(witness)) {
  if (witness_ != nullptr) watcher_ = start([this] { watch(); });
  watched_ = watcher_.joinable();
  thread_ = start([this] { produce(); });
  if (!thread_.joinable()) stop_watching();
}

ReadAhead::~ReadAhead() {
  stop();
  stop_watching();
}

void ReadAhead::stop_watching() {
  if (!watcher_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  shown_.notify_all();
  watcher_.join();
}

// Waking a thread costs as much as a good part of what it then does with one buffer. So whoever has run out of buffers
// is left asleep until there is work for half of them.

void ReadAhead::produce() {
  for (;;) {
    std::unique_lock lock(mutex_);
    if (in_use() == ring_.size()) {
      called_.wait(lock, [this] { return stopping_ || failure_ || in_use() <= ring_.size() / 2; });
    }
    if (stopping_ || failure_) return;
    Buffer& buffer = ring_[given_ % ring_.size()];
    lock.unlock();
    Done done = catching([&] { return fill(buffer); });
    lock.lock();
    if (buffer.filled > 0) ++given_;
    const bool over = !done || buffer.filled < buffer_size_;
    ended_ = over;
    if (!done && !failure_) failure_ = std::move(done).error();
    const bool to_read = over || given_ - taken_ > ring_.size() / 2;
    const bool to_show = over || given_ - seen_ > ring_.size() / 2;
    lock.unlock();
    if (to_read) changed_.notify_all();
    if (to_show && watched_) shown_.notify_all();
    if (over) return;
  }
}

Done ReadAhead::fill(Buffer& buffer) {
  buffer.filled = 0;
  if (!buffer.bytes) buffer.bytes = std::make_unique_for_overwrite<std::byte[]>(buffer_size_);
  while (buffer.filled < buffer_size_) {
    MSB_CHECK(call_->check());
    MSB_TRY(const size_t n, source_->read({buffer.bytes.get() + buffer.filled, buffer_size_ - buffer.filled}));
    if (n == 0) break;
    buffer.filled += n;
  }
  if (witness_ != nullptr && !watched_) MSB_CHECK(witness_({buffer.bytes.get(), buffer.filled}));
  return {};
}

void ReadAhead::watch() {
  for (;;) {
    std::unique_lock lock(mutex_);
    shown_.wait(lock, [this] { return stopping_ || seen_ != given_; });
    if (stopping_) return;
    const Buffer& buffer = ring_[seen_ % ring_.size()];
    lock.unlock();  // nobody fills a buffer that has not been seen
    Done done = catching([&] { return witness_({buffer.bytes.get(), buffer.filled}); });
    lock.lock();
    ++seen_;
    const bool over = !done;
    if (over && !failure_) failure_ = std::move(done).error();
    const bool all = ended_ && seen_ == given_;
    const bool room = in_use() <= ring_.size() / 2;
    lock.unlock();
    if (over || all) changed_.notify_all();
    if (over || room) called_.notify_all();
    if (over) return;
  }
}

Result<Bytes> ReadAhead::left() {
  std::unique_lock lock(mutex_);
  MSB_CHECK(wait(lock, [this] { return given_ != taken_ || failure_ || (ended_ && (!watched_ || seen_ == given_)); }));
  if (given_ != taken_) {
    const Buffer& buffer = ring_[taken_ % ring_.size()];  // which nobody touches until it was taken
    return Bytes(buffer.bytes.get() + used_, buffer.filled - used_);
  }
  if (!failure_) return Bytes();
  return std::exchange(*failure_, Error(Status::internal, "a source was read again after it had failed"));
}

void ReadAhead::pass(size_t size) {
  if (size == 0) return;
  used_ += size;
  bool room = false;
  {
    const std::lock_guard lock(mutex_);
    if (used_ != ring_[taken_ % ring_.size()].filled) return;
    ++taken_;
    room = in_use() <= ring_.size() / 2;
  }
  used_ = 0;
  if (room) called_.notify_all();
}

Result<size_t> ReadAhead::read_here(MutableBytes into) {
  MSB_TRY(const size_t size, source_->read(into));
  if (witness_ != nullptr && size != 0) MSB_CHECK(witness_(into.first(size)));
  return size;
}

Result<size_t> ReadAhead::read(MutableBytes into) {
  if (!thread_.joinable()) return read_here(into);
  if (into.empty()) return size_t{0};
  pass(std::exchange(lent_, 0));
  MSB_TRY(const Bytes have, left());
  const size_t size = std::min(into.size(), have.size());
  if (size == 0) return size;
  std::memcpy(into.data(), have.data(), size);
  pass(size);
  return size;
}

Result<Bytes> ReadAhead::borrow(MutableBytes room) {
  if (!thread_.joinable()) return ByteSource::borrow(room);
  pass(std::exchange(lent_, 0));
  MSB_TRY(const Bytes have, left());
  lent_ = have.size();
  return have;
}

WriteBehind::WriteBehind(ByteSink& sink, const Call& call, size_t buffers, size_t buffer_size)
    : Handoff(call, buffers, buffer_size), sink_(&sink) {
  thread_ = start([this] { consume(); });
}

void WriteBehind::consume() {
  for (;;) {
    std::unique_lock lock(mutex_);
    called_.wait(lock, [this] { return stopping_ || given_ > taken_; });
    if (stopping_) return;
    const Buffer& buffer = ring_[taken_ % ring_.size()];
    lock.unlock();  // nobody fills a buffer that was given
    Done done = catching([&] { return sink_->write({buffer.bytes.get(), buffer.filled}); });
    lock.lock();
    ++taken_;
    if (!done) failure_ = std::move(done).error();
    const bool over = failure_.has_value();
    lock.unlock();
    changed_.notify_all();
    if (over) return;
  }
}

Done WriteBehind::settle(std::unique_lock<std::mutex>& lock, const std::function<bool()>& ready) {
  MSB_CHECK(wait(lock, [&] { return failure_ || ready(); }));
  if (!failure_) return {};
  return std::exchange(*failure_, Error(Status::internal, "a sink was written again after it had failed"));
}

Done WriteBehind::write(Bytes bytes) {
  if (!thread_.joinable()) return sink_->write(bytes);
  while (!bytes.empty()) {
    Buffer& buffer = ring_[given_ % ring_.size()];
    if (!buffer.bytes) buffer.bytes = std::make_unique_for_overwrite<std::byte[]>(buffer_size_);
    const size_t part = std::min(bytes.size(), buffer_size_ - buffer.filled);
    std::memcpy(buffer.bytes.get() + buffer.filled, bytes.data(), part);
    buffer.filled += part;
    bytes = bytes.subspan(part);
    if (buffer.filled == buffer_size_) MSB_CHECK(submit());
  }
  return {};
}

Done WriteBehind::submit() {
  {
    std::unique_lock lock(mutex_);
    ++given_;
    called_.notify_all();
    // The next buffer is filled from its start, once the other side is done with it.
    MSB_CHECK(settle(lock, [this] { return given_ - taken_ < ring_.size(); }));
  }
  ring_[given_ % ring_.size()].filled = 0;
  return {};
}

Done WriteBehind::finish() {
  if (!thread_.joinable()) return {};
  if (ring_[given_ % ring_.size()].filled != 0) MSB_CHECK(submit());
  std::unique_lock lock(mutex_);
  return settle(lock, [this] { return given_ == taken_; });
}

Result<size_t> TeeSource::read(MutableBytes into) {
  MSB_TRY(const size_t n, source_->read(into));
  if (n > 0) MSB_CHECK(witness_(into.first(n)));
  return n;
}

}  // namespace msb::os
