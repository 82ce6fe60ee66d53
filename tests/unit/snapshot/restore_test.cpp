#include "snapshot/restore.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "sandbox/registry.h"
#include "snapshot/capture.h"
#include "snapshot/hash_file.h"
#include "snapshot/query.h"
#include "snapshot/remove.h"
#include "support/artifact_builder.h"
#include "support/sandbox_home.h"

namespace msb::snapshot {
namespace {

using test::SandboxHome;

CreateRequest named(const std::string& name) {
  CreateRequest request;
  request.name = name;
  return request;
}

/// Changes a few bytes of a sandbox's disk.
void use(const sandbox::Sandbox& sandbox, const std::string& text) {
  const auto disk = os::File::open(os::real_fs(), AT_FDCWD, *sandbox.upper_path, O_RDWR);
  ASSERT_OK(disk);
  ASSERT_OK(disk->write_at(as_bytes(text), sandbox.upper_size - 4096));
}

std::string content(const std::string& path) {
  const auto digest = hash_path(os::real_fs(), path, Algorithm::merkle, 2, Call());
  EXPECT_OK(digest);
  return digest->text();
}

Result<sandbox::Sandbox> restore(const SandboxHome& home, const std::string& ref, const std::string& name) {
  return snapshot::restore(home.context(), ref, name, {}, home.call());
}

TEST(RestoreTest, SandboxesOfASnapshotHaveItsDiskAndRememberIt) {
  const SandboxHome home;
  const auto origin = home.create("origin");
  ASSERT_OK(origin);
  use(*origin, "installed once");
  const auto base = capture(home.context(), "origin", named("base"), home.call());
  ASSERT_OK(base);

  for (const std::string& ref : {std::string("base"), base->path, base->digest.text()}) {
    sandbox::CreateRequest request;
    request.labels = {{"from", ref}};
    request.replace = true;
    const auto made = snapshot::restore(home.context(), ref, "fork", request, home.call());
    ASSERT_OK(made);
    EXPECT_EQ(made->source_snapshot, base->digest.text());
    EXPECT_EQ(made->image_digest, home.image());
    EXPECT_EQ(made->upper_size, base->descriptor.upper_size);
    EXPECT_LE(made->upper_allocated, base->allocated_bytes + 4096);
    EXPECT_EQ(made->labels.at("from"), ref);
    EXPECT_EQ(content(*made->upper_path), content(base->upper_path()));
  }
  use(*sandbox::get(home.context(), "fork", home.call()), "and changed");
  EXPECT_NE(content(base->upper_path()), content(home.directory("fork") + "/upper.ext4")) << "it is its own";

  const auto child = capture(home.context(), "fork", named("child"), home.call());
  ASSERT_OK(child);
  EXPECT_EQ(child->descriptor.parent, base->digest.text());
  EXPECT_STATUS(Status::snapshot_has_children, remove(home.context(), "base", false, home.call()));
  ASSERT_OK(remove(home.context(), "base", true, home.call()));
  EXPECT_OK(restore(home, "child", "grandchild"));
}

TEST(RestoreTest, MissingImageIsNamed) {
  const SandboxHome home;
  ASSERT_OK(home.create("origin"));
  const auto base = capture(home.context(), "origin", named("base"), home.call());
  ASSERT_OK(base);
  std::filesystem::remove_all(home.context().paths.fsmeta());
  const auto refused = restore(home, "base", "fork");
  ASSERT_STATUS(Status::snapshot_image_missing, refused);
  EXPECT_EQ(*refused.error().fact("reference"), base->descriptor.image_ref);
  EXPECT_STATUS(Status::sandbox_not_found, sandbox::get(home.context(), "fork", home.call()));
  EXPECT_FALSE(std::filesystem::exists(home.directory("fork")));
}

TEST(RestoreTest, WhatCannotBeBootedIsRefused) {
  const SandboxHome home;
  const auto expect_refused = [&](Status status, auto alter) {
    Descriptor descriptor = test::plain_descriptor(Form::snapshot, 4096);
    alter(descriptor);
    const std::string path = home.path("odd");
    std::filesystem::remove_all(path);
    test::write_artifact(path, descriptor, test::dense4k());
    EXPECT_STATUS(status, restore(home, path, "fork"));
  };
  expect_refused(Status::unsupported, [](Descriptor& d) { d.format = "qcow2"; });
  expect_refused(Status::unsupported, [](Descriptor& d) { d.fstype = "xfs"; });
  expect_refused(Status::unsupported, [](Descriptor& d) {
    d.extensions.push_back({"org.example.key", json::Value(1)});
    d.requirements = {"org.example.key"};
  });
  expect_refused(Status::unsupported, [](Descriptor& d) {
    d.checkpoint = Checkpoint{"c", "sha256:" + std::string(64, 'e')};
  });
  expect_refused(Status::snapshot_integrity, [](Descriptor& d) { d.upper_size = 4095; });
  EXPECT_STATUS(Status::snapshot_not_found, restore(home, "nothing", "fork"));
  EXPECT_STATUS(Status::invalid_config, restore(home, "", "fork"));
  sandbox::CreateRequest both;
  both.image = "alpine";
  EXPECT_STATUS(Status::invalid_argument, snapshot::restore(home.context(), "nothing", "fork", both, home.call()));
}

}  // namespace
}  // namespace msb::snapshot
