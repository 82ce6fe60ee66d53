#pragma once

#include <cstdint>
#include <mutex>

#include "base/result.h"

namespace msb::os {

// What a child that was made by fork(2) may still do with what its parent had. A child has the memory of its parent,
// but one thread only, none of the POSIX locks, and a share in every open file and in its flock.

/// Which process this is among those that came from one another by fork(): it grows in each child. Never 0.
uint64_t process_generation();

/// Fails in a process that was made by fork() while another thread was within a Section: what that thread had in its
/// hands will never be whole here. Its children inherit that.
/// @retval Status::unsupported  nothing can be done in this process, or any that comes from it without exec
Done check_process();

/// Guards what must be whole in a child: fork() takes it, and gives it back on both sides. Held for moments, and
/// nothing is waited for meanwhile but by a condition variable, which a child has to make anew.
std::mutex& fork_mutex();

/// While one lives its thread is within what no fork may cut in half. fork() waits for those that are, for about a
/// second, and then goes on all the same. Nests.
class Section {
 public:
  Section();
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;
  ~Section();
};

/// The opposite: within it, a thread that is in sections waits or calls back, and a fork may pass.
class Outside {
 public:
  Outside();
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;
  ~Outside();

 private:
  unsigned depth_;
};

/// The process in which something was made.
class Birthplace {
 public:
  /// False in a child, for what the parent has made.
  bool is_here() const { return generation_ == process_generation(); }

 private:
  uint64_t generation_ = process_generation();
};

}  // namespace msb::os
