// Exports and imports that end in the middle: because the process is killed, or because the file system fails.
#include <gtest/gtest.h>

#include "snapshot/archive_list.h"
#include "snapshot/directory.h"
#include "snapshot/recover.h"
#include "snapshot/verify.h"
#include "support/transfer_home.h"

namespace msb::snapshot {
namespace {

using test::Fault;
using test::FaultFs;
using test::SnapshotHome;

using Names = std::set<std::string>;

/// A chain of two in a legacy archive, so that there are sidecars too.
void furnish(SnapshotHome& home) {
  const std::string parent = home.add("snapshots/parent");
  home.add("snapshots/head", [&](Descriptor& descriptor) { descriptor.parent = parent; });
  std::filesystem::create_directory(home.path("out"));
}

Done export_head(const Context& context, const std::string& path) {
  ExportRequest request;
  request.ref = os::join_path(context.snapshots_dir, "head");
  request.path = path;
  request.with_parents = true;
  return export_archive(context, request, Call());
}

Done import_from(const Context& context, const std::string& path) {
  ImportRequest request;
  request.path = path;
  MSB_TRY(const index::SnapshotRow row, import_archive(context, request, Call()));
  EXPECT_EQ(row.name, "head");
  return {};
}

void expect_sound_export(SnapshotHome& home, bool succeeded) {
  const std::string archive = home.path("out/archive");
  if (succeeded || std::filesystem::exists(archive)) {
    EXPECT_OK(list_archive(home.context(), archive, home.call()));
  }
  EXPECT_OK(export_head(home.context(), archive));
  EXPECT_EQ(home.names("out"), Names{"archive"}) << "what a dead export left goes with the next";
}

void expect_sound_import(SnapshotHome& home, const std::string& archive, bool succeeded) {
  const auto artifacts = list_directory(home.context(), std::nullopt, home.call());
  ASSERT_OK(artifacts);
  Names names;
  for (const Artifact& artifact : *artifacts) {
    const auto report = verify(os::real_fs(), artifact, 1, home.call());
    ASSERT_OK(report);
    EXPECT_TRUE(report->upper) << "no snapshot without its sidecar";
    names.insert(os::base_name(artifact.path));
  }
  EXPECT_TRUE(!succeeded || names.size() == 2);
  EXPECT_TRUE(!names.contains("head") || names.contains("parent"));
  ASSERT_OK(recover(home.context(), home.call()));
  EXPECT_EQ(home.names(), names) << "no litter";
  EXPECT_EQ(home.rows().size(), names.size());
  EXPECT_OK(import_from(home.context(), archive));
  EXPECT_EQ(home.names(), (Names{"head", "parent"}));
}

TEST(TransferKilledTest, ExportsLeaveAWholeFileOrNone) {
  bool killed = true;
  for (unsigned at = 1; killed && !testing::Test::HasFailure(); ++at) {
    SCOPED_TRACE("operation " + std::to_string(at));
    SnapshotHome home;
    furnish(home);
    const std::string archive = home.path("out/archive");
    killed = home.killed_at(at, [&](const Context& context) { EXPECT_OK(export_head(context, archive)); });
    expect_sound_export(home, !killed);
  }
}

TEST(TransferKilledTest, ImportsLeaveWholeSnapshotsAndParentsFirst) {
  SnapshotHome from;
  furnish(from);
  const std::string archive = from.path("archive");
  ASSERT_OK(export_head(from.context(), archive));
  bool killed = true;
  for (unsigned at = 1; killed && !testing::Test::HasFailure(); ++at) {
    SCOPED_TRACE("operation " + std::to_string(at));
    SnapshotHome home;
    killed = home.killed_at(at, [&](const Context& context) { EXPECT_OK(import_from(context, archive)); });
    expect_sound_import(home, archive, !killed);
  }
}

class TransferFailedTest : public testing::TestWithParam<Fault> {};

TEST_P(TransferFailedTest, ExportsLeaveAWholeFileOrNone) {
  bool reached = true;
  for (unsigned at = 1; reached && !HasFailure(); ++at) {
    SCOPED_TRACE("operation " + std::to_string(at));
    SnapshotHome home;
    furnish(home);
    FaultFs faulty(GetParam(), at);
    home.use(faulty);
    const Done done = export_head(home.context(), home.path("out/archive"));
    reached = faulty.reached();
    home.use(os::real_fs());
    EXPECT_TRUE(reached || done.ok());
    expect_sound_export(home, done.ok());
  }
}

TEST_P(TransferFailedTest, ImportsLeaveWholeSnapshotsAndParentsFirst) {
  SnapshotHome from;
  furnish(from);
  const std::string archive = from.path("archive");
  ASSERT_OK(export_head(from.context(), archive));
  bool reached = true;
  for (unsigned at = 1; reached && !HasFailure(); ++at) {
    SCOPED_TRACE("operation " + std::to_string(at));
    SnapshotHome home;
    FaultFs faulty(GetParam(), at);
    home.use(faulty);
    const Done done = import_from(home.context(), archive);
    reached = faulty.reached();
    home.use(os::real_fs());
    home.forget_warnings();
    EXPECT_TRUE(reached || done.ok());
    expect_sound_import(home, archive, done.ok());
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, TransferFailedTest,
                         testing::Values(Fault::fail, Fault::crash, Fault::no_space, Fault::short_io),
                         [](const testing::TestParamInfo<Fault>& one) {
                           switch (one.param) {
                             case Fault::fail:
                               return "Fail";
                             case Fault::crash:
                               return "Crash";
                             case Fault::no_space:
                               return "NoSpace";
                             default:
                               return "ShortIo";
                           }
                         });

}  // namespace
}  // namespace msb::snapshot
