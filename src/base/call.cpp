#include "base/call.h"

#include <algorithm>
#include <array>

namespace msb {

std::string_view phase_name(Phase phase) {
  static constexpr auto kNames = std::to_array<std::string_view>(
      {"unknown", "resolving", "resolved", "downloading", "verifying", "materializing", "writing", "merging", "copying",
       "hashing", "packing", "unpacking", "installing", "indexing", "complete"});
  const auto i = static_cast<size_t>(phase);
  return i < kNames.size() ? kNames[i] : kNames[0];
}

Call::Call(const CancelToken* cancel, Clock::time_point deadline, Sink sink, std::chrono::milliseconds interval)
    : cancel_(cancel), deadline_(deadline), sink_(std::move(sink)), interval_(interval) {}

Done Call::check() const {
  if (parent_ != nullptr) MSB_CHECK(parent_->check());
  if (cancel_ != nullptr && cancel_->triggered()) return Error(Status::cancelled, "the caller asked to stop");
  if (deadline_ != Clock::time_point::max() && Clock::now() >= deadline_) {
    return Error(Status::deadline_exceeded, "the time allowed for this call is over");
  }
  return {};
}

void Call::report(const Progress& progress) const {
  if (parent_ != nullptr) return parent_->report(progress);
  if (!sink_) return;
  std::unique_lock lock(mutex_);
  const bool begins = !any_ || last_.phase != progress.phase || last_.item != progress.item;
  any_ = true;
  last_ = progress;
  // A step replaces the step before it, so that what waits is one event for each thing begun and one more.
  constexpr size_t kMaxPending = 1024;
  if (!begins && !pending_.empty() && !pending_.back().begins) {
    pending_.back().progress = progress;
  } else {
    if (pending_.size() >= kMaxPending) pending_.pop_front();
    pending_.push_back({progress, begins});
  }
  if (std::this_thread::get_id() == owner_) flush(lock);
}

void Call::deliver() const {
  if (parent_ != nullptr) return parent_->deliver();
  if (!sink_ || std::this_thread::get_id() != owner_) return;
  std::unique_lock lock(mutex_);
  flush(lock);
}

void Call::flush(std::unique_lock<std::mutex>& lock) const {
  while (!pending_.empty()) {
    const auto now = Clock::now();
    if (pending_.size() == 1 && !pending_.front().begins && now < next_event_) return;
    const Event event = std::move(pending_.front());
    pending_.pop_front();
    next_event_ = now + interval_;
    lock.unlock();
    sink_(event.progress);
    lock.lock();
  }
}

Done Call::pause(std::chrono::milliseconds time) const {
  constexpr std::chrono::milliseconds kStep{10};
  const auto end = Clock::now() + time;
  for (;;) {
    MSB_CHECK(check());
    deliver();
    const auto now = Clock::now();
    if (now >= end) return {};
    std::this_thread::sleep_for(std::min<Clock::duration>(kStep, end - now));
  }
}

}  // namespace msb
