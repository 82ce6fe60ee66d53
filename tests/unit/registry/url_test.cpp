#include "registry/url.h"

#include "support/result.h"

namespace msb::registry {
namespace {

TEST(Url, KnowsItsOriginAndHidesItsQuery) {
  const auto url = Url::parse("HTTPS://Registry.Example/v2/a/blobs/x?sig=secret");
  ASSERT_OK(url);
  EXPECT_EQ(url->origin(), "https://registry.example:443");
  EXPECT_TRUE(url->secure());
  EXPECT_EQ(url->shown().find("secret"), std::string::npos);
  EXPECT_NE(url->text().find("sig=secret"), std::string::npos);
}

TEST(Url, ResolvesWhatALocationSays) {
  const auto base = Url::parse("https://a.example:5000/v2/x/blobs/y");
  ASSERT_OK(base);
  EXPECT_EQ(base->resolve("/v2/z")->text(), "https://a.example:5000/v2/z");
  EXPECT_EQ(base->resolve("z")->text(), "https://a.example:5000/v2/x/blobs/z");
  EXPECT_EQ(base->resolve("//b.example/z")->origin(), "https://b.example:443");
  EXPECT_EQ(base->resolve("http://b.example/z")->origin(), "http://b.example:80");
  EXPECT_NE(base->resolve("https://a.example/")->origin(), base->origin()) << "another port is another origin";
}

TEST(Url, RefusesWhatIsNotMeant) {
  for (const char* text : {"", "ftp://a/b", "file:///etc/passwd", "https://user:pass@a/b", "https://a b/",
                           "https://a/\n", "https://", "a/b", "gopher://a:1/_x"}) {
    EXPECT_STATUS(Status::invalid_argument, Url::parse(text)) << text;
  }
  EXPECT_STATUS(Status::invalid_argument, Url::parse("https://a/b")->resolve("file:///etc/passwd"));
}

}  // namespace
}  // namespace msb::registry
