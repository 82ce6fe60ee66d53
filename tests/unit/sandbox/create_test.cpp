#include "sandbox/create.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <optional>
#include <thread>
#include <tuple>

#include <gtest/gtest.h>
#include <sys/wait.h>

#include "os/publish.h"
#include "sandbox/hold.h"
#include "sandbox/recover.h"
#include "sandbox/registry.h"
#include "sandbox/remove.h"
#include "support/fault_fs.h"
#include "support/fixtures.h"
#include "support/sandbox_home.h"

namespace msb::sandbox {
namespace {

using test::SandboxHome;

/// The disk of a snapshot, and a request for a sandbox of it.
CreateRequest from_snapshot(const SandboxHome& home, const std::string& content = "a disk") {
  test::write_text(home.path("snapshot.ext4"), content);
  CreateRequest request;
  request.origin = Origin{.digest = "sha256:" + std::string(64, 'd'),
                          .image_ref = test::kSandboxImage,
                          .image_digest = home.image(),
                          .upper_path = home.path("snapshot.ext4"),
                          .fill = {},
                          .fstype = "ext4",
                          .upper_size = content.size(),
                          .user = std::nullopt};
  return request;
}

TEST(Create, MakesAStoppedSandboxFromAnImage) {
  const SandboxHome home;
  CreateRequest request = test::sandbox_request();
  request.labels = {{"tier", "web"}, {"a", ""}};
  const auto made = home.create("web", request);
  ASSERT_OK(made);
  EXPECT_EQ(made->name, "web");
  EXPECT_EQ(made->status, Status::stopped);
  EXPECT_EQ(made->image_ref, test::kSandboxImage);
  EXPECT_EQ(made->image_digest, home.image());
  EXPECT_EQ(made->source_snapshot, std::nullopt);
  EXPECT_EQ(made->labels, (std::map<std::string, std::string>{{"a", ""}, {"tier", "web"}}));
  EXPECT_EQ(made->upper_path, home.directory("web") + "/upper.ext4");
  EXPECT_EQ(made->upper_size, test::kSmallDisk);
  EXPECT_GT(made->upper_allocated, 0U);
  EXPECT_LT(made->upper_allocated, uint64_t{2} << 20);
  EXPECT_EQ(made->created_at, made->updated_at);
  EXPECT_EQ(home.names(), (std::set<std::string>{"web"}));
  EXPECT_FALSE(std::filesystem::exists(home.directory("web") + "/.unrecorded"));
  const auto found = get(home.context(), "web", home.call());
  ASSERT_OK(found);
  EXPECT_EQ(found->config_json, made->config_json);
}

TEST(Create, PinsTheImageWithTheRecord) {
  const SandboxHome home;
  ASSERT_OK(home.create("web"));
  EXPECT_EQ(home.query("SELECT m.digest FROM sandbox_rootfs r JOIN manifest m ON m.id = r.manifest_id"), home.image());
  EXPECT_EQ(home.query("SELECT mode || ' ' || upper_fstype FROM sandbox_rootfs"), "erofs ext4");
}

TEST(Create, MakesADiskOf4GiBUnlessToldOtherwise) {
  const SandboxHome home;
  CreateRequest request = test::sandbox_request();
  request.upper_size = 0;
  const auto made = home.create("web", request);
  ASSERT_OK(made);
  EXPECT_EQ(made->upper_size, uint64_t{4} << 30);
}

TEST(Create, CopiesTheDiskOfASnapshotAndRemembersIt) {
  const SandboxHome home;
  const CreateRequest request = from_snapshot(home);
  const auto made = home.create("copy", request);
  ASSERT_OK(made);
  EXPECT_EQ(made->source_snapshot, request.origin->digest);
  EXPECT_EQ(made->image_digest, home.image());
  EXPECT_EQ(made->upper_size, request.origin->upper_size);
  EXPECT_EQ(test::read_file(*made->upper_path), "a disk");
  EXPECT_EQ(get(home.context(), "copy", home.call())->source_snapshot, request.origin->digest);
}

TEST(Create, RefusesWhatIsNoRequest) {
  const SandboxHome home;
  const auto refused = [&](msb::Status status, const CreateRequest& request, const std::string& name = "web") {
    EXPECT_STATUS(status, home.create(name, request));
    EXPECT_EQ(home.names(), (std::set<std::string>()));
    EXPECT_EQ(home.query("SELECT name FROM sandbox"), "none");
  };
  refused(msb::Status::invalid_argument, CreateRequest());
  CreateRequest both = from_snapshot(home);
  both.image = test::kSandboxImage;
  refused(msb::Status::invalid_argument, both);
  CreateRequest sized = from_snapshot(home);
  sized.upper_size = test::kSmallDisk;
  refused(msb::Status::invalid_argument, sized);
  CreateRequest small = test::sandbox_request();
  small.upper_size = uint64_t{64} << 20;
  refused(msb::Status::invalid_argument, small);
  for (const std::pair<std::string, std::string>& label :
       {std::pair<std::string, std::string>{"", "x"}, {"x", "\xff"}, {"\xc0\x80", "x"}}) {
    CreateRequest labelled = test::sandbox_request();
    labelled.labels = {label};
    refused(msb::Status::invalid_argument, labelled);
  }
  CreateRequest twice = test::sandbox_request();
  twice.labels = {{"x", "1"}, {"x", "2"}};
  refused(msb::Status::invalid_argument, twice);
  CreateRequest long_labels = test::sandbox_request();
  long_labels.labels = {{"x", std::string(size_t{1} << 20, 'y')}};
  refused(msb::Status::invalid_argument, long_labels);
  for (const char* config : {"[]", "{", R"({"name":"other"})", R"({"image":{}})", R"({"labels":{}})", R"({"env":{}})",
                             R"({"env":["A=1"]})", R"({"env":[{"key":"A"}]})", R"({"env":[["A",1]]})"}) {
    CreateRequest configured = test::sandbox_request();
    configured.config_json = config;
    refused(msb::Status::invalid_config, configured);
  }
  for (const std::string& name :
       {std::string(), std::string("a/b"), std::string("a:b"), std::string(".a"), std::string("~a"), std::string("-a"),
        std::string("a b"), std::string("\xc3\xa4"), std::string(129, 'a'), std::string(300, 'a')}) {
    refused(msb::Status::invalid_config, test::sandbox_request(), name);
  }
  CreateRequest unknown = test::sandbox_request();
  unknown.image = "local/unknown:1";
  refused(msb::Status::image_not_found, unknown);
}

TEST(Create, TakesTenThousandLabels) {
  const SandboxHome home;
  CreateRequest request = test::sandbox_request();
  for (int i = 0; i < 10'000; ++i) request.labels.emplace_back("key-" + std::to_string(i), std::to_string(i));
  ASSERT_OK(home.create("web", request));
  EXPECT_EQ(home.query("SELECT count(*) FROM sandbox_labels"), "10000");
  const auto found = list(home.context(), {{"key-9999", "9999"}, {"key-0", std::nullopt}}, home.call());
  ASSERT_OK(found);
  ASSERT_EQ(found->size(), 1U);
  EXPECT_EQ(found->front().labels.size(), 10'000U);
}

TEST(Create, RefusesAnImageWhoseFilesAreGone) {
  const SandboxHome home;
  std::filesystem::remove_all(home.path("cache/fsmeta"));
  const auto from_image = home.create("web");
  EXPECT_STATUS(msb::Status::image_not_found, from_image);
  const auto restored = home.create("web", from_snapshot(home));
  ASSERT_STATUS(msb::Status::snapshot_image_missing, restored);
  EXPECT_EQ(*restored.error().fact("reference"), test::kSandboxImage);
}

TEST(Create, RefusesADamagedSnapshot) {
  const SandboxHome home;
  CreateRequest request = from_snapshot(home);
  request.origin->upper_size += 1;
  EXPECT_STATUS(msb::Status::snapshot_integrity, home.create("copy", request));
  std::filesystem::remove(home.path("snapshot.ext4"));
  EXPECT_STATUS(msb::Status::snapshot_integrity, home.create("copy", request));
  std::filesystem::create_symlink("/dev/zero", home.path("snapshot.ext4"));
  EXPECT_FALSE(home.create("copy", request).ok());
  EXPECT_EQ(home.names(), (std::set<std::string>()));
}

TEST(Create, RefusesANameThatIsTaken) {
  const SandboxHome home;
  ASSERT_OK(home.create("web"));
  EXPECT_STATUS(msb::Status::sandbox_already_exists, home.create("web"));
  std::filesystem::create_directories(home.directory("foreign"));
  const auto refused = home.create("foreign");
  EXPECT_STATUS(msb::Status::sandbox_already_exists, refused);
  EXPECT_TRUE(std::filesystem::exists(home.directory("foreign")));
  EXPECT_EQ(home.query("SELECT count(*) FROM sandbox"), "1");
}

TEST(Create, ReplacesASandboxThatIsNotRunning) {
  const SandboxHome home;
  ASSERT_OK(home.create("web"));
  CreateRequest request = from_snapshot(home);
  request.replace = true;
  const auto made = home.create("web", request);
  ASSERT_OK(made);
  EXPECT_EQ(test::read_file(*made->upper_path), "a disk");
  EXPECT_EQ(home.query("SELECT count(*) FROM sandbox"), "1");
  ASSERT_OK(set_status(home.context(), "web", Status::running, ::getpid(), home.call()));
  EXPECT_STATUS(msb::Status::sandbox_still_running, home.create("web", request));
  EXPECT_EQ(home.names(), (std::set<std::string>{"web"}));
}

TEST(Create, LeavesTheOldSandboxWhenTheNewOneFails) {
  const SandboxHome home;
  const auto old = home.create("web");
  ASSERT_OK(old);
  CreateRequest request = from_snapshot(home);
  request.replace = true;
  request.origin->upper_size = 1;
  EXPECT_STATUS(msb::Status::snapshot_integrity, home.create("web", request));
  EXPECT_EQ(get(home.context(), "web", home.call())->config_json, old->config_json);
  EXPECT_EQ(home.names(), (std::set<std::string>{"web"}));
}

TEST(Create, MergesTheEnvironmentByName) {
  SandboxHome home;
  CreateRequest request = test::sandbox_request();
  request.config_json = R"({"env":[{"key":"NEW","value":"1"},["PATH","/opt"],{"key":"NEW","value":"2"}]})";
  ASSERT_OK(home.create("web", request));
  EXPECT_EQ(home.query("SELECT json_extract(config, '$.env') FROM sandbox"),
            R"([{"key":"PATH","value":"/opt"},{"key":"EMPTY","value":""},{"key":"BARE","value":""},)"
            R"({"key":"NEW","value":"2"}])");
}

TEST(Create, WritesWhatTheOwnerOfTheHomeReads) {
  // Where the size of the disk and the environment are, release by release.
  const std::string nested = "$.env[0].key";
  const std::map<std::string, std::pair<std::string, std::string>> releases = {
      {"0.5.7", {"$.image.Oci.upper_size_mib", "$.env[0][0]"}}, {"0.6.2", {"$.image.Oci.upper_size_mib", nested}},
      {"0.6.6", {"$.image.Oci.upper_size_mib", nested}},        {"0.6.7", {"$.image.Oci.root_disk.size_mib", nested}},
      {"0.6.14", {"$.image.Oci.root_disk.size_mib", nested}},   {"0.6.18", {"$.image.Oci.root_disk.size_mib", nested}},
  };
  for (const auto& [release, places] : releases) {
    const auto dump = test::upstream_path("snapshots/" + release + "/msb.db.sql");
    SandboxHome home;
    home.replace_database(test::read_file(dump));
    test::add_sandbox_image(home.context());
    CreateRequest request = test::sandbox_request();
    request.config_json = R"({"resources":{"cpus":3},"cpus":3,"future":{"a":[1]},"env":[{"key":"NEW","value":"1"}]})";
    const auto made = home.create("web", request);
    ASSERT_OK(made) << release;
    const std::string config = " FROM sandbox WHERE name = 'web'";
    EXPECT_EQ(home.query("SELECT json_extract(config, '" + places.first + "')" + config), "68") << release;
    EXPECT_EQ(home.query("SELECT json_extract(config, '" + places.second + "')" + config), "PATH") << release;
    const std::string added = places.second == nested ? "$.env[3].key" : "$.env[3][0]";
    EXPECT_EQ(home.query("SELECT json_extract(config, '" + added + "')" + config), "NEW") << release;
    EXPECT_EQ(home.query("SELECT json_extract(config, '$.future.a[0]')" + config), "1") << release;
    EXPECT_EQ(home.query("SELECT json_extract(config, '$.resources.cpus')" + config), "3") << release;
    ASSERT_OK(set_status(home.context(), "web", Status::running, ::getpid(), home.call())) << release;
    ASSERT_OK(set_status(home.context(), "web", Status::stopped, 0, home.call())) << release;
    EXPECT_OK(remove(home.context(), "web", home.call())) << release;
    EXPECT_EQ(get(home.context(), "base1", home.call())->status, Status::stopped) << release;
  }
}

TEST(Create, LeavesHomesOfLaterReleasesAlone) {
  const auto dump = test::upstream_path("snapshots/0.7.2/msb.db.sql");
  SandboxHome home;
  home.replace_database(test::read_file(dump));
  EXPECT_STATUS(msb::Status::database, home.create("web"));
  EXPECT_EQ(home.names(), (std::set<std::string>()));
  const auto found = list(home.context(), {}, home.call());
  ASSERT_OK(found);
  ASSERT_FALSE(found->empty());
  EXPECT_EQ(found->front().status, Status::stopped);
  EXPECT_STATUS(msb::Status::database, remove(home.context(), found->front().name, home.call()));
  EXPECT_FALSE(std::filesystem::exists(home.path("run")));
}

TEST(Create, OneOfTwoWins) {
  const SandboxHome home;
  for (int round = 0; round < 10; ++round) {
    const std::string name = "web-" + std::to_string(round);
    std::array<std::optional<Result<Sandbox>>, 4> results;
    {
      std::vector<std::jthread> threads;
      for (auto& result : results) threads.emplace_back([&] { result.emplace(home.create(name)); });
    }
    int won = 0;
    for (const auto& result : results) {
      if (result->ok()) {
        ++won;
      } else {
        EXPECT_STATUS(msb::Status::sandbox_already_exists, *result);
      }
    }
    EXPECT_EQ(won, 1);
  }
  EXPECT_EQ(home.names().size(), 10U);
}

TEST(Create, RefusesToWriteForAReadOnlyClient) {
  SandboxHome home;
  ASSERT_OK(home.create("web"));
  const auto database = index::Database::open(os::real_fs(), home.path("db"), {.read_only = true}, home.call());
  ASSERT_OK(database);
  const image::Context context = home.context_with(**database);
  EXPECT_STATUS(msb::Status::unsupported, create(context, "other", test::sandbox_request(), home.call()));
  EXPECT_STATUS(msb::Status::unsupported, remove(context, "web", home.call()));
  EXPECT_STATUS(msb::Status::unsupported, hold_stopped(context, "web", home.call()));
  EXPECT_STATUS(msb::Status::unsupported, set_status(context, "web", Status::crashed, 0, home.call()));
  EXPECT_OK(get(context, "web", home.call()));
}

TEST(Create, StopsWithItsCall) {
  const SandboxHome home;
  CancelToken cancel;
  cancel.trigger();
  const Call call(&cancel, Call::Clock::time_point::max(), {}, {});
  EXPECT_STATUS(msb::Status::cancelled, create(home.context(), "web", test::sandbox_request(), call));
  EXPECT_EQ(home.names(), (std::set<std::string>()));
}

class CreateFaults : public testing::TestWithParam<test::Fault> {};

TEST_P(CreateFaults, LeaveTheNameFree) {
  for (const bool restored : {false, true}) {
    SandboxHome home;
    const CreateRequest request = restored ? from_snapshot(home) : test::sandbox_request();
    for (unsigned at = 1;; ++at) {
      test::FaultFs fs(GetParam(), at);
      home.use(fs);
      const auto made = home.create("web", request);
      home.use(os::real_fs());
      const bool killed = GetParam() == test::Fault::crash || GetParam() == test::Fault::crash_after;
      if (killed) {
        ASSERT_OK(recover(home.context(), home.call())) << at;
      } else if (!made) {
        EXPECT_EQ(home.names(), (std::set<std::string>())) << at << ": " << made.error().message();
      }
      const bool recorded = home.query("SELECT count(*) FROM sandbox") == "1";
      if (!killed) {
        EXPECT_EQ(recorded, made.ok()) << at;
      }
      EXPECT_EQ(home.names(), recorded ? std::set<std::string>{"web"} : std::set<std::string>()) << at;
      if (recorded) {
        const auto found = get(home.context(), "web", home.call());
        ASSERT_OK(found);
        EXPECT_EQ(found->upper_size, restored ? 6U : test::kSmallDisk) << at;
        ASSERT_OK(recover(home.context(), home.call())) << at;
        EXPECT_FALSE(std::filesystem::exists(home.directory("web") + "/.unrecorded")) << at;
        ASSERT_OK(remove(home.context(), "web", home.call())) << at;
      }
      if (!fs.reached()) break;
      ASSERT_LT(at, 2000U);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, CreateFaults,
                         testing::Values(test::Fault::fail, test::Fault::crash, test::Fault::crash_after,
                                         test::Fault::no_space, test::Fault::short_io));

class ReplaceFaults : public testing::TestWithParam<std::tuple<test::Fault, bool>> {};

/// At every single point there is the old sandbox with its disk or the new one with its own.
TEST_P(ReplaceFaults, LeaveTheOldOneOrTheNew) {
  const auto& [fault, has_rename_flags] = GetParam();
  for (unsigned at = 1;; ++at) {
    SandboxHome home;
    ASSERT_OK(home.create("web", from_snapshot(home, "the old disk")));
    const std::string old = home.query("SELECT id FROM sandbox");
    CreateRequest request = from_snapshot(home, "new disk");
    request.replace = true;
    test::FaultFs fs(fault, at);
    fs.has_rename_flags = has_rename_flags;
    home.use(fs);
    const auto made = home.create("web", request);
    home.use(os::real_fs());
    const bool killed = fault == test::Fault::crash || fault == test::Fault::crash_after;
    ASSERT_OK(recover(home.context(), home.call())) << at;
    const auto found = get(home.context(), "web", home.call());
    ASSERT_OK(found) << at;
    const bool is_new = home.query("SELECT id FROM sandbox") != old;
    EXPECT_TRUE(is_new || !made) << at;
    if (!killed && is_new && !made) {
      // Where directories cannot be exchanged, the old one has to go after the records.
      EXPECT_FALSE(has_rename_flags) << at << made.error().message();
      EXPECT_NE(made.error().message().find("'recover' completes the replacement of web"), std::string::npos)
          << at << ": " << made.error().message();
    }
    ASSERT_TRUE(found->upper_path) << at;
    EXPECT_EQ(test::read_file(*found->upper_path), is_new ? "new disk" : "the old disk") << at;
    EXPECT_EQ(home.names(), std::set<std::string>{"web"}) << at;
    EXPECT_FALSE(std::filesystem::exists(home.directory("web") + "/.unrecorded")) << at;
    EXPECT_EQ(*recover(home.context(), home.call()), 0U) << at;
    if (!fs.reached() || HasFailure()) break;
    ASSERT_LT(at, 2000U);
  }
}

INSTANTIATE_TEST_SUITE_P(, ReplaceFaults,
                         testing::Combine(testing::Values(test::Fault::fail, test::Fault::crash,
                                                          test::Fault::crash_after, test::Fault::no_space),
                                          testing::Bool()));

/// A kill between the exchange of the directories and the commit of the records, and right after it.
TEST(Create, ReplacementIsWhatTheDatabaseSays) {
  for (const bool committed : {false, true}) {
    SandboxHome home;
    ASSERT_OK(home.create("web", from_snapshot(home, "the old disk")));
    // Once it is committed, the record that the mark names has gone.
    const std::string id = home.query(committed ? "SELECT id - 1 FROM sandbox" : "SELECT id FROM sandbox");
    std::filesystem::create_directory(home.directory(".aside-web"));
    test::write_text(home.directory(".aside-web") + "/upper.ext4", "new disk");
    test::write_text(home.directory(".aside-web") + "/.unrecorded", "replaces " + id + "\n");
    ASSERT_OK(os::exchange(os::real_fs(), home.path("sandboxes"), "web", ".aside-web"));
    EXPECT_EQ(*recover(home.context(), home.call()), 1U);
    EXPECT_EQ(test::read_file(home.directory("web") + "/upper.ext4"), committed ? "new disk" : "the old disk");
    EXPECT_EQ(home.names(), std::set<std::string>{"web"});
    EXPECT_FALSE(std::filesystem::exists(home.directory("web") + "/.unrecorded"));
  }
}

class RemovalFaults : public testing::TestWithParam<test::Fault> {};

/// A sandbox that is listed has its disk; one that is not has none.
TEST_P(RemovalFaults, LeaveAWholeSandboxOrNone) {
  for (unsigned at = 1;; ++at) {
    SandboxHome home;
    ASSERT_OK(home.create("web", from_snapshot(home)));
    test::FaultFs fs(GetParam(), at);
    home.use(fs);
    const Done removed = remove(home.context(), "web", home.call());
    home.use(os::real_fs());
    ASSERT_OK(recover(home.context(), home.call())) << at;
    const auto found = get(home.context(), "web", home.call());
    EXPECT_TRUE(!found || !removed) << at;
    EXPECT_EQ(home.names(), found ? std::set<std::string>{"web"} : std::set<std::string>()) << at;
    if (found) {
      EXPECT_TRUE(found->upper_path) << at;
    }
    if (GetParam() == test::Fault::fail) {
      EXPECT_EQ(found.ok(), !removed) << at << ": a removal that has happened is none that failed";
    }
    if (!fs.reached() || HasFailure()) break;
    ASSERT_LT(at, 2000U);
  }
}

INSTANTIATE_TEST_SUITE_P(, RemovalFaults,
                         testing::Values(test::Fault::fail, test::Fault::crash, test::Fault::crash_after));

TEST(Create, SurvivesKillingItsProcessAtAnyMoment) {
  SandboxHome home;
  const CreateRequest request = from_snapshot(home, std::string(1 << 16, 'x'));
  for (int round = 0; round < 60; ++round) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto database = index::Database::open(os::real_fs(), home.path("db"), {}, Call());
      if (database) {
        image::Context context = home.context_with(**database);
        (void)create(context, "web", request, Call());
      }
      ::_exit(0);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(100 * round));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    ASSERT_OK(recover(home.context(), home.call()));
    const auto found = get(home.context(), "web", home.call());
    EXPECT_EQ(home.names(), found ? std::set<std::string>{"web"} : std::set<std::string>()) << round;
    if (!found) continue;
    EXPECT_EQ(found->upper_size, uint64_t{1} << 16) << round;
    ASSERT_OK(remove(home.context(), "web", home.call())) << round;
  }
}

TEST(Create, NeedsNoRecoveryToTakeANameThatAKilledOneHadTaken) {
  SandboxHome home;
  std::filesystem::create_directories(home.directory("web"));
  test::write_text(home.directory("web") + "/.unrecorded", "");
  EXPECT_OK(home.create("web"));
}

}  // namespace
}  // namespace msb::sandbox
