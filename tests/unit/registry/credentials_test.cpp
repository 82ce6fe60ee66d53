// Where credentials come from when the caller has none, and that they go nowhere else.

#include "registry/credentials.h"

#include <cstdlib>
#include <filesystem>

#include <sys/stat.h>

#include "registry/base64.h"
#include "support/fixtures.h"
#include "support/result.h"
#include "support/temp_dir.h"

namespace msb::registry {
namespace {

class CredentialsTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* path = std::getenv("PATH");
    path_ = path != nullptr ? path : "";
    ::setenv("DOCKER_CONFIG", dir_.path().c_str(), 1);
    ::setenv("PATH", (dir_.path().string() + ":/usr/bin:/bin").c_str(), 1);
  }
  void TearDown() override {
    ::unsetenv("DOCKER_CONFIG");
    ::setenv("PATH", path_.c_str(), 1);
  }

  void docker(const std::string& config) { test::write_text(dir_ / "config.json", config); }
  void helper(const std::string& script) {
    const std::string path = dir_ / "docker-credential-lab";
    test::write_text(path, "#!/bin/sh\n" + script);
    ::chmod(path.c_str(), 0700);
  }
  Result<std::optional<Credentials>> find(const std::string& host, const Settings& settings = {}) {
    return find_credentials(settings, host, log_, Call());
  }
  std::string logged() const { return logged_; }

  test::TempDir dir_;
  std::string path_;
  std::string logged_;
  Log log_{[this](LogLevel, const char*, const char* message) { logged_ += message; }, LogLevel::debug};
};

TEST_F(CredentialsTest, NoneIsAnonymous) {
  EXPECT_EQ(*find("a.example"), std::nullopt);
  docker("{}");
  EXPECT_EQ(*find("a.example"), std::nullopt);
}

TEST_F(CredentialsTest, FromDockersConfig) {
  docker(R"({"auths":{"a.example":{"auth":")" + to_base64("ann:s3:cret") + R"("},
             "https://index.docker.io/v1/":{"username":"hub","password":"pw"},
             "b.example":{"identitytoken":"tok","auth":"AAAA"},"c.example":{"auth":"%%%"},"d.example":{}}})");
  EXPECT_EQ(*find("a.example"), (Credentials{"ann", "s3:cret", {}}));
  EXPECT_EQ(*find("docker.io"), (Credentials{"hub", "pw", {}}));
  EXPECT_EQ(*find("b.example"), (Credentials{{}, {}, "tok"}));
  EXPECT_EQ(*find("c.example"), std::nullopt);
  EXPECT_EQ(*find("d.example"), std::nullopt);
  EXPECT_EQ(*find("A.example"), std::nullopt);
}

TEST_F(CredentialsTest, KeysMayHaveASchemeAndAPath) {
  docker(R"({"auths":{"https://a.example/v1/":{"username":"ann","password":"1"},
             "http://b.example:5000":{"username":"ben","password":"2"},
             "https://c.example/v2/":{"username":"old","password":"3"},"c.example":{"username":"cy","password":"4"},
             "https://d.example.evil/v1/":{"username":"x","password":"5"}}})");
  EXPECT_EQ(*find("a.example"), (Credentials{"ann", "1", {}}));
  EXPECT_EQ(*find("b.example:5000"), (Credentials{"ben", "2", {}}));
  EXPECT_EQ(*find("c.example"), (Credentials{"cy", "4", {}})) << "the host itself comes first";
  EXPECT_EQ(*find("b.example"), std::nullopt);
  EXPECT_EQ(*find("d.example"), std::nullopt);
}

TEST_F(CredentialsTest, FromAHelper) {
  docker(R"({"credHelpers":{"a.example":"lab"}})");
  helper(R"(read host; [ "$1" = get ] && [ "$host" = a.example ] || exit 1
echo '{"ServerURL":"x","Username":"ann","Secret":"s3cret"}')");
  EXPECT_EQ(*find("a.example"), (Credentials{"ann", "s3cret", {}}));
  EXPECT_EQ(*find("b.example"), std::nullopt);
  docker(R"({"credsStore":"lab"})");
  EXPECT_EQ(*find("a.example"), (Credentials{"ann", "s3cret", {}}));
  helper(R"(echo '{"Username":"<token>","Secret":"tok"}')");
  EXPECT_EQ(*find("a.example"), (Credentials{{}, {}, "tok"}));
}

