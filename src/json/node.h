#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "json/value.h"

namespace msb::json {

/// A value and its place in its document, for readers of documents: what is missing or of the wrong type becomes a
/// failure that names the member (`config.env[2] is not a string`, fact `member`) and has the kind the reader chose.
/// Borrows the value; so does everything that comes out as a view.
class Node {
 public:
  explicit Node(const Value& value, Status status = Status::json, std::string path = {})
      : value_(&value), status_(status), path_(std::move(path)) {}

  const Value& value() const { return *value_; }
  /// Empty for the document itself.
  const std::string& path() const { return path_; }
  bool is_null() const { return value_->is_null(); }

  /// A member that must be there (it may be null).
  Result<Node> member(std::string_view name) const;
  /// Nothing when the member is absent or null.
  Result<std::optional<Node>> optional(std::string_view name) const;
  Result<std::vector<Node>> elements() const;
  /// Names and values, in document order.
  Result<std::vector<std::pair<std::string_view, Node>>> members() const;
  /// Fails on a member of any other name.
  Done only(std::initializer_list<std::string_view> names) const;

  Result<bool> boolean() const;
  /// An integer from 0 to `max`, written as one: 5.0 and -0 are none.
  Result<uint64_t> u64(uint64_t max = std::numeric_limits<uint64_t>::max()) const;
  Result<int64_t> i64() const;
  Result<std::string_view> string() const;
  Result<std::vector<std::string>> strings() const;
  /// An object whose values are all strings.
  Result<std::vector<std::pair<std::string, std::string>>> string_map() const;

  /// A failure about this place: `<path> <what>`, with the fact `member`.
  Error fault(std::string_view what) const;

 private:
  Result<const Object*> object() const;
  Node child(const Member& member) const;

  const Value* value_;
  Status status_;
  std::string path_;
};

}  // namespace msb::json
