#include "sandbox/registry.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include <gtest/gtest.h>

#include "child.h"
#include "sandbox/directory.h"
#include "sandbox/locks.h"
#include "support/fixtures.h"
#include "support/sandbox_home.h"

namespace msb::sandbox {
namespace {

using test::Child;
using test::SandboxHome;

class RegistryTest : public testing::Test {
 protected:
  Status status_of(const std::string& name) const {
    const auto found = get(home_.context(), name, home_.call());
    EXPECT_OK(found);
    return found ? found->status : Status{};
  }
  Done set(const std::string& name, Status status, int64_t pid = 0) const {
    return set_status(home_.context(), name, status, pid, home_.call());
  }
  std::vector<std::string> listed(const LabelFilter& labels = {}) const {
    std::vector<std::string> names;
    const auto found = list(home_.context(), labels, home_.call());
    EXPECT_OK(found);
    for (const Sandbox& sandbox : *found) names.push_back(sandbox.name);
    return names;
  }
  void add(const std::string& name, std::vector<std::pair<std::string, std::string>> labels = {}) const {
    CreateRequest request = test::sandbox_request();
    request.labels = std::move(labels);
    ASSERT_OK(home_.create(name, request));
  }
  std::string query(const std::string& sql) const { return home_.query(sql); }

