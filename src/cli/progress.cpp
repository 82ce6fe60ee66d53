#include "cli/progress.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "cli/items.h"
#include "cli/text.h"

namespace msbctl {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;

constexpr milliseconds kQuick{300};  // what is done by then is not shown
constexpr double kRateNeeds = 0.5;   // seconds until a rate means something
constexpr size_t kBarWidth = 10;     // leaves 80 columns for the longest sizes
constexpr size_t kPhaseWidth = 14;
constexpr uint32_t kMostParts = 100'000;  // beyond it items are not told apart

std::string title(const char* phase) {
  std::string text = phase;
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text + std::string(text.size() < kPhaseWidth ? kPhaseWidth - text.size() : 1, ' ');
}

std::string bar(double fraction) {
  static constexpr std::array<const char*, 8> kPartial{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto eighths = static_cast<size_t>(std::clamp(fraction, 0.0, 1.0) * kBarWidth * 8);
  std::string text;
  for (size_t i = 0; i < eighths / 8; ++i) text += "█";
  text += kPartial[eighths % 8];
  const size_t used = columns_of(text);
  return text + std::string(kBarWidth - used, ' ');
}

}  // namespace

Progress::Stage& Progress::note(const msb_progress& event, Clock::time_point now) {
  if (stages_.empty()) start_ = now;
  const auto [place, fresh] = stages_.try_emplace(event.phase);
  Stage& stage = place->second;
  if (fresh) {
    stage.start = now;
    stage.first = event.done;
  }
  stage.count = event.count;
  const size_t index = event.index < kMostParts ? event.index : 0;
  if (stage.parts.size() <= index) stage.parts.resize(index + 1);
  stage.parts[index] = {event.done, event.total, event.total_known};
  return stage;
}

std::string Progress::update(const msb_progress& event, Clock::time_point now, size_t columns) {
  const Stage& stage = note(event, now);
  if (event.phase == MSB_PHASE_COMPLETE || now - start_ < kQuick) return {};
  // Layers that are written while others still come do not take the bar away.
  if (event.phase == MSB_PHASE_WRITING && downloading()) return line_;
  line_ = render(event, stage, now, columns);
  return line_;
}

bool Progress::downloading() const {
  const auto stage = stages_.find(MSB_PHASE_DOWNLOADING);
  if (stage == stages_.end()) return false;
  return std::ranges::any_of(stage->second.parts, [](const Part& part) { return part.done < part.total; });
}

std::string Progress::render(const msb_progress& event, const Stage& stage, Clock::time_point now,
                             size_t columns) const {
  uint64_t done = 0;
  uint64_t total = 0;
  bool known = stage.count <= stage.parts.size() || stage.count <= 1;
  for (const Part& part : stage.parts) {
    done += part.done;
    total += part.total;
    known = known && part.total_known;
  }
  const bool items = event.phase == MSB_PHASE_INDEXING;
  const auto amount = [&](uint64_t value) { return items ? std::to_string(value) : human_size(value); };

  std::string line = title(msb_progress_phase_name(event.phase));
  if (known && total > 0) {
    const double fraction = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    std::string percent = std::to_string(static_cast<int>(fraction * 100));
    line += bar(fraction) + std::string(4 - percent.size(), ' ') + percent + "%  ";
  }
  if (done > 0) line += amount(done) + (known && total > 0 ? " / " + amount(total) : "") + "  ";
  const double seconds = duration<double>(now - stage.start).count();
  if (seconds >= kRateNeeds && done > stage.first) {
    const double rate = static_cast<double>(done - stage.first) / seconds;
    if (!items) line += human_size(static_cast<uint64_t>(rate)) + "/s  ";
    if (known && total > done) {
      line += clock_time(static_cast<uint64_t>(std::llround(static_cast<double>(total - done) / rate))) + " left  ";
    }
  }
  if (event.count > 1) line += std::to_string(event.index + 1) + " of " + std::to_string(event.count) + "  ";
  if (event.item != nullptr) line += printable(shortened(event.item));
  while (line.ends_with(' ')) line.pop_back();
  return cut(line, columns);
}

}  // namespace msbctl
