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
constexpr size_t kMostBars = 10;          // more are more than a moment's reading
constexpr uint32_t kMostParts = 100'000;  // beyond it items are not told apart

std::string in_column(const std::string& text) {
  return text + std::string(text.size() < kPhaseWidth ? kPhaseWidth - text.size() : 1, ' ');
}

std::string title(const char* phase) {
  std::string text = phase;
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return in_column(text);
}

double fraction_of(uint64_t done, uint64_t total) {
  return total == 0 ? 1.0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
}

std::string bar(double fraction) {
  static constexpr std::array<const char*, 8> kPartial{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto eighths = static_cast<size_t>(std::clamp(fraction, 0.0, 1.0) * kBarWidth * 8);
  std::string text;
  for (size_t i = 0; i < eighths / 8; ++i) text += "█";
  text += kPartial[eighths % 8];
  const size_t used = columns_of(text);
  const std::string percent = std::to_string(static_cast<int>(fraction * 100));
  return text + std::string(kBarWidth - used, ' ') + std::string(4 - percent.size(), ' ') + percent + "%  ";
}

std::string trimmed(std::string line) {
  while (line.ends_with(' ')) line.pop_back();
  return line;
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
  stage.parts[index] = {event.done, event.total, event.total_known, event.item == nullptr ? "" : event.item};
  return stage;
}

std::string Progress::update(const msb_progress& event, Clock::time_point now, size_t columns, size_t rows) {
  const Stage& stage = note(event, now);
  if (event.phase == MSB_PHASE_COMPLETE || now - start_ < kQuick) return {};
  // Layers that are written while others still come do not take the bars away.
  if (event.phase == MSB_PHASE_WRITING && downloading()) return lines_;
  const bool parts = event.phase == MSB_PHASE_DOWNLOADING && event.count > 1 && rows > 2;
  lines_ = parts ? render_parts(stage, columns, rows - 1) : std::string();
  lines_ += render(event, stage, now, columns, parts);
  return lines_;
}

std::string Progress::milestone(const msb_progress& event) {
  note(event, {});
  const auto stage = stages_.find(MSB_PHASE_DOWNLOADING);
  if (event.phase != MSB_PHASE_WRITING || stage == stages_.end()) return {};
  const auto& parts = stage->second.parts;
  if (event.index >= parts.size()) return {};
  return "layer " + std::to_string(event.index + 1) + " of " + std::to_string(event.count) + ", " +
         human_size(parts[event.index].total);
}

bool Progress::downloading() const {
  const auto stage = stages_.find(MSB_PHASE_DOWNLOADING);
  if (stage == stages_.end()) return false;
  return std::ranges::any_of(stage->second.parts, [](const Part& part) { return part.done < part.total; });
}

/// A line for each layer; where they are too many, for the first of those that are not here yet.
std::string Progress::render_parts(const Stage& stage, size_t columns, size_t rows) {
  const size_t most = std::min(rows, kMostBars);
  const bool all = stage.parts.size() <= most;
  size_t shown = 0;
  std::string lines;
  for (const Part& part : stage.parts) {
    if (shown == most || (!all && part.total_known && part.done >= part.total)) continue;
    ++shown;
    std::string name = printable(shortened(part.item.c_str()));
    if (const size_t colon = name.find(':'); colon != std::string::npos) name.erase(0, colon + 1);
    std::string line = in_column(name);
    if (part.total_known) line += bar(fraction_of(part.done, part.total));
    line += human_size(part.done) + (part.total_known ? " / " + human_size(part.total) : "");
    lines += cut(line, columns) + '\n';
  }
  return lines;
}

std::string Progress::render(const msb_progress& event, const Stage& stage, Clock::time_point now, size_t columns,
                             bool parts) const {
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
    line += bar(fraction_of(done, total));
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
  if (parts) return cut(trimmed(std::move(line)), columns);  // which have lines of their own
  if (event.count > 1) line += std::to_string(event.index + 1) + " of " + std::to_string(event.count) + "  ";
  if (event.item != nullptr) line += printable(shortened(event.item));
  return cut(trimmed(std::move(line)), columns);
}

}  // namespace msbctl
