#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "microsandbox.h"

namespace msbctl {

/// One line on a terminal that says how far a call is: phase, item, bar, bytes, rate and time left. It appears once the
/// work has taken a moment, so that what is quick does not flicker.
class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  /// Notes an event and returns the line to show for it, at most `columns` wide; empty while nothing should be shown.
  std::string update(const msb_progress& event, Clock::time_point now, size_t columns);

 private:
  struct Part {
    uint64_t done = 0;
    uint64_t total = 0;
    bool total_known = false;
  };
  /// Phases come and go, as several items are worked on at once.
  struct Stage {
    Clock::time_point start{};
    uint64_t first = 0;       // bytes that were done when the phase was first heard of
    std::vector<Part> parts;  // by item
    uint32_t count = 0;
  };
  Stage& note(const msb_progress& event, Clock::time_point now);
  std::string render(const msb_progress& event, const Stage& stage, Clock::time_point now, size_t columns) const;

  bool downloading() const;

  Clock::time_point start_{};
  std::string line_;
  std::map<uint32_t, Stage> stages_;  // by phase
};

}  // namespace msbctl
