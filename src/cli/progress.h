#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "microsandbox.h"

namespace msbctl {

/// What says on a terminal how far a call is: phase, item, bar, bytes, rate and time left in one line, and above it one
/// with a bar for each layer while several come. It appears once the work has taken a moment, so that what is quick
/// does not flicker.
class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  /// Notes an event and returns what to show for it: at most `rows` lines, at most `columns` wide; empty while nothing
  /// should be shown.
  std::string update(const msb_progress& event, Clock::time_point now, size_t columns, size_t rows = 1);
  /// For whoever reads it later: notes an event and returns a layer that has come with it, `layer 2 of 3, 1.5 MiB`;
  /// mostly empty.
  std::string milestone(const msb_progress& event);

 private:
  struct Part {
    uint64_t done = 0;
    uint64_t total = 0;
    bool total_known = false;
    std::string item;
  };
  /// Phases come and go, as several items are worked on at once.
  struct Stage {
    Clock::time_point start{};
    uint64_t first = 0;       // bytes that were done when the phase was first heard of
    std::vector<Part> parts;  // by item
    uint32_t count = 0;
  };
  Stage& note(const msb_progress& event, Clock::time_point now);
  std::string render(const msb_progress& event, const Stage& stage, Clock::time_point now, size_t columns,
                     bool parts) const;
  static std::string render_parts(const Stage& stage, size_t columns, size_t rows);
  bool downloading() const;

  Clock::time_point start_{};
  std::string lines_;
  std::map<uint32_t, Stage> stages_;  // by phase
};

}  // namespace msbctl