  SandboxHome home_;
};

TEST_F(RegistryTest, SaysThatThereIsNone) {
  const auto found = get(home_.context(), "nobody", home_.call());
  ASSERT_STATUS(msb::Status::sandbox_not_found, found);
  EXPECT_EQ(*found.error().fact("name"), "nobody");
  EXPECT_STATUS(msb::Status::sandbox_not_found, set("nobody", Status::stopped));
  EXPECT_EQ(listed(), (std::vector<std::string>()));
}

TEST_F(RegistryTest, ListsTheNewestFirst) {
  for (const char* name : {"b", "a", "c", "d"}) add(name);
  home_.run_script(
      "UPDATE sandbox SET created_at = '2026-01-02 00:00:00.5' WHERE name = 'c';"
      "UPDATE sandbox SET created_at = 1 WHERE name IN ('a', 'b')");
  EXPECT_EQ(listed(), (std::vector<std::string>{"d", "c", "a", "b"}));
}

TEST_F(RegistryTest, FiltersByLabels) {
  add("one", {{"tier", "web"}, {"zone", "eu"}});
  add("two", {{"tier", "db"}});
  add("three");
  EXPECT_EQ(listed({{"tier", std::nullopt}}), (std::vector<std::string>{"two", "one"}));
  EXPECT_EQ(listed({{"tier", "web"}}), (std::vector<std::string>{"one"}));
  EXPECT_EQ(listed({{"tier", "web"}, {"zone", "us"}}), (std::vector<std::string>()));
}

TEST_F(RegistryTest, LeavesOutWhatItDoesNotUnderstand) {
  add("good");
  add("odd");
  home_.run_script("UPDATE sandbox SET status = 'Dreaming' WHERE name = 'odd'");
  EXPECT_EQ(listed(), (std::vector<std::string>{"good"}));
  EXPECT_EQ(home_.warnings().size(), 1U);
  EXPECT_STATUS(msb::Status::unsupported, get(home_.context(), "odd", home_.call()));
}

TEST_F(RegistryTest, ReadsRecordsOfOthers) {
  home_.run_script(
      R"(INSERT INTO sandbox (name, config, status) VALUES
         ('bind', '{"image":{"Bind":"/srv"}}', 'Stopped'),
         ('flat', '{"image":{"Oci":{"reference":"a","root_disk":{"kind":"flat"}}}}', 'Stopped'),
         ('old', '{"image":{"Oci":"docker.io/library/a"},"labels":{"x":"y"}}', 'Crashed'),
         ('../evil', '{"image":{"Oci":{"reference":"a"}}}', 'Stopped'),
         ('torn', '{', 'Stopped'))");
  for (const char* name : {"bind", "flat", "old", "torn"}) {
    std::filesystem::create_directories(home_.directory(name));
    test::write_text(home_.directory(name) + "/upper.ext4", "disk");
  }
  test::write_text(home_.path("upper.ext4"), "disk");
  const auto read = [&](const std::string& name) { return *get(home_.context(), name, home_.call()); };
  EXPECT_EQ(read("bind").image_ref, std::nullopt);
  EXPECT_EQ(read("bind").upper_path, std::nullopt);
  EXPECT_EQ(read("flat").upper_path, std::nullopt);
  EXPECT_EQ(read("old").image_ref, "docker.io/library/a");
  EXPECT_EQ(read("old").upper_size, 4U);
  EXPECT_EQ(read("old").labels.at("x"), "y");
  EXPECT_EQ(read("torn").upper_path, std::nullopt);
  EXPECT_EQ(read("../evil").upper_path, std::nullopt);
}

TEST_F(RegistryTest, IgnoresAnOriginThatIsMalformed) {
  add("web");
  size_t rejects = 0;
  for (const auto& reject : std::filesystem::directory_iterator(test::tests_path("golden/reject/origin"))) {
    const std::string text = test::read_file(reject.path());
    EXPECT_STATUS(msb::Status::json, parse_origin(text)) << reject.path();
    test::write_text(home_.directory("web") + "/origin.json", text);
    EXPECT_EQ(get(home_.context(), "web", home_.call())->source_snapshot, std::nullopt) << reject.path();
    EXPECT_EQ(home_.warnings().size(), ++rejects) << reject.path();
  }
  EXPECT_GE(rejects, 5U);
  std::filesystem::remove(home_.directory("web") + "/origin.json");
  std::filesystem::create_symlink("/dev/zero", home_.directory("web") + "/origin.json");
  EXPECT_EQ(get(home_.context(), "web", home_.call())->source_snapshot, std::nullopt);
}

TEST_F(RegistryTest, ARunningSandboxWhoseProcessIsGoneHasCrashed) {
  add("web");
  Child child;
  ASSERT_OK(set("web", Status::running, child.pid()));
  EXPECT_EQ(status_of("web"), Status::running);
  child.kill();
  EXPECT_EQ(status_of("web"), Status::crashed) << "a zombie does not run";
  child.end();
  EXPECT_EQ(status_of("web"), Status::crashed);
  EXPECT_EQ(query("SELECT status FROM sandbox"), "Running") << "looking writes nothing";
}

TEST_F(RegistryTest, OneThatWasToStopHasStopped) {
  add("web");
  Child child;
  ASSERT_OK(set("web", Status::running, child.pid()));
  ASSERT_OK(set("web", Status::draining, child.pid()));
  EXPECT_EQ(status_of("web"), Status::draining);
  child.end();
  EXPECT_EQ(status_of("web"), Status::stopped);
}

TEST_F(RegistryTest, TheLifecycleLockIsASignOfLife) {
  add("web");
  Child child;
  ASSERT_OK(set("web", Status::running, child.pid()));
  child.end();
  {
    const auto lock = lock_lifecycle(home_.context(), "web", home_.call());
    ASSERT_OK(lock);
    EXPECT_EQ(status_of("web"), Status::running);
  }
  EXPECT_EQ(status_of("web"), Status::crashed);
}

TEST_F(RegistryTest, AProcessNumberThatWasGivenAgainIsNoSignOfLife) {
  add("web");
  const Child stranger;
  ASSERT_OK(set("web", Status::running, stranger.pid()));
  EXPECT_EQ(status_of("web"), Status::running) << "it may be the one";
  home_.run_script("UPDATE sandbox SET updated_at = '2020-01-01 00:00:00'");
  EXPECT_EQ(status_of("web"), Status::crashed);
  // With the disk in its hands it is the one, whatever the clock has been through.
  const int disk = ::open((home_.directory("web") + "/upper.ext4").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(disk, 0);
  const Child machine;
  ::close(disk);
  home_.run_script("UPDATE run SET pid = " + std::to_string(machine.pid()));
  EXPECT_EQ(status_of("web"), Status::running);
}

TEST_F(RegistryTest, OneWithoutAProcessIsStillStarting) {
  add("web");
  home_.run_script("UPDATE sandbox SET status = 'Running'");
  EXPECT_EQ(status_of("web"), Status::running);
}

TEST_F(RegistryTest, TheNewestRunCounts) {
  add("web");
  home_.run_script(
      "UPDATE sandbox SET status = 'Running';"
      "INSERT INTO run (sandbox_id, pid, status, started_at) VALUES (1, " +
      std::to_string(::getpid()) +
      ", 'Running', '2026-01-01 00:00:00'), (1, 0, 'Running', "
      "'2026-01-02 00:00:00'), (1, " +
      std::to_string(::getpid()) + ", 'Terminated', '2026-01-03 00:00:00')");
  EXPECT_EQ(status_of("web"), Status::crashed);
}

TEST_F(RegistryTest, RecordsARunFromStartToEnd) {
  add("web");
  ASSERT_OK(set("web", Status::starting, ::getpid()));
  ASSERT_OK(set("web", Status::running, ::getpid()));
  ASSERT_OK(set("web", Status::paused, ::getpid()));
  ASSERT_OK(set("web", Status::running, ::getpid()));
  EXPECT_EQ(query("SELECT count(*) || ' ' || status || ' ' || pid FROM run"),
            "1 Running " + std::to_string(::getpid()));
  ASSERT_OK(set("web", Status::stopped));
  EXPECT_EQ(query("SELECT status || ' ' || termination_reason FROM run"), "Terminated ShutdownRequested");
  EXPECT_EQ(query("SELECT terminated_at IS NOT NULL FROM run"), "1");
  ASSERT_OK(set("web", Status::running, ::getpid()));
  EXPECT_EQ(query("SELECT count(*) FROM run"), "2");
  ASSERT_OK(set("web", Status::crashed));
  EXPECT_EQ(query("SELECT termination_reason FROM run ORDER BY id DESC"), "InternalError");
  EXPECT_EQ(status_of("web"), Status::crashed);
}

TEST_F(RegistryTest, KeepsTheConfigurationOfTheRunningMachineWhereTheReleaseDoes) {
  home_.run_script("ALTER TABLE sandbox ADD COLUMN active_config text");
  add("web");
  ASSERT_OK(set("web", Status::running, ::getpid()));
  EXPECT_EQ(query("SELECT active_config = config FROM sandbox"), "1");
  ASSERT_OK(set("web", Status::stopped));
  EXPECT_EQ(query("SELECT active_config IS NULL FROM sandbox"), "1");
}

TEST_F(RegistryTest, RefusesStatusesThatCannotFollow) {
  add("web");
  const auto refused = [&](Status status, int64_t pid) {
    EXPECT_STATUS(msb::Status::invalid_argument, set("web", status, pid)) << status_name(status);
  };
  refused(static_cast<Status>(0), 0);
  refused(static_cast<Status>(8), 0);
  refused(Status::running, 0);
  refused(Status::running, -1);
  refused(Status::stopped, 1);
  refused(Status::created, 0);
  refused(Status::draining, ::getpid());
  refused(Status::paused, ::getpid());
  ASSERT_OK(set("web", Status::running, ::getpid()));
  refused(Status::starting, ::getpid());
  ASSERT_OK(set("web", Status::draining, ::getpid()));
  refused(Status::running, ::getpid());
}

TEST_F(RegistryTest, TakesOverFromAProcessThatDied) {
  add("web");
  Child child;
  ASSERT_OK(set("web", Status::running, child.pid()));
  child.end();
  ASSERT_OK(set("web", Status::starting, ::getpid()));
  EXPECT_EQ(status_of("web"), Status::starting);
}

TEST(SandboxNames, NameEveryStatus) {
  const std::vector<std::string_view> names = {"unknown", "created", "starting", "running", "draining",
                                               "paused",  "stopped", "crashed",  "unknown"};
  for (size_t i = 0; i < names.size(); ++i) EXPECT_EQ(status_name(static_cast<Status>(i)), names[i]);
}

}  // namespace
}  // namespace msb::sandbox
