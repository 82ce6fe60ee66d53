// Snapshots that bring their image.
#include <gtest/gtest.h>

#include "image/check.h"
#include "image/query.h"
#include "snapshot/archive_list.h"
#include "support/compress.h"
#include "support/image_archive.h"
#include "support/image_home.h"
#include "support/streams.h"
#include "support/transfer_home.h"

namespace msb::snapshot {
namespace {

using test::ImageHome;

class TransferImageTest : public testing::TestWithParam<Form> {
 protected:
  /// Loads an image whose manifest is not as any encoder would write it.
  void load(const ImageHome& home, const std::string& lower, const std::string& name) const {
    test::OciLayout layout;
    layout.index({layout.image({test::gzip(lower), test::zstd(upper_)}, {lower, upper_}, layout.named(name))});
    const auto rows = home.load(home.archive(layout.tar(), "image.tar"));
    ASSERT_OK(rows);
  }

  /// A snapshot on what the reference means at this moment.
  Descriptor add_snapshot(const ImageHome& home, const std::string& name) const {
    const auto row = image::get(home.context(), name, home.call());
    EXPECT_OK(row);
    Descriptor descriptor = test::plain_descriptor(GetParam(), 4096);
    descriptor.image_ref = name;
    descriptor.image_digest = *row->manifest_digest;
    test::write_artifact(home.path("snapshots/base"), descriptor, test::dense4k());
    return descriptor;
  }

  static Done export_base(const ImageHome& home) {
    ExportRequest request;
    request.ref = "base";
    request.path = home.path("archive");
    request.with_image = true;
    request.plain_tar = true;
    return export_archive(home.context(), request, home.call());
  }
  static Result<index::SnapshotRow> import(const ImageHome& home, const std::string& path) {
    ImportRequest request;
    request.path = path;
    return import_archive(home.context(), request, home.call());
  }

  const std::string lower_ = test::small_layer("passwd", "root:x:0:0\n");
  const std::string upper_ = test::small_layer("motd", test::noise(100'000));
};

TEST_P(TransferImageTest, ComesOverAsItWas) {
  const ImageHome from;
  load(from, lower_, "app:1");
  const Descriptor descriptor = add_snapshot(from, "app:1");
  ASSERT_OK(export_base(from));
  const ImageHome to;
  ASSERT_OK(import(to, from.path("archive")));
  EXPECT_TRUE(to.warnings().empty()) << to.warnings().front();
  const auto document = image::find_document(to.context(), "app:1", to.call());
  ASSERT_OK(document);
  EXPECT_EQ(document->manifest_digest.text(), descriptor.image_digest);
  EXPECT_EQ(*document, *image::find_document(from.context(), "app:1", from.call()));
  EXPECT_EQ(to.file_names(), from.file_names());
  EXPECT_EQ(to.files(), from.files()) << "layers, recipes, fsmeta and VMDK are made anew, to the same bytes";
}

TEST_P(TransferImageTest, IsTheOneThatTheSnapshotPins) {
  const ImageHome from;
  load(from, lower_, "app:1");
  const Descriptor descriptor = add_snapshot(from, "app:1");
  load(from, test::small_layer("passwd", "another\n"), "app:1");  // the tag moves on
  ASSERT_NE(*image::get(from.context(), "app:1", from.call())->manifest_digest, descriptor.image_digest);
  ASSERT_OK(export_base(from));

  // A tag of the receiver does not move.
  const ImageHome to;
  load(to, test::small_layer("passwd", "mine\n"), "app:1");
  const std::string mine = *image::get(to.context(), "app:1", to.call())->manifest_digest;
  ASSERT_OK(import(to, from.path("archive")));
  EXPECT_EQ(*image::get(to.context(), "app:1", to.call())->manifest_digest, mine);
  const auto pinned = image::get(to.context(), "docker.io/library/app@" + descriptor.image_digest, to.call());
  ASSERT_OK(pinned);
  EXPECT_EQ(*pinned->manifest_digest, descriptor.image_digest);
}

/// Changes some bytes of a plain archive, in the member of that suffix.
void tamper(const std::string& path, const std::string& suffix, size_t offset) {
  std::string bytes = test::read_file(path);
  const size_t name = bytes.find(suffix);
  ASSERT_NE(name, std::string::npos);
  const size_t body = name / 512 * 512 + 512;
  bytes[body + offset] = static_cast<char>(bytes[body + offset] ^ 1);
  test::write_text(path, bytes);
}

TEST_P(TransferImageTest, IsNotTakenOnTrust) {
  for (const char* const suffix : {".recipe", ".erofs"}) {
    const ImageHome from;
    load(from, lower_, "app:1");
    add_snapshot(from, "app:1");
    ASSERT_OK(export_base(from));
    const std::string layer = (GetParam() == Form::manifest ? "cache/layers/sha256_" : "images/layers/sha256_") +
                              test::hex_of(upper_) + suffix;
    tamper(from.path("archive"), layer, std::string(suffix) == ".recipe" ? 40 : 20'000);
    const ImageHome to;
    const auto refused = import(to, from.path("archive"));
    ASSERT_FALSE(refused.ok()) << suffix;
    EXPECT_TRUE(refused.error().status() == Status::image_invalid ||
                refused.error().status() == Status::snapshot_archive)
        << refused.error().message();
    EXPECT_TRUE(to.file_names().empty()) << *to.file_names().begin();
    EXPECT_TRUE(std::filesystem::is_empty(to.path("snapshots")));
  }
}

TEST_P(TransferImageTest, StaysOutWhenNothingProvesIt) {
  const ImageHome from;
  load(from, lower_, "app:1");
  add_snapshot(from, "app:1");
  for (const std::string& tar : {lower_, upper_}) {
    std::filesystem::remove(from.paths().recipe("sha256_" + test::hex_of(tar)));
  }
  ASSERT_OK(export_base(from));
  const ImageHome to;
  ASSERT_OK(import(to, from.path("archive")));
  ASSERT_EQ(to.warnings().size(), 1U);
  EXPECT_NE(to.warnings().front().find("app:1"), std::string::npos);
  EXPECT_TRUE(to.file_names().empty());
}

INSTANTIATE_TEST_SUITE_P(Layouts, TransferImageTest, testing::Values(Form::manifest, Form::snapshot),
                         [](const testing::TestParamInfo<Form>& one) {
                           return one.param == Form::manifest ? "Legacy" : "Current";
                         });

}  // namespace
}  // namespace msb::snapshot
