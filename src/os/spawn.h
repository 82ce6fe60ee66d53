#pragma once

#include <spawn.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace msb::os {

/// A program to start, by posix_spawn(3), which is safe in programs with threads. Of ours it gets what it is given here
/// and nothing else: descriptors from the first that it was given to the last, the directory `/`, no blocked signals,
/// and every signal as a new program has it.
class Spawn {
 public:
  Spawn();
  Spawn(const Spawn&) = delete;
  Spawn& operator=(const Spawn&) = delete;
  ~Spawn();

  /// What it finds at descriptor `to`. Without holes, from 0 on.
  void open(int to, const std::string& path, int flags);
  void pass(int from, int to);
  /// It leads a session of its own: what happens to our terminal is none of its business.
  void lead_session();
  /// What this process ignores of the signals that ask a program to end, as `nohup` does, stays ignored.
  void keep_ignored_endings();
  /// Every variable is `NAME=VALUE`.
  Result<pid_t> run(const std::string& program, const std::vector<std::string>& arguments,
                    const std::vector<std::string>& environment);

 private:
  void reach(int to) { beyond_ = to >= beyond_ ? to + 1 : beyond_; }

  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
  short flags_ = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  int beyond_ = 0;
};

/// The variables of this process.
std::vector<std::string> whole_environment();
/// Those that a program needs to run at all: where it finds programs, libraries and room, and in which words it speaks.
std::vector<std::string> basic_environment();

}  // namespace msb::os
