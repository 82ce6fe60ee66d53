#include "snapshot/create.h"

#include <atomic>
#include <cstdio>
#include <functional>
#include <thread>
#include <tuple>
#include <utility>

#include <sys/stat.h>

#include "os/publish.h"
#include "snapshot/query.h"
#include "snapshot/recover.h"
#include "snapshot/remove.h"
#include "snapshot/verify.h"
#include "support/fault_fs.h"
#include "support/snapshot_home.h"

namespace msb::snapshot {
namespace {

using test::Fault;
using test::FaultFs;
using test::SnapshotHome;

CaptureSource source_of(const SnapshotHome& home, const std::string& disk = test::dense4k()) {
  test::write_text(home.path("upper"), disk);
  return {"box", home.path("upper"), "docker.io/library/alpine:3.20", "sha256:" + std::string(64, 'b'), std::nullopt};
}

CreateRequest named(const std::string& name, bool force = false) {
  CreateRequest request;
  request.name = name;
  request.force = force;
  return request;
}

TEST(CreateTest, SnapshotIsThereAndIndexed) {
  SnapshotHome home;
  const CaptureSource source = source_of(home);
  CreateRequest request = named("base");
  request.labels = {{"stage", "one"}, {"owner", "alice"}, {"stage", "two"}};
  request.integrity = Algorithm::merkle;
  request.parent = "sha256:" + std::string(64, 'c');
  const auto made = create(home.context(), source, request, home.call());
  ASSERT_OK(made);

  const auto opened = open_artifact(os::real_fs(), home.snapshot("base"));
  ASSERT_OK(opened);
  EXPECT_EQ(opened->digest, made->digest);
  EXPECT_EQ(opened->path, made->path);
  EXPECT_EQ(opened->allocated_bytes, made->allocated_bytes);
  EXPECT_EQ(opened->descriptor.form, Form::manifest) << "a home of ours is of the generation of 0.6.3";
  EXPECT_EQ(opened->descriptor.labels, (std::map<std::string, std::string>{{"owner", "alice"}, {"stage", "two"}}));
  EXPECT_EQ(opened->descriptor.source_sandbox, "box");
  EXPECT_EQ(opened->descriptor.image_digest, source.image_digest);
  EXPECT_EQ(opened->descriptor.parent, request.parent);
  EXPECT_EQ(opened->descriptor.upper_size, 4096U);
  EXPECT_TRUE(opened->descriptor.created_at.ends_with("+00:00"));
  EXPECT_EQ(test::read_file(opened->upper_path()), test::dense4k());
  EXPECT_TRUE(verify(os::real_fs(), *opened, 1, home.call())->upper);
  EXPECT_EQ(test::read_file(home.snapshot("base/manifest.json")), canonical_bytes(made->descriptor));

  ASSERT_EQ(home.rows().size(), 1U);
  const index::SnapshotRow row = home.rows()[0];
  EXPECT_EQ(row.digest, made->digest.text());
  EXPECT_EQ(row.name, "base");
  EXPECT_EQ(row.artifact_path, home.snapshot("base"));
  EXPECT_EQ(row.size, 4096U);
  EXPECT_EQ(row.format, "raw");
  EXPECT_EQ(row.parent_digest, request.parent);
  EXPECT_EQ(format_db_time(*row.created_at), format_db_time(*parse_time(made->descriptor.created_at)));
  struct stat st {};
  ASSERT_EQ(::stat(home.snapshot("base").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0700U);
  ASSERT_EQ(::stat(home.snapshot("base/upper.ext4").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600U);
  EXPECT_TRUE(home.warnings().empty());
}

TEST(CreateTest, HomesOfLaterReleasesGetTheirDescriptor) {
  const auto dump = test::upstream_path("snapshots/0.6.14/msb.db.sql");
  SnapshotHome home;
  home.replace_database(test::read_file(dump));
  const auto made = create(home.context(), source_of(home), named("ours"), home.call());
  ASSERT_OK(made);
  EXPECT_EQ(made->descriptor.form, Form::snapshot);
  EXPECT_TRUE(std::filesystem::exists(home.snapshot("ours/snapshot.json")));
  EXPECT_EQ(open_artifact(os::real_fs(), made->path)->digest, made->digest) << "its time is in the normal form";
  EXPECT_EQ(get(home.context(), "ours", home.call())->digest, made->digest.text());
}

TEST(CreateTest, HomesOfUnknownReleasesAreRefused) {
  const auto dump = test::upstream_path("snapshots/0.7.2/msb.db.sql");
  SnapshotHome home;
  home.replace_database(test::read_file(dump));
  EXPECT_STATUS(Status::database, create(home.context(), source_of(home), named("ours"), home.call()));
  EXPECT_TRUE(home.names().empty());
}

TEST(CreateTest, HolesStayHoles) {
  SnapshotHome home;
  CaptureSource source = source_of(home);
  test::write_sparse30(source.upper_path);
  for (const bool hashed : {false, true}) {
    CreateRequest request = named(hashed ? "hashed" : "plain");
    if (hashed) request.integrity = Algorithm::merkle;
    const auto made = create(home.context(), source, request, home.call());
    ASSERT_OK(made);
    EXPECT_EQ(made->descriptor.upper_size, 4U << 20);
    EXPECT_LE(made->allocated_bytes, 1U << 20);
  }
}

TEST(CreateTest, DestinationIsANameOrAPath) {
  SnapshotHome home;
  const CaptureSource source = source_of(home);
  CreateRequest request;
  EXPECT_STATUS(Status::invalid_argument, create(home.context(), source, request, home.call()));
  request.name = "a";
  request.path = home.path("other/a");
  EXPECT_STATUS(Status::invalid_argument, create(home.context(), source, request, home.call()));
  request.name.reset();
  ASSERT_OK(create(home.context(), source, request, home.call()));
  EXPECT_EQ(get(home.context(), home.path("other/a"), home.call())->name, "a");
  request.dest_dir = home.path("third");
  EXPECT_STATUS(Status::invalid_argument, create(home.context(), source, request, home.call()));
  request = named("b");
  request.dest_dir = home.path("third/deep");
  ASSERT_OK(create(home.context(), source, request, home.call()));
  EXPECT_TRUE(std::filesystem::exists(home.path("third/deep/b/manifest.json")));

  for (const std::string& bad : {std::string("a/b"), std::string("a:b"), std::string(".a"), std::string("~a"),
                                 std::string("-a"), std::string(300, 'n'), std::string("a\nb")}) {
    EXPECT_STATUS(Status::invalid_config, create(home.context(), source, named(bad), home.call()));
  }
  for (const char* bad : {"", "/", ".", "..", "x/..", "x/.hidden"}) {
    CreateRequest by_path;
    by_path.path = bad;
    EXPECT_STATUS(Status::invalid_config, create(home.context(), source, by_path, home.call())) << bad;
  }
}

TEST(CreateTest, SameNameInTwoDirectoriesLivesSideBySide) {
  SnapshotHome home;
  const CaptureSource source = source_of(home);
  CreateRequest outside = named("dup");
  outside.dest_dir = home.path("other");
  const auto first = create(home.context(), source, outside, home.call());
  ASSERT_OK(first);
  EXPECT_EQ(home.row(first->digest.text())->name, "dup");
  const auto second = create(home.context(), source, named("dup"), home.call());
  ASSERT_OK(second);
  ASSERT_EQ(home.rows().size(), 2U);
  EXPECT_EQ(home.row(second->digest.text())->name, "dup");
  EXPECT_FALSE(home.row(first->digest.text())->name);
  EXPECT_EQ(get(home.context(), "dup", home.call())->digest, second->digest.text());

  ASSERT_OK(remove(home.context(), "dup", false, home.call()));
  EXPECT_FALSE(std::filesystem::exists(home.snapshot("dup")));
  EXPECT_OK(open_artifact(os::real_fs(), first->path));
  EXPECT_EQ(home.rows().size(), 1U);
}

TEST(CreateTest, MalformedRequestsHaveTheirOwnErrors) {
  SnapshotHome home;
  const CaptureSource source = source_of(home);
  CreateRequest request = named("a");
  request.labels = {{"k\xff", "v"}};
  EXPECT_STATUS(Status::invalid_argument, create(home.context(), source, request, home.call()));
  request.labels = {{"k", "\xc3"}};
  EXPECT_STATUS(Status::invalid_argument, create(home.context(), source, request, home.call()));
  request.labels = {{"", "v"}};
  EXPECT_STATUS(Status::invalid_argument, create(home.context(), source, request, home.call()));
  request.labels = {{"k", std::string(1 << 20, 'v')}};
  EXPECT_STATUS(Status::invalid_argument, create(home.context(), source, request, home.call()));
  request = named("a");
  request.parent = "sha256:abc";
  EXPECT_STATUS(Status::invalid_argument, create(home.context(), source, request, home.call()));

  CaptureSource odd = source;
  odd.image_digest.clear();
  EXPECT_STATUS(Status::invalid_config, create(home.context(), odd, named("a"), home.call()));
  odd = source;
  odd.upper_path = home.path("nothing");
  EXPECT_STATUS(Status::invalid_config, create(home.context(), odd, named("a"), home.call()));
  std::filesystem::create_symlink(source.upper_path, home.path("link"));
  odd.upper_path = home.path("link");
  EXPECT_STATUS(Status::io, create(home.context(), odd, named("a"), home.call()));
  ASSERT_EQ(::mkfifo(home.path("fifo").c_str(), 0600), 0);
  odd.upper_path = home.path("fifo");
  EXPECT_STATUS(Status::io, create(home.context(), odd, named("a"), home.call()));
  EXPECT_TRUE(home.names().empty());
  EXPECT_TRUE(home.rows().empty());
}

TEST(CreateTest, TenThousandLabels) {
  SnapshotHome home;
  CreateRequest request = named("many");
  for (int i = 0; i < 10'000; ++i) request.labels.emplace_back("label-" + std::to_string(i), std::to_string(i * 7));
  ASSERT_OK(create(home.context(), source_of(home), request, home.call()));
  ListOptions options;
  options.labels = {{"label-9999", "69993"}, {"label-0", std::nullopt}};
  EXPECT_EQ(list(home.context(), options, home.call())->size(), 1U);
  options.labels[0].second = "other";
  EXPECT_TRUE(list(home.context(), options, home.call())->empty());
}

TEST(CreateTest, ExistingDestinationGivesWayOnlyToForce) {
  SnapshotHome home;
  const auto first = create(home.context(), source_of(home, "first"), named("a"), home.call());
  ASSERT_OK(first);
  EXPECT_STATUS(Status::snapshot_already_exists,
                create(home.context(), source_of(home, "second"), named("a"), home.call()));
  EXPECT_EQ(test::read_file(first->upper_path()), "first");
  const auto second = create(home.context(), source_of(home, "second"), named("a", true), home.call());
  ASSERT_OK(second);
  EXPECT_EQ(test::read_file(second->upper_path()), "second");
  ASSERT_EQ(home.rows().size(), 1U);
  EXPECT_EQ(home.rows()[0].digest, second->digest.text());
  EXPECT_EQ(home.names(), std::set<std::string>{"a"});
}

TEST(CreateTest, ForceReplacesNothingButSnapshots) {
  SnapshotHome home;
  const CaptureSource source = source_of(home);
  std::filesystem::create_directory(home.snapshot("data"));
  test::write_text(home.snapshot("data/file"), "precious");
  std::filesystem::create_directory(home.snapshot("app"));
  test::write_text(home.snapshot("app/manifest.json"), R"({"name":"an extension"})");
  test::write_text(home.snapshot("plain"), "precious");
  std::filesystem::create_directory_symlink(home.path("db"), home.snapshot("link"));
  for (const char* name : {"data", "app", "plain", "link"}) {
    EXPECT_STATUS(Status::snapshot_already_exists, create(home.context(), source, named(name, true), home.call()));
  }
  EXPECT_EQ(test::read_file(home.snapshot("data/file")), "precious");
  // One whose disk is lost is a snapshot still.
  home.add("snapshots/lost");
  std::filesystem::remove(home.snapshot("lost/upper.ext4"));
  EXPECT_OK(create(home.context(), source, named("lost", true), home.call()));
}

/// Puts something else in the place of a snapshot in the moment in which it is replaced.
class SwappingFs final : public os::Fs {
 public:
  explicit SwappingFs(std::function<void()> swap) : swap_(std::move(swap)) {}
  int rename(int from_dir, const char* from, int to_dir, const char* to, unsigned flags) override {
    if (flags == RENAME_EXCHANGE) std::exchange(swap_, [] {})();
    return Fs::rename(from_dir, from, to_dir, to, flags);
  }

 private:
  std::function<void()> swap_;
};

TEST(CreateTest, ForceJudgesWhatItReplacesWhenItDoes) {
  SnapshotHome home;
  const CaptureSource source = source_of(home);
  ASSERT_OK(create(home.context(), source, named("base"), home.call()));
  SwappingFs swapping([&] {
    std::filesystem::remove_all(home.snapshot("base"));
    std::filesystem::create_directory(home.snapshot("base"));
    test::write_text(home.snapshot("base/file"), "precious");
  });
  home.use(swapping);
  EXPECT_STATUS(Status::snapshot_already_exists, create(home.context(), source, named("base", true), home.call()));
  EXPECT_EQ(test::read_file(home.snapshot("base/file")), "precious");
  EXPECT_EQ(home.names(), std::set<std::string>{"base"});
}

TEST(CreateTest, OriginIsTheParentAsLongAsItExists) {
  SnapshotHome home;
  CaptureSource source = source_of(home);
  const auto base = create(home.context(), source, named("base"), home.call());
  ASSERT_OK(base);
  source.origin = base->digest.text();
  const auto child = create(home.context(), source, named("child"), home.call());
  ASSERT_OK(child);
  EXPECT_EQ(child->descriptor.parent, base->digest.text());
  EXPECT_EQ(home.row(base->digest.text())->child_count, 1U);

  const Done refused = remove(home.context(), "base", false, home.call());
  ASSERT_STATUS(Status::snapshot_has_children, refused);
  EXPECT_EQ(refused.error().message(), "snapshot " + base->digest.text() + " has 1 indexed child snapshot(s)");
  EXPECT_EQ(*refused.error().fact("children"), "1");
  ASSERT_OK(remove(home.context(), base->digest.text(), true, home.call()));
  const auto orphan = create(home.context(), source, named("orphan"), home.call());
  ASSERT_OK(orphan);
  EXPECT_FALSE(orphan->descriptor.parent);
}

TEST(CreateTest, CancelledLeavesNothing) {
  SnapshotHome home;
  const CaptureSource source = source_of(home);
  CancelToken token;
  token.trigger();
  const Call call(&token, Call::Clock::time_point::max(), {}, {});
  EXPECT_STATUS(Status::cancelled, create(home.context(), source, named("a"), call));
  EXPECT_TRUE(home.names().empty());
}

TEST(CreateTest, OfTwoAtOnceOneWins) {
  for (const bool force : {false, true}) {
    SnapshotHome home;
    const CaptureSource source = source_of(home);
    std::atomic<int> made = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        const auto artifact = create(home.context(), source, named("a", force), home.call());
        if (artifact) {
          ++made;
        } else {
          EXPECT_STATUS(Status::snapshot_already_exists, artifact);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(made, force ? 4 : 1);
    const auto there = open_artifact(os::real_fs(), home.snapshot("a"));
    ASSERT_OK(there);
    ASSERT_EQ(home.rows().size(), 1U);
    EXPECT_EQ(home.rows()[0].digest, there->digest.text()) << "the row is of what is there";
    EXPECT_EQ(home.names(), std::set<std::string>{"a"});
  }
}

/// What must hold after whatever happened: the snapshot is the old or the new one, whole, and recovery leaves no more.
void expect_whole(SnapshotHome& home, bool existed) {
  home.use(os::real_fs());
  const auto report = [&]() -> Result<VerifyReport> {
    MSB_TRY(const Artifact artifact, open_artifact(os::real_fs(), home.snapshot("a")));
    return verify(os::real_fs(), artifact, 1, home.call());
  }();
  if (existed || report) {
    ASSERT_OK(report);
    EXPECT_TRUE(report->upper);
  } else {
    EXPECT_STATUS(Status::snapshot_not_found, report);
  }
  ASSERT_OK(recover(home.context(), home.call()));
  EXPECT_EQ(home.names(), report ? std::set<std::string>{"a"} : std::set<std::string>());
  ASSERT_EQ(home.rows().size(), report ? 1U : 0U);
  if (report) {
    EXPECT_EQ(home.rows()[0].digest, report->digest.text());
  }
  EXPECT_EQ(*recover(home.context(), home.call()), 0U);
}

class CreateFaultsTest : public testing::TestWithParam<std::tuple<Fault, bool>> {};

TEST_P(CreateFaultsTest, OldStateOrNew) {
  const auto [fault, replaces] = GetParam();
  for (unsigned at = 1;; ++at) {
    SCOPED_TRACE("operation " + std::to_string(at));
    SnapshotHome home;
    const CaptureSource source = source_of(home, "disk");
    CreateRequest request = named("a", replaces);
    request.integrity = Algorithm::merkle;
    if (replaces) {
      ASSERT_OK(create(home.context(), source, request, home.call()));
    }
    FaultFs faulty(fault, at);
    home.use(faulty);
    const auto made = create(home.context(), source, request, home.call());
    const bool reached = faulty.reached();
    if (!reached) {
      EXPECT_OK(made);
    }
    if (made) {
      EXPECT_EQ(open_artifact(os::real_fs(), home.snapshot("a"))->digest, made->digest);
    }
    expect_whole(home, replaces);
    if (!reached || HasFailure()) break;
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, CreateFaultsTest,
                         testing::Combine(testing::Values(Fault::fail, Fault::crash, Fault::crash_after,
                                                          Fault::no_space, Fault::short_io),
                                          testing::Bool()));

/// Does something to the source before each operation in turn: the copy is never a mixture.
template <typename Disturb>
void expect_no_mixture(Disturb disturb) {
  const std::string before(300'000, 'a');
  const std::string after(300'000, 'b');
  unsigned refused = 0;
  for (unsigned at = 1;; ++at) {
    SCOPED_TRACE("operation " + std::to_string(at));
    SnapshotHome home;
    const CaptureSource source = source_of(home, before);
    // Two writes within one tick of the clock look like one.
    std::filesystem::last_write_time(source.upper_path,
                                     std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
    FaultFs disturbed;
    disturbed.before = [&](unsigned n) {
      if (n == at) disturb(source.upper_path, after);
    };
    home.use(disturbed);
    const auto made = create(home.context(), source, named("a"), home.call());
    home.use(os::real_fs());
    if (made) {
      const std::string copied = test::read_file(made->upper_path());
      EXPECT_TRUE(copied == before || copied == after);
    } else {
      ++refused;
      EXPECT_TRUE(made.error().status() == Status::io || made.error().status() == Status::invalid_config)
          << made.error().message();
      EXPECT_TRUE(home.names().empty());
    }
    if (disturbed.count() < at || testing::Test::HasFailure()) break;
  }
  EXPECT_GT(refused, 2U);
}

TEST(CreateTest, SourceThatChangesIsNotCaptured) {
  expect_no_mixture([](const std::string& path, const std::string& text) { test::write_text(path, text); });
}

TEST(CreateTest, SourceThatVanishesIsNotCaptured) {
  expect_no_mixture([](const std::string& path, const std::string&) { std::filesystem::remove(path); });
}

TEST(CreateTest, SourceThatIsReplacedIsNotCaptured) {
  expect_no_mixture([](const std::string& path, const std::string& text) {
    test::write_text(path + ".new", text);
    std::filesystem::rename(path + ".new", path);
  });
}

TEST(CreateTest, FileSystemsWithoutFlagsOrClonesDo) {
  SnapshotHome home;
  FaultFs plain;
  plain.has_rename_flags = false;
  plain.has_clone = false;
  plain.has_copy_range = false;
  plain.has_seek_data = false;
  home.use(plain);
  ASSERT_OK(create(home.context(), source_of(home), named("a"), home.call()));
  ASSERT_OK(create(home.context(), source_of(home), named("a", true), home.call()));
  EXPECT_EQ(home.names(), std::set<std::string>{"a"});
}

}  // namespace
}  // namespace msb::snapshot
