// Every file of tests/golden/reject/{tar,inflate,recipe} is refused for the reason that it is named for.

#include <filesystem>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "archive/inflate.h"
#include "archive/layer_ingest.h"
#include "archive/recipe.h"
#include "support/fixtures.h"
#include "support/streams.h"

namespace msb::archive {
namespace {

namespace fs = std::filesystem;
const Call kCall;

using Reasons = std::map<std::string, std::string>;  // by file name: a part of the message

void expect_refused(const std::string& folder, const Reasons& reasons,
                    const std::function<Done(const fs::path&)>& use) {
  size_t seen = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(MSB_TESTS_DIR) / "golden/reject" / folder)) {
    SCOPED_TRACE(entry.path());
    const auto reason = reasons.find(entry.path().filename());
    ASSERT_NE(reason, reasons.end()) << "this test has no reason for it";
    const Done done = use(entry.path());
    ASSERT_FALSE(done.ok());
    EXPECT_EQ(done.error().status(), Status::image_invalid);
    EXPECT_NE(done.error().message().find(reason->second), std::string::npos) << done.error().message();
    ++seen;
  }
  EXPECT_EQ(seen, reasons.size());
}

TEST(Rejects, Tars) {
  const Reasons reasons = {
      {"checksum.tar", "does not begin like one"},
      {"child-of-device.tar", "\"a\" is not a directory"},
      {"child-of-file.tar", "\"a\" is not a directory"},
      {"component-too-long.tar", "longer than 255"},
      {"content-cut-short.tar", "\"a\": tar: it is cut short"},
      {"device-out-of-range.tar", "no such device"},
      {"dotdot-in-hard-link.tar", "path traversal"},
      {"dotdot.tar", "\"a/../b\": tar: path traversal"},
      {"hard-link-to-directory.tar", "directory \"a\""},
      {"hard-link-to-removed.tar", "which the layer removes"},
      {"hard-link-to-root.tar", "hard link to the root"},
      {"header-cut-short.tar", "does not begin like one"},
      {"long-name-and-pax-path.tar", "contradict"},
      {"long-name-twice.tar", "two long names"},
      {"no-tar.tar", "does not begin like one"},
      {"path-too-deep.tar", "more than 128 components"},
      {"path-too-long.tar", "longer than 4096"},
      {"pax-before-end.tar", "before the end"},
      {"pax-length-lies.tar", "malformed"},
      {"pax-length-overflows.tar", "malformed"},
      {"pax-mtime-no-time.tar", "\"mtime\" has a malformed value"},
      {"pax-nul-in-path.tar", "\"path\" has a malformed value"},
      {"pax-size-no-number.tar", "\"size\" has a malformed value"},
      {"pax-too-long.tar", "longer than 1048576"},
      {"pax-twice.tar", "two PAX headers"},
      {"pax-without-equals.tar", "malformed"},
      {"pax-without-newline.tar", "malformed"},
      {"size-beyond-the-limit.tar", "longer than 5368709120"},
      {"size-negative.tar", "its size is no number"},
      {"size-no-number.tar", "its size is no number"},
      {"size-overflows.tar", "its size is no number"},
      {"sparse-apparent-size-bomb.tar", "longer than 5368709120"},
      {"sparse-map-cut-short.tar", "malformed or too long"},
      {"sparse-map-in-content-huge.tar", "malformed or too long"},
      {"sparse-map-in-content-lies.tar", "malformed"},
      {"sparse-map-odd.tar", "odd number"},
      {"sparse-offsets-in-a-row.tar", "\"GNU.sparse.offset\" has a malformed value"},
      {"sparse-run-past-end.tar", "pass its end"},
      {"sparse-runs-overlap.tar", "overlap"},
      {"sparse-sum-differs.tar", "do not add up"},
      {"sparse-unknown-layout.tar", "unknown format"},
      {"sparse-version-2.tar", "unknown format"},
      {"sparse-without-size.tar", "unknown format"},
      {"symlink-to-nothing.tar", "without a target"},
      {"symlink-too-long.tar", "longer than 4096"},
      {"whiteout-of-dot.tar", "whiteout of \".\""},
      {"whiteout-of-dotdot.tar", "whiteout of \"..\""},
      {"xattr-name-empty.tar", "extended attribute"},
      {"xattr-name-too-long.tar", "extended attribute"},
      {"xattr-not-base64.tar", "malformed value"},
      {"xattr-value-too-long.tar", "extended attribute"},
  };
  expect_refused("tar", reasons, [](const fs::path& path) -> Done {
    test::StringSource source(test::read_file(path));
    MSB_TRY(const os::File spool, os::File::temporary(os::real_fs(), testing::TempDir()));
    MSB_TRY(const Layer layer, ingest_layer(source, spool, kCall));
    return {};
  });
}

