#include "index/columns.h"

#include "base/bytes.h"
#include "base/number.h"
#include "json/node.h"
#include "json/parse.h"
#include "json/write.h"

namespace msb::index {

std::optional<UnixNanos> time_column(const Statement& row, int column) {
  const auto text = row.maybe_text(column);
  if (!text) return std::nullopt;
  if (const auto time = parse_time(*text)) return time;
  const auto seconds = parse_number<int64_t>(*text);
  if (!seconds) return std::nullopt;
  UnixNanos nanos = 0;
  if (__builtin_mul_overflow(*seconds, int64_t{1'000'000'000}, &nanos)) return std::nullopt;
  return nanos;
}

std::optional<uint64_t> size_column(const Statement& row, int column) {
  const auto number = row.maybe_integer(column);
  if (!number || *number < 0) return std::nullopt;
  return static_cast<uint64_t>(*number);
}

std::optional<Strings> read_strings(std::string_view text) {
  const auto value = json::parse(text);
  if (!value) return std::nullopt;
  auto strings = json::Node(*value).strings();
  if (!strings) return std::nullopt;
  return std::move(*strings);
}

std::optional<StringMap> read_string_map(std::string_view text) {
  const auto value = json::parse(text);
  if (!value) return std::nullopt;
  auto map = json::Node(*value).string_map();
  if (!map) return std::nullopt;
  return std::move(*map);
}

std::string write_strings(const Strings& strings) {
  return json::write(json::Value(json::Array(strings.begin(), strings.end())));
}

std::string write_string_map(const StringMap& map) {
  json::Object object;
  object.reserve(map.size());
  for (const auto& [name, value] : map) object.push_back({name, json::Value(value)});
  return json::write(json::Value(std::move(object)));
}

}  // namespace msb::index
