#include "runtime/guest_message.h"

#include <filesystem>
#include <vector>

#include <gtest/gtest.h>

#include "support/fixtures.h"

namespace msb::runtime {
namespace {

std::vector<GuestMessage> read_all(std::string_view bytes, size_t piece) {
  GuestReader reader;
  std::vector<GuestMessage> messages;
  for (size_t at = 0; at < bytes.size(); at += piece) {
    reader.feed(bytes.substr(at, piece), [&](const GuestMessage& message) { messages.push_back(message); });
  }
  return messages;
}

TEST(GuestMessage, ReadsALife) {
  const std::string_view life = "hello\nnote eth0: no\nready\nexit 7 12 18446744073709551615\nclean\n";
  for (const size_t piece : {size_t{1}, size_t{7}, life.size()}) {
    const auto messages = read_all(life, piece);
    ASSERT_EQ(messages.size(), 5U);
    EXPECT_EQ(messages[0].kind, GuestMessage::Kind::hello);
    EXPECT_EQ(messages[1].text, "eth0: no");
    EXPECT_EQ(messages[3].number, 7);
    EXPECT_EQ(messages[3].out, 12U);
    EXPECT_EQ(messages[3].err, UINT64_MAX);
    EXPECT_EQ(messages[4].kind, GuestMessage::Kind::clean);
  }
}

TEST(GuestMessage, MakesTextPrintable) {
  const auto messages = read_all("fail 127 \x1b[31mred\xff\n", 100);
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].number, 127);
  EXPECT_EQ(messages[0].text, "?[31mred?");
}

TEST(GuestMessage, GoesOnAfterWhatIsTooLong) {
  const auto messages = read_all(std::string(100'000, 'x') + "\nready\n", 4096);
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(messages[0].kind, GuestMessage::Kind::ready);
}

TEST(GuestMessage, DropsEveryReject) {
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(test::tests_path("golden/reject/guest_message"))) {
    EXPECT_TRUE(read_all(test::read_file(file.path()), 64).empty()) << file.path();
    ++files;
  }
  EXPECT_GE(files, 10);
}

}  // namespace
}  // namespace msb::runtime
