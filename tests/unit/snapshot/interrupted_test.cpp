// Operations on snapshots that end in the middle, because the process is killed or the file system fails, or that run
// beside each other.
#include <atomic>
#include <map>
#include <thread>

#include <gtest/gtest.h>

#include "os/publish.h"
#include "snapshot/check.h"
#include "snapshot/create.h"
#include "snapshot/directory.h"
#include "snapshot/indexing.h"
#include "snapshot/recover.h"
#include "snapshot/remove.h"
#include "snapshot/verify.h"
#include "support/snapshot_home.h"

namespace msb::snapshot {
namespace {

using test::Fault;
using test::FaultFs;
using test::SnapshotHome;

using Scene = std::map<std::string, std::string>;  // digests of snapshots by name

CaptureSource source_of(const Context& context, const std::string& disk) {
  return {"box", os::parent_path(context.snapshots_dir) + "/" + disk, "docker.io/library/alpine:3.20",
          "sha256:" + std::string(64, 'b'), std::nullopt};
}

Done capture(const Context& context, const std::string& name, const std::string& disk) {
  CreateRequest request;
  request.name = name;
  request.force = true;
  request.integrity = Algorithm::merkle;
  MSB_TRY(const Artifact made, create(context, source_of(context, disk), request, Call()));
  EXPECT_TRUE(made.descriptor.integrity);
  return {};
}

struct Operation {
  const char* name;
  Done (*run)(const Context& context);
  std::set<std::string> may_change;  ///< names of snapshots that it makes, replaces or removes
  bool removes;
};

const Operation kCreate{
    "Create", [](const Context& context) { return capture(context, "new", "other"); }, {"new"}, false};
const Operation kReplace{
    "Replace", [](const Context& context) { return capture(context, "base", "other"); }, {"base"}, false};
const Operation kRemove{
    "Remove", [](const Context& context) { return remove(context, "base", true, Call()); }, {"base"}, true};
const Operation kReindex{"Reindex",
                         [](const Context& context) -> Done {
                           MSB_TRY(const Reindexed done, reindex(context, std::nullopt, Call()));
                           EXPECT_LE(done.indexed, 3U);
                           return {};
                         },
                         {},
                         false};

/// A home with two indexed snapshots, one that is not, and the row of one that is gone.
void furnish(SnapshotHome& home) {
  test::write_text(home.path("disk"), test::dense4k());
  test::write_text(home.path("other"), std::string(100'000, 'o'));
  ASSERT_OK(capture(home.context(), "base", "disk"));
  ASSERT_OK(capture(home.context(), "bystander", "disk"));
  ASSERT_OK(capture(home.context(), "gone", "disk"));
  std::filesystem::remove_all(home.snapshot("gone"));
  home.add("snapshots/unindexed");
}

/// What is there; everything must be whole.
Scene look(SnapshotHome& home) {
  Scene scene;
  const auto artifacts = list_directory(home.context(), std::nullopt, home.call());
  EXPECT_OK(artifacts);
  EXPECT_TRUE(home.warnings().empty()) << home.warnings().front();
  for (const Artifact& artifact : *artifacts) {
    EXPECT_OK(verify(os::real_fs(), artifact, 1, home.call()));
    scene.emplace(os::base_name(artifact.path), artifact.digest.text());
  }
  return scene;
}

void expect_sound(SnapshotHome& home, const Operation& operation, const Scene& before, bool succeeded) {
  const Scene after = look(home);
  for (const auto& [name, digest] : before) {
    if (!operation.may_change.contains(name)) {
      EXPECT_EQ(after.count(name), 1U) << name;
      EXPECT_EQ(after.at(name), digest) << name;
    } else if (!operation.removes) {
      EXPECT_EQ(after.count(name), 1U) << name << " was to be replaced, not lost";
    } else if (succeeded) {
      EXPECT_EQ(after.count(name), 0U) << name;
    }
  }
  ASSERT_OK(recover(home.context(), home.call()));
  EXPECT_EQ(look(home), after) << "recovery only tidies";
  std::set<std::string> names;
  for (const auto& [name, digest] : after) names.insert(name);
  EXPECT_EQ(home.names(), names) << "and leaves no litter";
  EXPECT_EQ(home.rows().size(), after.size());
  EXPECT_TRUE(snapshot::check(home.context(), {}, home.call())->empty());
  EXPECT_EQ(*recover(home.context(), home.call()), 0U);
}

class KilledTest : public testing::TestWithParam<Operation> {};

TEST_P(KilledTest, HomeIsSoundAtEveryOperation) {
  bool killed = true;
  for (unsigned at = 1; killed && !HasFailure(); ++at) {
    SCOPED_TRACE("operation " + std::to_string(at));
    SnapshotHome home;
    furnish(home);
    const Scene before = look(home);
    killed = home.killed_at(at, [](const Context& context) { EXPECT_OK(GetParam().run(context)); });
    expect_sound(home, GetParam(), before, !killed);
  }
}

INSTANTIATE_TEST_SUITE_P(Operations, KilledTest, testing::Values(kCreate, kReplace, kRemove, kReindex),
                         [](const auto& instance) { return std::string(instance.param.name); });

class FailedTest : public testing::TestWithParam<std::tuple<Operation, Fault>> {};

TEST_P(FailedTest, HomeIsSoundAtEveryOperation) {
  const auto& [operation, fault] = GetParam();
  bool reached = true;
  for (unsigned at = 1; reached && !HasFailure(); ++at) {
    SCOPED_TRACE("operation " + std::to_string(at));
    SnapshotHome home;
    furnish(home);
    const Scene before = look(home);
    FaultFs faulty(fault, at);
    home.use(faulty);
    const Done done = operation.run(home.context());
    reached = faulty.reached();
    home.use(os::real_fs());
    home.forget_warnings();
    EXPECT_TRUE(reached || done.ok());
    expect_sound(home, operation, before, done.ok());
  }
}

std::string name_of(const testing::TestParamInfo<std::tuple<Operation, Fault>>& instance) {
  const auto& [operation, fault] = instance.param;
  return operation.name + std::string(fault == Fault::fail ? "Fail" : fault == Fault::crash ? "Crash" : "NoSpace");
}

INSTANTIATE_TEST_SUITE_P(Operations, FailedTest,
                         testing::Combine(testing::Values(kRemove, kReindex),
                                          testing::Values(Fault::fail, Fault::crash, Fault::no_space)),
                         name_of);

TEST(BesideTest, EverythingAtOnceOnOneName) {
  constexpr int kRounds = 150;
  SnapshotHome home;
  furnish(home);
  const Scene before = look(home);
  std::atomic<int> at_work = 3;
  std::vector<std::thread> threads;
  const auto work = [&](auto step) {
    threads.emplace_back([&, step] {
      for (int i = 0; i < kRounds && !testing::Test::HasFailure(); ++i) step();
      --at_work;
    });
  };
  const Context& context = home.context();
  work([&] { EXPECT_OK(capture(context, "busy", "disk")); });
  work([&] { EXPECT_OK(capture(context, "busy", "other")); });
  work([&] {
    const Done removed = remove(context, "busy", true, Call());
    EXPECT_TRUE(removed || removed.error().status() == Status::snapshot_not_found) << removed.error().message();
  });
  threads.emplace_back([&] {
    while (at_work > 0) {
      EXPECT_OK(reindex(context, std::nullopt, Call()));
      const auto artifacts = list_directory(context, std::nullopt, Call());
      EXPECT_OK(artifacts);
      EXPECT_GE(artifacts->size(), before.size());
    }
  });
  threads.emplace_back([&] {
    while (at_work > 0) EXPECT_OK(os::sweep_leftovers(context.fs, context.snapshots_dir, Call()));
  });
  for (std::thread& thread : threads) thread.join();
  expect_sound(home, {"", nullptr, {"busy"}, true}, before, false);
}

}  // namespace
}  // namespace msb::snapshot
