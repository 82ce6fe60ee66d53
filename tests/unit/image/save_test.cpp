#include "image/save.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

#include "image/query.h"
#include "support/compress.h"
#include "support/image_archive.h"
#include "support/image_home.h"
#include "support/streams.h"
#include "support/unreadable_fs.h"

namespace msb::image {
namespace {

using test::ImageHome;

class SaveTest : public testing::Test {
 protected:
  Result<std::string> save(const std::vector<std::string>& references, Format format, ImageHome* from = nullptr) {
    ImageHome& home = from != nullptr ? *from : home_;
    SaveRequest request;
    request.references = references;
    request.path = home.path("saved.tar");
    request.format = format;
    MSB_CHECK(image::save(home.context(), request, home.call()));
    return request.path;
  }
  /// Manifest digests of what an archive holds, in a home of its own.
  std::vector<std::string> digests_of(const std::string& archive) {
    ImageHome other;
    const auto rows = other.load(archive);
    EXPECT_OK(rows);
    std::vector<std::string> digests;
    if (rows) {
      for (const auto& row : *rows) digests.push_back(row.reference + " " + row.manifest_digest.value_or("none"));
    }
    return digests;
  }
  std::vector<std::string> diff_ids_of(const std::string& archive, const std::string& reference) {
    ImageHome other;
    EXPECT_OK(other.load(archive));
    const auto detail = image::inspect(other.context(), reference, other.call());
    EXPECT_OK(detail);
    std::vector<std::string> ids;
    if (detail) {
      for (const auto& layer : detail->layers) ids.push_back(layer.diff_id);
    }
    return ids;
  }

