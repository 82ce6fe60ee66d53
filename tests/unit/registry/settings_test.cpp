#include "registry/settings.h"

#include <filesystem>

#include "support/fixtures.h"
#include "support/result.h"

namespace msb::registry {
namespace {

TEST(RegistrySettings, ReadsWhatConfigJsonSays) {
  const auto settings = Settings::parse(R"({"log":"x","registries":{"ca_certs":"/ca.pem","hosts":{
      "localhost:5000":{"insecure":true},
      "docker.io":{"mirrors":["m:1","n"],"auth":{"username":"u","password_env":"PW"}},
      "a.example":{"auth":{"username":"u","secret_name":"s"}},"b.example":{"auth":{"username":"u","store":"keyring"}}}}})",
                                        "/home");
  ASSERT_OK(settings);
  EXPECT_EQ(settings->ca_files, std::vector<std::string>{"/ca.pem"});
  EXPECT_EQ(settings->secrets, "/home/secrets/registries");
  EXPECT_TRUE(settings->find("localhost:5000")->insecure);
  EXPECT_EQ(settings->find("docker.io")->mirrors, (std::vector<std::string>{"m:1", "n"}));
  EXPECT_EQ(settings->find("docker.io")->auth->kind, AuthSource::Kind::environment);
  EXPECT_EQ(settings->find("a.example")->auth->kind, AuthSource::Kind::secret_file);
  EXPECT_EQ(settings->find("b.example")->auth->kind, AuthSource::Kind::keyring);
  EXPECT_EQ(settings->find("c.example"), nullptr);
}

TEST(RegistrySettings, SaysNothingWithoutAFile) {
  const auto settings = Settings::read(os::real_fs(), "/no/such/config.json", "/home");
  ASSERT_OK(settings);
  EXPECT_TRUE(settings->hosts.empty());
}

TEST(RegistrySettings, Rejects) {
  size_t count = 0;
  for (const auto& file : std::filesystem::directory_iterator(MSB_TESTS_DIR "/golden/reject/registry_settings")) {
    EXPECT_STATUS(Status::invalid_config, Settings::parse(test::read_file(file.path()), "/home")) << file.path();
    ++count;
  }
  EXPECT_GE(count, 9U);
}

}  // namespace
}  // namespace msb::registry
