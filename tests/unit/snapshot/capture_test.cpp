#include "snapshot/capture.h"

#include <unistd.h>

#include <gtest/gtest.h>

#include "sandbox/directory.h"
#include "snapshot/query.h"
#include "support/snapshot_home.h"
#include "support/unreadable_fs.h"

namespace msb::snapshot {
namespace {

using test::SnapshotHome;

const std::string kImage = "docker.io/library/alpine:3.20";
const std::string kManifest = "sha256:" + std::string(64, 'b');
const std::string kConfig =
    R"({"name":"box","image":{"Oci":{"reference":")" + kImage + R"("}},"manifest_digest":")" + kManifest + R"("})";

void add_sandbox(SnapshotHome& home, const std::string& status, const std::string& config = kConfig,
                 std::optional<int64_t> pid = std::nullopt) {
  std::filesystem::create_directories(home.path("sandboxes/box"));
  test::write_text(home.path("sandboxes/box/upper.ext4"), test::dense4k());
  home.change([&](index::Transaction& transaction) -> Done {
    MSB_CHECK(transaction.execute("DELETE FROM sandbox"));
    MSB_CHECK(transaction.execute(
        "INSERT INTO sandbox (name, config, status, created_at) VALUES ('box', ?, ?, '2026-11-21 06:00:00')",
        {config, status}));
    if (!pid) return {};
    return transaction.execute(
        "INSERT INTO run (sandbox_id, pid, status, started_at) SELECT id, ?, 'Running', '2026-11-21 06:00:00'"
        " FROM sandbox",
        {*pid});
  });
}

CreateRequest named(const std::string& name) {
  CreateRequest request;
  request.name = name;
  return request;
}

TEST(CaptureTest, DiskAndImageOfTheSandboxAreRecorded) {
  SnapshotHome home;
  for (const char* status : {"Stopped", "Crashed"}) {
    add_sandbox(home, status);
    const auto made = capture(home.context(), "box", named(status), home.call());
    ASSERT_OK(made);
    EXPECT_EQ(made->descriptor.source_sandbox, "box");
    EXPECT_EQ(made->descriptor.image_ref, kImage);
    EXPECT_EQ(made->descriptor.image_digest, kManifest);
    EXPECT_FALSE(made->descriptor.parent);
    EXPECT_EQ(test::read_file(made->upper_path()), test::dense4k());
  }
}

TEST(CaptureTest, OriginBecomesTheParent) {
  SnapshotHome home;
  add_sandbox(home, "Stopped");
  const auto base = capture(home.context(), "box", named("base"), home.call());
  ASSERT_OK(base);
  test::write_text(home.path("sandboxes/box/") + sandbox::kOrigin, sandbox::origin_document(base->digest.text()));
  const auto child = capture(home.context(), "box", named("child"), home.call());
  ASSERT_OK(child);
  EXPECT_EQ(child->descriptor.parent, base->digest.text());
  EXPECT_EQ(get(home.context(), "base", home.call())->child_count, 1U);
}

TEST(CaptureTest, AParentThatCannotBeReadIsNotLeftOut) {
  SnapshotHome home;
  add_sandbox(home, "Stopped");
  const auto base = capture(home.context(), "box", named("base"), home.call());
  ASSERT_OK(base);
  test::write_text(home.path("sandboxes/box/") + sandbox::kOrigin, sandbox::origin_document(base->digest.text()));
  for (const std::string& suffix : {std::string("manifest.json"), std::string(sandbox::kOrigin)}) {
    for (const int errnum : {EIO, EMFILE}) {
      test::UnreadableFs unreadable(suffix, errnum);
      home.use(unreadable);
      const auto made = capture(home.context(), "box", named("child"), home.call());
      ASSERT_FALSE(made) << suffix << ", errno " << errnum;
      EXPECT_EQ(made.error().os_code(), errnum) << made.error().message();
      EXPECT_FALSE(std::filesystem::exists(home.snapshot("child")));
    }
  }
}

TEST(CaptureTest, OnlyStoppedOnes) {
  SnapshotHome home;
  EXPECT_STATUS(Status::sandbox_not_found, capture(home.context(), "box", named("a"), home.call()));
  for (const char* status : {"Created", "Starting", "Running", "Draining", "Paused"}) {
    add_sandbox(home, status, kConfig, ::getpid());
    const auto refused = capture(home.context(), "box", named("a"), home.call());
    ASSERT_STATUS(Status::snapshot_sandbox_running, refused);
    EXPECT_EQ(refused.error().message(), "snapshot source sandbox 'box' is not stopped");
    EXPECT_NE(refused.error().fact("status"), nullptr) << status;
  }
  EXPECT_TRUE(home.names().empty());
}

TEST(CaptureTest, WhatIsWrongWithTheRequestIsSaidFirst) {
  SnapshotHome home;
  EXPECT_STATUS(Status::invalid_config, capture(home.context(), "box", named("a/b"), home.call()));
  home.add("snapshots/a");
  EXPECT_STATUS(Status::snapshot_already_exists, capture(home.context(), "box", named("a"), home.call()));
}

TEST(CaptureTest, SandboxesWithoutImageOrDiskAreRefused) {
  SnapshotHome home;
  add_sandbox(home, "Stopped", R"({"image":{"Bind":"/srv"},"manifest_digest":null})");
  EXPECT_STATUS(Status::invalid_config, capture(home.context(), "box", named("a"), home.call()));
  add_sandbox(home, "Stopped");
  std::filesystem::remove(home.path("sandboxes/box/upper.ext4"));
  EXPECT_STATUS(Status::invalid_config, capture(home.context(), "box", named("a"), home.call()));
  std::filesystem::create_symlink("/etc/passwd", home.path("sandboxes/box/upper.ext4"));
  EXPECT_STATUS(Status::invalid_config, capture(home.context(), "box", named("a"), home.call()));
  EXPECT_TRUE(home.names().empty());
}

}  // namespace
}  // namespace msb::snapshot
