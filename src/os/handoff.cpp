#include "os/handoff.h"

#include <algorithm>
#include <cstring>
#include <system_error>
#include <utility>

#include "os/workers.h"

namespace msb::os {

void Handoff::start(std::function<void()> work) {
  try {
    thread_ = std::thread(std::move(work));
  } catch (const std::system_error&) {
    // thread_.joinable() tells.
  }
}

void Handoff::stop() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
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

ReadAhead::ReadAhead(ByteSource& source, const Call& call, size_t buffers, size_t buffer_size)
    : Handoff(call, buffers, buffer_size), source_(&source) {
  start([this] { produce(); });
}

void ReadAhead::produce() {
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopping_ || given_ - taken_ < ring_.size(); });
    if (stopping_) return;
    Buffer& buffer = ring_[given_ % ring_.size()];
    lock.unlock();
    Done done = catching([&] { return fill(buffer); });
    lock.lock();
    if (buffer.filled > 0) ++given_;
    if (!done) failure_ = std::move(done).error();
    ended_ = failure_ || buffer.filled < buffer_size_;
    const bool over = ended_;
    lock.unlock();
    changed_.notify_all();
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
  return {};
}

Result<size_t> ReadAhead::read(MutableBytes into) {
  if (!thread_.joinable()) return source_->read(into);
  if (into.empty()) return size_t{0};
  std::unique_lock lock(mutex_);
  MSB_CHECK(wait(lock, [this] { return given_ != taken_ || ended_; }));
  if (given_ == taken_) {
    if (!failure_) return size_t{0};
    return std::exchange(*failure_, Error(Status::internal, "a source was read again after it had failed"));
  }
  const Buffer& buffer = ring_[taken_ % ring_.size()];
  lock.unlock();  // the producer does not touch a filled buffer
  const size_t n = std::min(into.size(), buffer.filled - used_);
  std::memcpy(into.data(), buffer.bytes.get() + used_, n);
  used_ += n;
  if (used_ == buffer.filled) {
    used_ = 0;
    lock.lock();
    ++taken_;
    lock.unlock();
    changed_.notify_all();
  }
  return n;
}

WriteBehind::WriteBehind(ByteSink& sink, const Call& call, size_t buffers, size_t buffer_size)
    : Handoff(call, buffers, buffer_size), sink_(&sink) {
  start([this] { consume(); });
}

void WriteBehind::consume() {
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return stopping_ || given_ > taken_; });
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
    changed_.notify_all();
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
