#include "client/home.h"

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/wait.h>

namespace msb::client {
namespace {

namespace fs = std::filesystem;

class HomeTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "msb-home-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    dir_ = name;
    for (const char* variable : {"MSB_HOME", "MSB_CONFIG_PATH"}) ::unsetenv(variable);
    ::setenv("HOME", dir_.c_str(), 1);
  }
  void TearDown() override { fs::remove_all(dir_); }

  void write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  static HomeOptions rooted(const std::string& root) {
    HomeOptions options;
    options.root = root;
    return options;
  }
  Home locate(const HomeOptions& options = {}) {
    auto home = locate_home(os::real_fs(), options);
    EXPECT_TRUE(home.ok()) << home.error().message();
    return home.ok() ? *home : Home{};
  }

  fs::path dir_;
};

TEST_F(HomeTest, DefaultsToTheUsersHome) {
  const Home home = locate();
  EXPECT_EQ(home.root, dir_ / ".microsandbox");
  EXPECT_EQ(home.cache, dir_ / ".microsandbox/cache");
  EXPECT_EQ(home.snapshots, dir_ / ".microsandbox/snapshots");
  EXPECT_EQ(home.database, dir_ / ".microsandbox/db");
  EXPECT_FALSE(home.busy_timeout);
}

TEST_F(HomeTest, ThePasswordFileTellsWhereHomeDoesNot) {
  const passwd* const user = ::getpwuid(::getuid());
  if (user == nullptr) GTEST_SKIP() << "this user has no entry";
  for (const bool empty : {false, true}) {
    empty ? ::setenv("HOME", "", 1) : ::unsetenv("HOME");
    EXPECT_EQ(locate().root, fs::path(user->pw_dir) / ".microsandbox");
    EXPECT_EQ(locate(rooted("~/other")).root, fs::path(user->pw_dir) / "other");
  }
}

TEST_F(HomeTest, AUserWithoutAHomeGetsNoneInTheWorkingDirectory) {
  constexpr uid_t kNobodyWeKnow = 54321;
  if (::getuid() != 0 || ::getpwuid(kNobodyWeKnow) != nullptr) GTEST_SKIP() << "needs root, and a user without entry";
  const pid_t child = ::fork();
  if (child == 0) {
    ::unsetenv("HOME");
    bool well = ::setuid(kNobodyWeKnow) == 0;
    for (const HomeOptions& options : {HomeOptions(), rooted("~"), rooted("~/other")}) {
      const auto home = locate_home(os::real_fs(), options);
      well = well && !home && home.error().status() == Status::invalid_config &&
             home.error().message().find("set HOME or MSB_HOME") != std::string::npos;
    }
    ::setenv("MSB_HOME", "/somewhere", 1);
    well = well && locate_home(os::real_fs(), {}).ok();
    ::_exit(well ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST_F(HomeTest, EnvironmentNamesTheHome) {
  ::setenv("MSB_HOME", (dir_ / "other").c_str(), 1);
  EXPECT_EQ(locate().root, dir_ / "other");
}

TEST_F(HomeTest, AnExplicitHomeIsNotOverruled) {
  ::setenv("MSB_HOME", "/elsewhere", 1);
  ::setenv("MSB_CONFIG_PATH", (dir_ / "no.json").c_str(), 1);
  write(dir_ / "mine/config.json", R"({"home":"/ignored","paths":{"cache":"/big/cache"}})");
  const Home home = locate(rooted("~/mine"));
  EXPECT_EQ(home.root, dir_ / "mine");
  EXPECT_EQ(home.cache, "/big/cache");
}

TEST_F(HomeTest, ConfigMovesDirectories) {
  write(dir_ / ".microsandbox/config.json",
        R"({"home":"/srv/msb","paths":{"snapshots":"/snaps","other":1},"database":{"busy_timeout_secs":7},"x":[]})");
  const Home home = locate();
  EXPECT_EQ(home.root, "/srv/msb");
  EXPECT_EQ(home.snapshots, "/snaps");
  EXPECT_EQ(home.cache, "/srv/msb/cache");
  EXPECT_EQ(home.busy_timeout, std::chrono::seconds(7));
}

TEST_F(HomeTest, OptionsWinOverTheConfig) {
  write(dir_ / ".microsandbox/config.json", R"({"paths":{"cache":"/from/config"}})");
  HomeOptions options;
  options.cache = "/from/options";
  EXPECT_EQ(locate(options).cache, "/from/options");
}

TEST_F(HomeTest, AMalformedConfigIsNamed) {
  const auto path = (dir_ / ".microsandbox/config.json").string();
  for (const char* text : {"{", R"({"paths":{"cache":5}})", R"({"database":{"busy_timeout_secs":-1}})", "[]"}) {
    write(path, text);
    const auto home = locate_home(os::real_fs(), {});
    ASSERT_FALSE(home.ok()) << text;
    EXPECT_EQ(home.error().status(), Status::invalid_config) << text;
    EXPECT_NE(home.error().message().find(path), std::string::npos) << home.error().message();
  }
}

}  // namespace
}  // namespace msb::client
