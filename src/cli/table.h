#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace msbctl {

/// Rows under headings: left-aligned, four spaces between columns, the last one not padded. Cells are made printable.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}

  /// As many cells as there are headings.
  void add(std::vector<std::string> cells);
  /// Nothing when there are no rows.
  std::string text(bool colour) const;

 private:
  std::vector<std::string> headings_;
  std::vector<std::vector<std::string>> rows_;
};

/// One object: `Key:` padded to 16 columns, then its value. Values are made printable.
class Detail {
 public:
  void add(std::string_view key, std::string_view value);
  /// A key of the section that was begun last, two spaces in.
  void add_within(std::string_view key, std::string_view value);
  void begin_section(std::string_view title);
  /// A line of its own, indented by `indent` spaces.
  void add_line(size_t indent, std::string_view line);

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace msbctl
