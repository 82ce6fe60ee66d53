#include "runtime/qmp.h"

#include <vector>

#include <gtest/gtest.h>

namespace msb::runtime {
namespace {

std::vector<QmpNews> news_in(const std::string& text, size_t piece) {
  QmpReader reader;
  std::vector<QmpNews> all;
  for (size_t at = 0; at < text.size(); at += piece) {
    reader.feed(std::string_view(text).substr(at, piece), [&](QmpNews news) { all.push_back(news); });
  }
  return all;
}

TEST(Qmp, TellsWhatMatters) {
  const std::string said =
      "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n{\"return\": {}}\r\n"
      "{\"event\": \"BLOCK_IO_ERROR\", \"data\": {\"action\": \"report\", \"nospace\": true}}\r\n"
      "{\"event\": \"BLOCK_IO_ERROR\", \"data\": {\"action\": \"stop\", \"nospace\": false}}\r\n"
      "{\"event\": \"BLOCK_IO_ERROR\", \"data\": {\"action\": \"stop\", \"nospace\": true}}\r\n"
      "{\"event\": \"STOP\"}\r\nnone of it\r\n[]\r\n{\"event\": \"RESUME\"}\r\n";
  const std::vector<QmpNews> wanted{QmpNews::greeting, QmpNews::no_space, QmpNews::stopped, QmpNews::resumed};
  EXPECT_EQ(news_in(said, said.size()), wanted);
  EXPECT_EQ(news_in(said, 1), wanted);
}

TEST(Qmp, DropsLinesWithoutEnd) {
  EXPECT_EQ(
      news_in("{\"event\": \"STOP\", \"x\": \"" + std::string(70000, 'x') + "\"}\n{\"event\": \"RESUME\"}\n", 4096),
      std::vector<QmpNews>{QmpNews::resumed});
}

}  // namespace
}  // namespace msb::runtime
