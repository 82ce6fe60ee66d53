#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/result.h"

namespace msb {

/// Set once, from any thread or a signal handler; never cleared.
class CancelToken {
 public:
  void trigger() noexcept { set_.store(true, std::memory_order_relaxed); }
  bool triggered() const noexcept { return set_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> set_{false};
  static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler must be able to set it");
};

/// Values are those of MSB_PHASE_… in the header.
enum class Phase : uint32_t {
  resolving = 1,
  resolved,
  downloading,
  verifying,
  materializing,
  writing,
  merging,
  copying,
  hashing,
  packing,
  unpacking,
  installing,
  indexing,
  complete,
};
/// Static lower-case name; "unknown" for other values.
std::string_view phase_name(Phase phase);

struct Progress {
  Phase phase = Phase::resolving;
  std::string item;    ///< what is worked on (a reference, digest or file name); may be empty
  uint32_t index = 0;  ///< position of the item among `count`
  uint32_t count = 0;
  uint64_t done = 0;  ///< bytes, or items in Phase::indexing
  uint64_t total = 0;
  bool total_known = false;
};

/// Control of one public call: cancellation, deadline and progress. One object per call, shared by reference with the
/// threads that work for it.
class Call {
 public:
  using Clock = std::chrono::steady_clock;
  using Sink = std::function<void(const Progress&)>;

  Call() = default;
  Call(const CancelToken* cancel, Clock::time_point deadline, Sink sink, std::chrono::milliseconds interval);
  /// A part of the work of `parent` that `also` can stop on its own. Reports go to the parent; both outlive it.
  Call(const Call& parent, const CancelToken& also) : parent_(&parent), cancel_(&also) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  /// Fails with `cancelled` or `deadline_exceeded`. Cheap: loops ask at least every 1 MiB of work or 50 ms. Any thread.
  Done check() const;
  bool stopped() const { return !check().ok(); }

  /// Records where the work stands; any thread. Events reach the sink on the thread that made the Call only: from this
  /// function when it is called there, else from the next deliver(). Rate-limited, but never when the phase or the item
  /// changes.
  void report(const Progress& progress) const;
  /// Hands recorded events to the sink. The owner calls it wherever it waits for its workers.
  void deliver() const;

  /// Sleeps for `time` or until stopped, delivering meanwhile. For polling waits (locks, busy databases, children).
  Done pause(std::chrono::milliseconds time) const;

 private:
  void flush(std::unique_lock<std::mutex>& lock) const;

  const Call* parent_ = nullptr;
  const CancelToken* cancel_ = nullptr;
  Clock::time_point deadline_ = Clock::time_point::max();
  Sink sink_;
  std::chrono::milliseconds interval_{50};
  std::thread::id owner_ = std::this_thread::get_id();
  mutable std::mutex mutex_;
  struct Event {
    Progress progress;
    bool begins;  // a phase or an item: always delivered
  };
  mutable std::deque<Event> pending_;
  mutable Progress last_;
  mutable bool any_ = false;
  mutable Clock::time_point next_event_{};
};

}  // namespace msb
