// What the kernel shows of an image is what umoci unpacks of it. Needs root.
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "image/query.h"
#include "image/save.h"
#include "support/image_home.h"
#include "support/mount.h"
#include "support/tree_dump.h"

namespace msb::image {
namespace {

using test::ImageHome;

class ImageKernelTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = test::reason_not_to_mount()) GTEST_SKIP() << *reason;
    if (std::system("command -v umoci >/dev/null && command -v busybox >/dev/null") != 0) {
      GTEST_SKIP() << "umoci and busybox are not installed";
    }
  }

  /// Merged image of a reference as a guest mounts it.
  static std::vector<std::string> mounted(const ImageHome& home, const std::string& reference) {
    const auto detail = image::inspect(home.context(), reference, home.call());
    EXPECT_OK(detail);
    std::vector<std::string> layers;
    for (const auto& layer : detail->layers) {
      layers.push_back(home.paths().layer(Digest::parse(layer.diff_id)->safe_name()));
    }
    const std::string name = Digest::parse(*detail->image.manifest_digest)->safe_name();
    const test::ErofsMount mount(home.paths().fsmeta(name), layers);
    EXPECT_TRUE(mount) << mount.error();
    return test::dump_directory(mount.path());
  }

  static void expect_same(const std::vector<std::string>& actual, const std::vector<std::string>& expected) {
    ASSERT_GT(expected.size(), 10U);
    std::vector<std::string> missing;
    std::vector<std::string> extra;
    std::set_difference(expected.begin(), expected.end(), actual.begin(), actual.end(), std::back_inserter(missing));
    std::set_difference(actual.begin(), actual.end(), expected.begin(), expected.end(), std::back_inserter(extra));
    for (const std::string& line : missing) ADD_FAILURE() << "expected: " << line;
    for (const std::string& line : extra) ADD_FAILURE() << "shown:    " << line;
  }
};

TEST_F(ImageKernelTest, ShowsWhatUmociUnpacks) {
  // On a disk: umoci sets attributes that memory file systems do not keep.
  const test::TempDir made(std::filesystem::path("/var/tmp"));
  const std::string script = test::tests_path("unit/image/make_layered_image.sh");
  const std::string command =
      "sh '" + script + "' \"$(command -v busybox)\" '" + made.path().string() + "' >'" + (made / "log") + "' 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0) << test::read_file(made / "log");

  ImageHome home;
  ASSERT_OK(home.load(made / "image.tar", {"app:1"}));
  const auto expected = test::dump_directory(made / "rootfs");
  expect_same(mounted(home, "app:1"), expected);

  // And once more after it has been away: everything is in what is saved.
  SaveRequest request;
  request.references = {"app:1"};
  request.path = home.path("saved.tar");
  ASSERT_OK(image::save(home.context(), request, home.call()));
  ImageHome other;
  ASSERT_OK(other.load(request.path));
  expect_same(mounted(other, "app:1"), expected);
}

}  // namespace
}  // namespace msb::image
