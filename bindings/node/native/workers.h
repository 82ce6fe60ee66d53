#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace msb_node {

/// Threads for calls that wait. They are ours and not those of libuv, of which there are four for all of `fs` and
/// `dns`: as many long copies would stall every other file operation of the process. One more is started whenever all
/// are busy.
class Workers {
 public:
  explicit Workers(std::size_t most) : most_(most) {}
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  ~Workers() { stop(); }

  /// Runs `task` on one of the threads, tasks in the order they came. False when no thread can be had, or after stop().
  bool run(std::function<void()> task);

  /// Waits for the tasks that run, drops those that wait, and ends the threads.
  void stop();

 private:
  void serve();
  bool grow();

  const std::size_t most_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  bool stopped_ = false;
};

}  // namespace msb_node
