#include "registry/challenge.h"

#include <filesystem>

#include "support/fixtures.h"
#include "support/result.h"

namespace msb::registry {
namespace {

TEST(Challenge, AsDockerHubHasIt) {
  const auto challenges = parse_challenges(
      R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/x:pull")");
  ASSERT_OK(challenges);
  ASSERT_EQ(challenges->size(), 1U);
  const Challenge& bearer = challenges->front();
  EXPECT_EQ(bearer.scheme, "bearer");
  ASSERT_NE(bearer.find("realm"), nullptr);
  EXPECT_EQ(*bearer.find("realm"), "https://auth.docker.io/token");
  EXPECT_EQ(*bearer.find("service"), "registry.docker.io");
  EXPECT_EQ(*bearer.find("scope"), "repository:library/x:pull");
  EXPECT_EQ(bearer.find("error"), nullptr);
}

TEST(Challenge, SeveralInOneHeader) {
  const auto challenges = parse_challenges(R"(Negotiate, BASIC Realm = "a \"b\" c", bearer realm=x , service="y,z")");
  ASSERT_OK(challenges);
  ASSERT_EQ(challenges->size(), 3U);
  EXPECT_EQ((*challenges)[0].scheme, "negotiate");
  EXPECT_EQ((*challenges)[1].scheme, "basic");
  EXPECT_EQ(*(*challenges)[1].find("realm"), R"(a "b" c)");
  EXPECT_EQ(*(*challenges)[2].find("realm"), "x");
  EXPECT_EQ(*(*challenges)[2].find("service"), "y,z");
}

TEST(Challenge, Rejects) {
  size_t count = 0;
  for (const auto& file : std::filesystem::directory_iterator(MSB_TESTS_DIR "/golden/reject/challenge")) {
    EXPECT_STATUS(Status::http, parse_challenges(test::read_file(file.path()))) << file.path();
    ++count;
  }
  EXPECT_GE(count, 5U);
  EXPECT_STATUS(Status::http, parse_challenges(std::string(10'000, 'a')));
}

}  // namespace
}  // namespace msb::registry
