#include "os/workers.h"

#include <sched.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace msb::os {
namespace {

constexpr std::chrono::milliseconds kDeliverEvery{20};

class Crew {
 public:
  Crew(size_t count, const Call& call, const std::function<Done(size_t, const Call&)>& work)
      : count_(count), call_(&call), part_(call, stop_), work_(&work) {}

  void start(size_t threads) {
    for (size_t i = 0; i < threads; ++i) {
      std::lock_guard lock(mutex_);
      try {
        threads_.emplace_back([this] { run(); });
        ++running_;
      } catch (const std::system_error&) {
        break;  // the machine has no more threads: those that run do all the work
      }
    }
    if (threads_.empty()) {
      ++running_;
      run();
    }
  }

  Done wait() {
    std::unique_lock lock(mutex_);
    while (running_ > 0) {
      ended_.wait_for(lock, kDeliverEvery, [this] { return running_ == 0; });
      lock.unlock();
      call_->deliver();
      lock.lock();
    }
    if (!failure_) return {};
    return std::move(*failure_);
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (next_ < count_ && !stop_.triggered()) {
      const size_t i = next_++;
      lock.unlock();
      Done done = part_.check();
      if (done) done = catching([&] { return (*work_)(i, part_); });
      lock.lock();
      if (!done) fail(i, std::move(done).error());
    }
    --running_;
    ended_.notify_one();
  }

  void fail(size_t i, Error error) {
    const bool consequence = error.status() == Status::cancelled;
    const bool better = !failure_ || (consequence == consequence_ ? i < failed_ : consequence_);
    if (better) {
      failure_ = std::move(error);
      failed_ = i;
      consequence_ = consequence;
    }
    stop_.trigger();
  }

  const size_t count_;
  const Call* call_;
  CancelToken stop_;
  const Call part_;
  const std::function<Done(size_t, const Call&)>* work_;

  std::mutex mutex_;
  std::condition_variable ended_;
  size_t next_ = 0;
  size_t running_ = 0;
  std::optional<Error> failure_;
  size_t failed_ = 0;
  bool consequence_ = false;
  std::vector<std::jthread> threads_;  // last: joined before anything they use goes
};

}  // namespace

unsigned processor_count() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return std::max(1U, std::thread::hardware_concurrency());
  return std::max(1U, static_cast<unsigned>(CPU_COUNT(&set)));
}

Done catching(const std::function<Done()>& work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return Error(Status::no_memory, "an allocation failed");
  } catch (const std::exception& e) {
    return Error(Status::internal, std::string("unexpected exception: ") + e.what());
  } catch (...) {
    return Error(Status::internal, "unexpected exception");
  }
}

Done parallel_for_each(size_t count, unsigned threads, const Call& call,
                       const std::function<Done(size_t, const Call&)>& work) {
  if (threads <= 1 || count <= 1) {
    for (size_t i = 0; i < count; ++i) {
      MSB_CHECK(call.check());
      MSB_CHECK(catching([&] { return work(i, call); }));
    }
    return {};
  }
  Crew crew(count, call, work);
  crew.start(std::min<size_t>(threads, count));
  return crew.wait();
}

}  // namespace msb::os
