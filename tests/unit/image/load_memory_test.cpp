// The memory of a load does not grow with the image. A program of its own, as it looks at the peak of its process.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "archive/tar_writer.h"
#include "archive/zstd_sink.h"
#include "digest/sha256.h"
#include "image/save.h"
#include "support/image_archive.h"
#include "support/image_home.h"

namespace msb::image {
namespace {

using test::ImageHome;

constexpr uint64_t kLimit = uint64_t{64} << 20;

uint64_t peak_memory() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

/// Bytes that nobody keeps: each 64 KiB differ.
class Pattern final : public ByteSource {
 public:
  Pattern(uint64_t size, uint64_t seed) : left_(size), state_(seed) {}
  Result<size_t> read(MutableBytes into) override {
    const auto size = static_cast<size_t>(std::min<uint64_t>({into.size(), left_, 65536}));
    std::memset(into.data(), static_cast<int>(state_ & 0xFF), size);
    if (size >= sizeof state_) std::memcpy(into.data(), &state_, sizeof state_);
    state_ = state_ * 6364136223846793005U + 1;
    left_ -= size;
    return size;
  }

 private:
  uint64_t left_;
  uint64_t state_;
};

/// Hashes the plain tar on its way into a compressed file.
class LayerSink final : public ByteSink {
 public:
  explicit LayerSink(const os::File& file) : out_(file), zstd_(out_, 1) {}
  Done write(Bytes bytes) override {
    hash_.update(bytes);
    return zstd_.write(bytes);
  }
  Done finish() { return zstd_.finish(); }
  Digest digest() const { return hash_.digest(); }

 private:
  os::FileSink out_;
  archive::ZstdSink zstd_;
  Sha256 hash_;
};

/// A layer of one large file and 20,000 small ones, in the layout's blobs. Returns its diff ID and descriptor.
std::pair<std::string, std::string> make_layer(const std::string& blobs, uint64_t size, uint64_t seed) {
  const Call call;
  const std::string path = blobs + "/new";
  const auto file = os::File::open(os::real_fs(), AT_FDCWD, path, O_RDWR | O_CREAT | O_TRUNC);
  LayerSink sink(*file);
  archive::TarWriter tar(sink);
  Pattern large(size, seed);
  EXPECT_OK(tar.add_file("large-" + std::to_string(seed), large, size, call));
  for (uint64_t i = 0; i < 20'000; ++i) {
    Pattern small(i % 5000, i);
    EXPECT_OK(tar.add_file("small/" + std::to_string(seed * 100'000 + i), small, i % 5000, call));
  }
  EXPECT_OK(tar.finish());
  EXPECT_OK(sink.finish());
  os::FileSource source(*file);
  const auto blob = sha256_of(source, call);
  std::filesystem::rename(path, blobs + "/" + std::string(blob->hex()));
  return {sink.digest().text(), R"({"mediaType":"application/vnd.oci.image.layer.v1.tar+zstd","digest":")" +
                                    blob->text() + R"(","size":)" + std::to_string(*file->size()) + "}"};
}

TEST(LoadMemoryTest, StaysBelowItsBoundForLargeLayers) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers take memory of their own";
#endif
  const ImageHome home;
  const std::string root = home.path("layout");
  const std::string blobs = root + "/blobs/sha256";
  std::filesystem::create_directories(blobs);
  const auto lower = make_layer(blobs, uint64_t{512} << 20, 1);
  const auto upper = make_layer(blobs, uint64_t{256} << 20, 2);
  const std::string config = R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[")" +
                             lower.first + R"(",")" + upper.first + "\"]}}";
  test::OciLayout layout;
  const std::string config_entry = layout.blob(config, "application/vnd.oci.image.config.v1+json");
  layout.index({layout.blob(
      R"({"schemaVersion":2,"config":)" + config_entry + R"(,"layers":[)" + lower.second + "," + upper.second + "]}",
      "application/vnd.oci.image.manifest.v1+json", layout.named("big:1"))});
  for (const auto& [name, content] : layout.files()) test::write_text(root + "/" + name, content);
  ASSERT_LT(peak_memory(), kLimit / 2) << "the test itself takes too much";

  ASSERT_OK(home.load(root));
  EXPECT_LT(peak_memory(), kLimit);
  std::printf("peak after the load: %.1f MiB\n", static_cast<double>(peak_memory()) / (1 << 20));

  SaveRequest request;
  request.references = {"big:1"};
  request.path = home.path("saved.tar");
  ASSERT_OK(save(home.context(), request, home.call()));
  EXPECT_LT(peak_memory(), kLimit);
  std::printf("peak after the save: %.1f MiB\n", static_cast<double>(peak_memory()) / (1 << 20));
}

}  // namespace
}  // namespace msb::image
