#include "os/fork.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <new>

namespace msb::os {
namespace {

/// Lives for as long as the process, as a fork may come at any time.
struct State {
  std::mutex mutex;
  alignas(std::condition_variable) std::byte room[sizeof(std::condition_variable)];
  std::condition_variable* changed = new (room) std::condition_variable;
  unsigned within = 0;   // threads within a section
  unsigned forking = 0;  // threads that wait to fork, or fork
  bool whole = false;    // at the moment of the fork
  std::atomic<uint64_t> generation{1};
  std::atomic<pid_t> process{::getpid()};
  std::atomic<bool> torn{false};
};

thread_local unsigned depth = 0;

State& state() {
  static State& made = *[] {
    auto* state = new State;
    const auto prepare = [] {
      State& at = os::state();
      std::unique_lock lock(at.mutex);
      ++at.forking;
      const auto quiet = [&at] { return at.within == 0; };
      // Whoever forks within a section, from a callback, would wait for itself.
      at.whole = depth == 0 && at.changed->wait_for(lock, std::chrono::seconds(1), quiet);
      lock.release();
    };
    const auto in_parent = [] {
      State& at = os::state();
      --at.forking;
      at.mutex.unlock();
      at.changed->notify_all();
    };
    const auto in_child = [] {
      State& at = os::state();
      ++at.generation;
      at.process = ::getpid();
      if (!at.whole) at.torn = true;
      at.within = depth > 0 ? 1 : 0;
      at.forking = 0;
      // The threads that waited for the old one are not here, and its destructor would wait for them.
      at.changed = new (at.room) std::condition_variable;
      at.mutex.unlock();
    };
    ::pthread_atfork(prepare, in_parent, in_child);
    return state;
  }();
  return made;
}

void enter(State& at) {
  std::unique_lock lock(at.mutex);
  at.changed->wait(lock, [&at] { return at.forking == 0; });
  ++at.within;
}

void leave(State& at) {
  bool awaited = false;
  {
    const std::lock_guard lock(at.mutex);
    --at.within;
    awaited = at.forking != 0;
  }
  if (awaited) at.changed->notify_all();
}

}  // namespace

uint64_t process_generation() {
  State& at = state();
  const pid_t self = ::getpid();
  pid_t known = at.process;
  // A child that was made by a system call of its own: nobody knows what its parent was at.
  if (known != self && at.process.compare_exchange_strong(known, self)) {
    at.torn = true;
    ++at.generation;
  }
  return at.generation;
}

Done check_process() {
  process_generation();
  if (!state().torn) return {};
  return Error(Status::unsupported,
               "this process was made by fork() in the middle of a call of another thread; start a program in it "
               "(exec), or fork while no call runs");
}

std::mutex& fork_mutex() { return state().mutex; }

Section::Section() {
  if (depth++ == 0) enter(state());
}

Section::~Section() {
  if (--depth == 0) leave(state());
}

Outside::Outside() : depth_(depth) {
  if (depth_ == 0) return;
  depth = 0;
  leave(state());
}

Outside::~Outside() {
  if (depth_ == 0) return;
  enter(state());
  depth = depth_;
}

}  // namespace msb::os
