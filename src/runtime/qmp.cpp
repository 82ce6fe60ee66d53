#include "runtime/qmp.h"

#include <optional>

#include "json/parse.h"
#include "json/value.h"

namespace msb::runtime {
namespace {

constexpr size_t kMaxLine = 65536;

bool is_text(const json::Value* value, std::string_view text) {
  return value != nullptr && value->string() != nullptr && *value->string() == text;
}

std::optional<QmpNews> news_of(std::string_view line) {
  const auto document = json::parse(line);
  if (!document) return std::nullopt;
  if (document->find("QMP") != nullptr) return QmpNews::greeting;
  const json::Value* event = document->find("event");
  if (is_text(event, "STOP")) return QmpNews::stopped;
  if (is_text(event, "RESUME")) return QmpNews::resumed;
  const json::Value* data = document->find("data");
  if (!is_text(event, "BLOCK_IO_ERROR") || data == nullptr || !is_text(data->find("action"), "stop")) {
    return std::nullopt;
  }
  const json::Value* no_space = data->find("nospace");
  return no_space != nullptr && no_space->boolean().value_or(false) ? std::optional(QmpNews::no_space) : std::nullopt;
}

}  // namespace

void QmpReader::feed(std::string_view bytes, const std::function<void(QmpNews)>& each) {
  for (const char c : bytes) {
    if (c != '\n') {
      too_long_ = too_long_ || line_.size() == kMaxLine;
      if (!too_long_) line_.push_back(c);
      continue;
    }
    const auto news = too_long_ ? std::nullopt : news_of(line_);
    line_.clear();
    too_long_ = false;
    if (news) each(*news);
  }
}

}  // namespace msb::runtime
