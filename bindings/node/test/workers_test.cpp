// The threads of the addon, apart from Node: what has none of its types can run under the thread sanitizer.
#include "../native/workers.h"

#include <atomic>
#include <future>
#include <vector>

#include <gtest/gtest.h>

namespace msb_node {
namespace {

TEST(Workers, AllThatWaitRunAtOnce) {
  Workers workers(64);
  std::promise<void> last;
  const std::shared_future<void> all(last.get_future());
  std::atomic<int> running = 0;
  constexpr int kTasks = 32;
  for (int i = 0; i < kTasks; ++i) {
    ASSERT_TRUE(workers.run([&] {
      if (++running == kTasks) last.set_value();
      all.wait();  // with fewer threads this would be for ever
    }));
  }
  all.wait();
  workers.stop();
  EXPECT_EQ(running, kTasks);
}

TEST(Workers, TasksFromManyThreadsAllRun) {
  std::atomic<int> ran = 0;
  Workers workers(64);
  std::vector<std::thread> senders;
  for (int i = 0; i < 4; ++i) {
    senders.emplace_back([&] {
      for (int task = 0; task < 250; ++task) workers.run([&] { ++ran; });
    });
  }
  for (std::thread& sender : senders) sender.join();
  while (ran < 1000) std::this_thread::yield();
}

TEST(Workers, StopWaitsForWhatRunsAndTakesNoMore) {
  Workers workers(64);
  std::promise<void> begun;
  std::atomic<bool> ended = false;
  workers.run([&] {
    begun.set_value();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ended = true;
  });
  begun.get_future().wait();
  workers.stop();
  EXPECT_TRUE(ended);
  EXPECT_FALSE(workers.run([] {}));
  workers.stop();
}

}  // namespace
}  // namespace msb_node
