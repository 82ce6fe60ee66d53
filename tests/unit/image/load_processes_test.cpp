// Several processes that load the same images into one home.
#include <unistd.h>

#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "image/query.h"
#include "support/compress.h"
#include "support/image_archive.h"
#include "support/image_home.h"
#include "support/streams.h"

namespace msb::image {
namespace {

using test::ImageHome;

TEST(LoadProcessesTest, AllSucceedAndNothingIsMissing) {
  const std::string shared = test::small_layer("shared", test::noise(2'000'000));
  std::vector<std::string> archives;
  const ImageHome home;
  for (int i = 0; i < 3; ++i) {
    const std::string own = test::small_layer("own", test::noise(300'000, static_cast<uint32_t>(i) + 2));
    const std::string tag = "app:" + std::to_string(i);
    archives.push_back(home.archive(test::docker_archive(tag, {shared, own}), tag));
  }
  std::vector<pid_t> children;
  for (size_t i = 0; i < 6; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const ImageHome same(home);
      const auto rows = same.load(archives[i % archives.size()]);
      if (!rows) std::fprintf(stderr, "%s\n", rows.error().message().c_str());
      ::_exit(rows ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  const ImageHome alone;
  for (const std::string& archive : archives) ASSERT_OK(alone.load(archive));
  EXPECT_EQ(home.files(), alone.files());
  EXPECT_EQ(image::list(home.context(), home.call())->size(), 3U);
}

/// A process that fails takes nothing away from another one that has come to need the same layer.
TEST(LoadProcessesTest, AFailureDoesNotTouchWhatOthersNeed) {
  const std::string shared = test::small_layer("shared", test::noise(2'000'000));
  const std::string wrong = test::small_layer("wrong", test::noise(1'000'000, 3));
  const ImageHome home;
  const std::string good = home.archive(test::docker_archive("good:1", {shared}), "good");
  test::OciLayout layout;
  layout.index({layout.image({shared, wrong}, {shared, shared + wrong}, layout.named("bad:1"))});
  const std::string bad = home.archive(layout.tar(), "bad");
  for (int round = 0; round < 5; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const ImageHome same(home);
      ::_exit(same.load(bad).ok() ? 1 : 0);
    }
    const ImageHome same(home);
    EXPECT_OK(same.load(good));
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_OK(image::get(home.context(), "good:1", home.call()));
    EXPECT_TRUE(std::filesystem::exists(home.paths().layer("sha256_" + test::hex_of(shared))));
  }
}

}  // namespace
}  // namespace msb::image