  const std::string lower_ = test::small_layer("passwd", "root:x:0:0\n");
  const std::string upper_ = test::small_layer("motd", test::noise(100'000));
  ImageHome home_;
};

TEST_F(SaveTest, DockerArchiveOfPlainLayersComesBackWithItsDigest) {
  const auto loaded = home_.load(home_.archive(test::docker_archive("app:1", {lower_, upper_})));
  ASSERT_OK(loaded);
  const auto saved = save({"app:1"}, Format::docker);
  ASSERT_OK(saved);
  EXPECT_EQ(digests_of(*saved), std::vector<std::string>{"app:1 " + *loaded->front().manifest_digest});
}

TEST_F(SaveTest, CompressedLayersKeepTheirDiffIds) {
  test::OciLayout layout;
  layout.index({layout.image({test::gzip(lower_), test::zstd(upper_)}, {lower_, upper_}, layout.named("app:1"))});
  ASSERT_OK(home_.load(home_.archive(layout.tar())));
  const std::vector<std::string> original = {test::sha256_of(lower_), test::sha256_of(upper_)};
  for (const Format format : {Format::docker, Format::oci}) {
    const auto saved = save({"app:1"}, format);
    ASSERT_OK(saved);
    EXPECT_EQ(diff_ids_of(*saved, "app:1"), original);
  }
}

TEST_F(SaveTest, KeptBlobsBringTheOriginalManifestBack) {
  test::OciLayout layout;
  layout.index({layout.image({test::gzip(lower_), upper_}, {lower_, upper_}, layout.named("app:1"))});
  auto request = ImageHome::request(home_.archive(layout.tar()));
  request.keep = Keep::blobs;
  const auto loaded = image::load(home_.context(), request, home_.call());
  ASSERT_OK(loaded);
  const auto saved = save({"app:1"}, Format::oci);
  ASSERT_OK(saved);
  EXPECT_EQ(digests_of(*saved), std::vector<std::string>{"app:1 " + *loaded->front().manifest_digest});
  // A plain tar is not kept twice.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(home_.paths().blobs()), {}), 1);
}

TEST_F(SaveTest, BlobsCanBeKeptWhenTheLayersAreThere) {
  test::OciLayout layout;
  layout.index({layout.image({test::gzip(lower_)}, {lower_}, layout.named("app:1"))});
  auto request = ImageHome::request(home_.archive(layout.tar()));
  const auto loaded = image::load(home_.context(), request, home_.call());
  ASSERT_OK(loaded);
  request.keep = Keep::blobs;
  ASSERT_OK(image::load(home_.context(), request, home_.call()));
  EXPECT_EQ(digests_of(*save({"app:1"}, Format::oci)),
            std::vector<std::string>{"app:1 " + *loaded->front().manifest_digest});
}

TEST_F(SaveTest, SavesTheSameBytesEachTime) {
  ASSERT_OK(home_.load(home_.archive(test::docker_archive("app:1", {lower_, upper_}))));
  for (const Format format : {Format::docker, Format::oci}) {
    const std::string first = test::read_file(*save({"app:1"}, format));
    EXPECT_TRUE(first == test::read_file(*save({"app:1"}, format)));
  }
}

TEST_F(SaveTest, SeveralReferencesShareWhatTheyCan) {
  ASSERT_OK(home_.load(home_.archive(test::docker_archive("app:1", {lower_, upper_})), {"app:latest"}));
  ASSERT_OK(home_.load(home_.archive(test::docker_archive("base:1", {lower_}))));
  for (const Format format : {Format::docker, Format::oci}) {
    const auto saved = save({"app:1", "base:1", "docker.io/library/app:latest"}, format);
    ASSERT_OK(saved);
    EXPECT_LT(std::filesystem::file_size(*saved), upper_.size() + 30'000);
    EXPECT_EQ(digests_of(*saved).size(), 3U);
  }
}

TEST_F(SaveTest, WritesIntoAPipe) {
  ASSERT_OK(home_.load(home_.archive(test::docker_archive("app:1", {upper_}))));
  const std::string expected = test::read_file(*save({"app:1"}, Format::docker));
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  std::string received;
  std::thread reader([&] {
    std::vector<char> buffer(1 << 16);
    for (ssize_t n; (n = ::read(ends[0], buffer.data(), buffer.size())) > 0;) {
      received.append(buffer.data(), static_cast<size_t>(n));
    }
  });
  SaveRequest request;
  request.references = {"app:1"};
  request.fd = ends[1];
  const Done done = image::save(home_.context(), request, home_.call());
  ::close(ends[1]);
  reader.join();
  ::close(ends[0]);
  ASSERT_OK(done);
  EXPECT_TRUE(received == expected);
}

TEST_F(SaveTest, ADamagedLayerIsNamedAndLeavesNoFile) {
  ASSERT_OK(home_.load(home_.archive(test::docker_archive("app:1", {upper_}))));
  const std::string layer = home_.paths().layer("sha256_" + test::hex_of(upper_));
  std::string bytes = test::read_file(layer);
  bytes[bytes.size() - 4096] ^= 1;
  test::write_text(layer, bytes);
  const auto saved = save({"app:1"}, Format::docker);
  EXPECT_STATUS(Status::image_invalid, saved);
  EXPECT_EQ(*saved.error().fact("digest"), test::sha256_of(upper_));
  EXPECT_FALSE(std::filesystem::exists(home_.path("saved.tar")));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(home_.path("")), {}), 3);  // archive, cache, db
}

TEST_F(SaveTest, WhatCannotBeReadIsNotTakenForMissing) {
  ASSERT_OK(home_.load(home_.archive(test::docker_archive("two:1", {lower_, upper_}))));
  for (const char* suffix : {".recipe", ".json"}) {
    test::UnreadableFs unreadable(suffix, EMFILE);
    const ImageHome other(home_, unreadable);
    SaveRequest request;
    request.references = {"two:1"};
    request.path = home_.path("unreadable.tar");
    const Done saved = image::save(other.context(), request, other.call());
    ASSERT_FALSE(saved) << suffix;
    EXPECT_EQ(saved.error().os_code(), EMFILE) << saved.error().message();
    EXPECT_FALSE(std::filesystem::exists(request.path));
  }
}

TEST_F(SaveTest, ADigestFindsAnImageAndIsNoName) {
  const auto loaded = home_.load(home_.archive(test::docker_archive("app:1", {lower_, upper_})));
  ASSERT_OK(loaded);
  const std::string digest = *loaded->front().manifest_digest;
  for (const std::string& text : {digest, "app@" + digest, "app:2@" + digest, "docker.io/library/app@" + digest}) {
    const auto row = image::get(home_.context(), text, home_.call());
    ASSERT_OK(row);
    EXPECT_EQ(row->reference, "app:1") << text;
    EXPECT_OK(image::inspect(home_.context(), text, home_.call()));
    const auto saved = save({text}, Format::docker);
    ASSERT_OK(saved);
    EXPECT_EQ(digests_of(*saved), std::vector<std::string>{"app:1 " + digest});
  }
  EXPECT_STATUS(Status::image_not_found, image::get(home_.context(), "other@" + digest, home_.call()));
  const std::string unknown = "sha256:" + std::string(64, '0');
  EXPECT_STATUS(Status::image_not_found, image::get(home_.context(), unknown, home_.call()));
  EXPECT_STATUS(Status::image_not_found, image::get(home_.context(), "app@" + unknown, home_.call()));
}

TEST_F(SaveTest, ATagNamesAnArchiveWhoseOwnNameIsNone) {
  const std::string archive = home_.archive(test::docker_archive("../x", {lower_, upper_}));
  EXPECT_STATUS(Status::image_invalid, home_.load(archive));
  const auto loaded = home_.load(archive, {"mine:1"});
  ASSERT_OK(loaded);
  ASSERT_EQ(loaded->size(), 1U);
  EXPECT_EQ(loaded->front().reference, "mine:1");
}

TEST_F(SaveTest, AnImageThatIsNotThereIsNotFound) {
  EXPECT_STATUS(Status::image_not_found, save({"app:1"}, Format::docker));
  EXPECT_STATUS(Status::invalid_argument, save({}, Format::docker));
}

/// Layers of microsandbox have no recipe: what comes out is what microsandbox itself would save.
TEST_F(SaveTest, LayersWithoutARecipeComeOutAsMicrosandboxSavesThem) {
  const auto root = test::upstream_path("images");
  ASSERT_OK(home_.load(root / "inputs/f2-layers.oci.tar"));
  for (const auto& entry : std::filesystem::directory_iterator(home_.paths().layers())) {
    if (entry.path().extension() == ".recipe") std::filesystem::remove(entry.path());
  }
  const std::string reference = "registry.example.com:5000/fixture/layers:v2";
  EXPECT_TRUE(test::read_file(*save({reference}, Format::docker)) ==
              test::read_file(root / "f2-layers/saved-docker.tar"));
  EXPECT_TRUE(test::read_file(*save({reference}, Format::oci)) == test::read_file(root / "f2-layers/saved-oci.tar"));
}

}  // namespace
}  // namespace msb::image
