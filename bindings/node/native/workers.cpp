#include "workers.h"

#include <system_error>
#include <utility>

namespace msb_node {

bool Workers::run(std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return false;
  if (idle_ <= waiting_.size() && threads_.size() < most_ && !grow() && threads_.empty()) return false;
  waiting_.push_back(std::move(task));
  wake_.notify_one();
  return true;
}

bool Workers::grow() {
  try {
    threads_.emplace_back([this] { serve(); });
    return true;
  } catch (const std::system_error&) {  // the process may have no more: those there are go on
    return false;
  }
}

void Workers::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    wake_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
    --idle_;
    if (stopped_) return;
    {
      const std::function<void()> task = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      task();
    }
    lock.lock();
  }
}

void Workers::stop() {
  std::deque<std::function<void()>> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(waiting_);
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

}  // namespace msb_node
