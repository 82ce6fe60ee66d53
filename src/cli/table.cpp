#include "cli/table.h"

#include <algorithm>
#include <utility>

#include "cli/text.h"

namespace msbctl {
namespace {

constexpr size_t kGap = 4;
constexpr size_t kKeyWidth = 16;
constexpr size_t kInnerKeyWidth = 14;

std::string padded(std::string text, size_t width) {
  const size_t columns = columns_of(text);
  // A key that fills its column still stands apart from its value.
  return std::move(text) + std::string(columns < width ? width - columns : 1, ' ');
}

}  // namespace

void Table::add(std::vector<std::string> cells) {
  for (std::string& cell : cells) cell = cell.empty() ? "-" : printable(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text(bool colour) const {
  if (rows_.empty()) return {};
  std::vector<size_t> widths;
  for (size_t i = 0; i < headings_.size(); ++i) {
    widths.push_back(columns_of(headings_[i]));
    for (const auto& row : rows_) widths[i] = std::max(widths[i], columns_of(row[i]));
  }
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string result;
    for (size_t i = 0; i < cells.size(); ++i) {
      result += i + 1 == cells.size() ? cells[i] : padded(cells[i], widths[i] + kGap);
    }
    return result;
  };
  std::string result = colour ? "\x1b[1;36m" + line(headings_) + "\x1b[0m\n" : line(headings_) + '\n';
  for (const auto& row : rows_) result += line(row) + '\n';
  return result;
}

void Detail::add(std::string_view key, std::string_view value) {
  text_ += padded(std::string(key) + ':', kKeyWidth) + printable(value) + '\n';
}

void Detail::add_within(std::string_view key, std::string_view value) {
  const std::string label = std::string(key) + ':';
  text_ += "  " + (value.empty() ? label : padded(label, kInnerKeyWidth) + printable(value)) + '\n';
}

void Detail::begin_section(std::string_view title) { text_ += '\n' + std::string(title) + ":\n"; }

void Detail::add_line(size_t indent, std::string_view line) {
  text_ += std::string(indent, ' ') + printable(line) + '\n';
}

}  // namespace msbctl
