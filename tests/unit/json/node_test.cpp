#include "json/node.h"

#include <string>

#include <gtest/gtest.h>

#include "json/parse.h"

namespace msb::json {
namespace {

class NodeTest : public ::testing::Test {
 protected:
  const Value document_ = *parse(R"({"config":{"env":["A=1","B=2",3],"user":null,"size":5,"real":5.0},"ok":true,
                                     "labels":{"b":"1","a":"2"},"minus":-3})");
  const Node root_{document_, Status::image_invalid};
};

std::string message_of(const auto& result) { return result ? "ok" : result.error().message(); }

TEST_F(NodeTest, ReadsTypes) {
  EXPECT_EQ(*root_.member("ok")->boolean(), true);
  EXPECT_EQ(*root_.member("minus")->i64(), -3);
  const Node config = *root_.member("config");
  EXPECT_EQ(*config.member("size")->u64(), 5U);
  EXPECT_EQ(*(*config.member("env")->elements())[1].string(), "B=2");
  const auto labels = root_.member("labels")->string_map();
  ASSERT_TRUE(labels);
  EXPECT_EQ(*labels, (std::vector<std::pair<std::string, std::string>>{{"b", "1"}, {"a", "2"}}));
}

TEST_F(NodeTest, FailuresNameTheMember) {
  const Node config = *root_.member("config");
  const auto env = config.member("env")->strings();
  EXPECT_EQ(message_of(env), "invalid image: config.env[2] is not a string");
  EXPECT_EQ(*env.error().fact("member"), "config.env[2]");
  EXPECT_EQ(env.error().status(), Status::image_invalid);
  EXPECT_EQ(message_of(config.member("cmd")), "invalid image: config.cmd is missing");
  EXPECT_EQ(message_of(config.member("env")->member("x")), "invalid image: config.env is not an object");
  EXPECT_EQ(message_of(config.elements()), "invalid image: config is not an array");
  EXPECT_EQ(message_of(config.member("real")->u64()), "invalid image: config.real is not an unsigned integer");
  EXPECT_EQ(message_of(root_.member("minus")->u64()), "invalid image: minus is not an unsigned integer");
  EXPECT_EQ(message_of(config.member("size")->u64(4)), "invalid image: config.size is larger than 4");
  EXPECT_EQ(message_of(root_.i64()), "invalid image: the document is not an integer");
  EXPECT_EQ(message_of(root_.member("config")->boolean()), "invalid image: config is not a boolean");
}

TEST_F(NodeTest, OptionalIsNothingForAbsentAndNull) {
  const Node config = *root_.member("config");
  EXPECT_FALSE(*config.optional("cmd"));
  EXPECT_FALSE(*config.optional("user"));
  EXPECT_TRUE(config.member("user")->is_null());
  EXPECT_EQ(*(*config.optional("size"))->u64(), 5U);
  EXPECT_FALSE(config.member("size")->optional("x"));
}

TEST_F(NodeTest, OnlyRefusesOtherMembers) {
  EXPECT_TRUE(root_.only({"config", "ok", "labels", "minus", "more"}));
  EXPECT_EQ(message_of(root_.only({"config", "ok", "minus"})), "invalid image: labels is not known");
  EXPECT_EQ(message_of(root_.member("config")->only({"env", "user", "size"})),
            "invalid image: config.real is not known");
}

}  // namespace
}  // namespace msb::json