TEST(Rejects, CompressedBlobs) {
  const Reasons reasons = {
      {"gzip-bad-block", "invalid"},
      {"gzip-cut-short", "cut short"},
      {"gzip-garbage-after", "garbage"},
      {"gzip-garbage-after-padding", "garbage"},
      {"gzip-header-cut-short", "cut short"},
      {"gzip-second-member-broken", "cut short"},
      {"gzip-then-zstd", "garbage"},
      {"gzip-trailer-cut-short", "cut short"},
      {"gzip-wrong-checksum", "incorrect"},
      {"gzip-wrong-length", "incorrect"},
      {"zstd-cut-short", "cut short"},
      {"zstd-garbage-after", "garbage"},
      {"zstd-second-frame-broken", "cut short"},
      {"zstd-skippable-cut-short", "cut short"},
      {"zstd-then-gzip", "garbage"},
      {"zstd-window-too-large", "memory"},
      {"zstd-wrong-checksum", "checksum"},
  };
  expect_refused("inflate", reasons, [](const fs::path& path) -> Done {
    test::StringSource source(test::read_file(path));
    MSB_TRY(const auto inflated, InflatedSource::open(source));
    MSB_TRY(const std::string text, test::drain(*inflated));
    return {};
  });
}

/// Over a layer file of 8192 times `n`, which is right for the content that is not at fault.
TEST(Rejects, Recipes) {
  const Reasons reasons = {
      {"content-neither-stored-nor-lost", "not in the layer file"},
      {"cut-short", "cut short"},
      {"diff-id-differs", "its tar hashes to"},
      {"extents-beyond-the-limit", "sizes cannot be"},
      {"hash-wrong", "hash is wrong"},
      {"layer-file-too-short", "layer file is too short"},
      {"lost-cut-short", "content is cut short"},
      {"magic-wrong", "another version"},
      {"member-not-a-tar", "does not begin like one"},
      {"residue-beyond-its-size", "more than"},
      {"residue-larger-than-tar", "sizes cannot be"},
      {"section-not-compressed", "not compressed"},
      {"sections-too-long", "longer than it is"},
      {"table-about-other-content", "about other content"},
      {"table-cut-short", "table is cut short"},
      {"table-number-too-large", "too large"},
      {"table-offset-beyond-the-limit", "too large"},
      {"table-too-long", "table is too long"},
      {"tar-size-beyond-the-limit", "sizes cannot be"},
      {"tar-size-differs", "another size"},
  };
  const auto layer_file = os::File::temporary(os::real_fs(), testing::TempDir());
  ASSERT_TRUE(layer_file.ok());
  ASSERT_TRUE(layer_file->write_at(as_bytes(std::string(8192, 'n')), 0).ok());
  const auto use = [&](const fs::path& path) -> Done {
    MSB_TRY(const os::File file, os::File::open_regular(os::real_fs(), AT_FDCWD, path));
    MSB_TRY(const Recipe recipe, Recipe::open(file, kCall));
    MSB_TRY(const tree::Tree tree, recipe.read_tree(kCall));
    return verify_layer(recipe, *layer_file, kCall);
  };
  expect_refused("recipe", reasons, use);
  const Done good = use(fs::path(MSB_TESTS_DIR) / "fuzz/corpus/recipe/one-lost-one-stored");
  EXPECT_TRUE(good.ok()) << good.error().message();
}

}  // namespace
}  // namespace msb::archive