TEST_F(CredentialsTest, NoListOfProcessesShowsWhatAHelperIsAskedFor) {
  docker(R"({"credHelpers":{"secret.example":"lab"}})");
  helper("tr '\\0' ' ' < /proc/$$/cmdline > '" + dir_.path().string() + "/arguments'\n" +
         R"(echo '{"Username":"ann","Secret":"s3cret"}')");
  ASSERT_OK(find("secret.example"));
  const std::string arguments = test::read_file(dir_ / "arguments");
  EXPECT_NE(arguments.find("docker-credential-lab get"), std::string::npos) << arguments;
  EXPECT_EQ(arguments.find("secret.example"), std::string::npos) << arguments;
  EXPECT_EQ(logged().find("s3cret"), std::string::npos);
}

TEST_F(CredentialsTest, HelpersThatMisbehaveAreLeftAside) {
  docker(R"({"credsStore":"lab"})");
  for (const char* script : {"exit 1", "echo s3cret not json", "exec yes s3cret", "kill -9 $$", "echo '{}'"}) {
    helper(script);
    const auto found = find("a.example");
    ASSERT_OK(found);
    EXPECT_EQ(*found, std::nullopt) << script;
  }
  EXPECT_EQ(logged().find("s3cret"), std::string::npos) << logged();
  docker(R"({"credsStore":"missing"})");
  EXPECT_EQ(*find("a.example"), std::nullopt);
  docker(R"({"credsStore":"../../bin/sh"})");
  EXPECT_EQ(*find("a.example"), std::nullopt);
  docker("not json");
  EXPECT_EQ(*find("a.example"), std::nullopt);
}

TEST_F(CredentialsTest, AHelperIsNotWaitedForAfterACancel) {
  docker(R"({"credsStore":"lab"})");
  helper("sleep 20");
  const auto begin = Call::Clock::now();
  const Call call(nullptr, begin + std::chrono::milliseconds(50), {}, std::chrono::milliseconds(50));
  EXPECT_STATUS(Status::deadline_exceeded, find_credentials({}, "a.example", log_, call));
  EXPECT_LT(Call::Clock::now() - begin, std::chrono::milliseconds(500));
}

TEST_F(CredentialsTest, FromTheSettingsBeforeDocker) {
  docker(R"({"auths":{"a.example":{"username":"docker","password":"x"}}})");
  Settings settings;
  settings.secrets = dir_ / "secrets";
  settings.hosts["a.example"].auth = AuthSource{"ann", AuthSource::Kind::environment, "MSB_TEST_PASSWORD"};
  EXPECT_STATUS(Status::invalid_config, find("a.example", settings));
  ::setenv("MSB_TEST_PASSWORD", "pw", 1);
  EXPECT_EQ(*find("a.example", settings), (Credentials{"ann", "pw", {}}));
  ::unsetenv("MSB_TEST_PASSWORD");
  settings.hosts["a.example"].auth = AuthSource{"ann", AuthSource::Kind::secret_file, "mine"};
  EXPECT_STATUS(Status::invalid_config, find("a.example", settings));
  std::filesystem::create_directory(settings.secrets);
  test::write_text(settings.secrets + "/mine", "  pw2\n");
  EXPECT_EQ(*find("a.example", settings), (Credentials{"ann", "pw2", {}}));
}

TEST(Base64, BothWays) {
  for (const std::string& text : {std::string(), std::string("a"), std::string("ab"), std::string("abc"),
                                  std::string("\0\xff", 2), std::string("user:pass/word+")}) {
    EXPECT_EQ(from_base64(to_base64(text)), text);
  }
  for (const char* text : {"a", "ab=c", "====", "ab\n=", " YQ==", "YQ== "})
    EXPECT_EQ(from_base64(text), std::nullopt) << text;
}

}  // namespace
}  // namespace msb::registry
