#include "oci/config.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "support/fixtures.h"
#include "support/result.h"

namespace msb::oci {
namespace {

const std::string kDiffId = "sha256:" + std::string(64, 'a');
const std::string kRootfs = R"("rootfs":{"type":"layers","diff_ids":[")" + kDiffId + R"("]})";

std::string config_with(const std::string& run) {
  return R"({"architecture":"arm64","os":"linux","variant":"v8",)" + kRootfs + R"(,"config":)" + run + "}";
}

TEST(Config, EverythingIsRead) {
  const auto config = parse_config(config_with(
      R"({"Env":["A=1","B"],"Cmd":["/bin/tool","--serve"],"Entrypoint":["/bin/sh"],"WorkingDir":"/srv","User":"1:1",)"
      R"("Labels":{"z":"last","a":"first"},"StopSignal":"SIGQUIT","ExposedPorts":{"8080/tcp":{},"53/udp":{}},)"
      R"("Volumes":{"/data":{}},"Healthcheck":{"Test":["NONE"]},"OnBuild":null})"));
  ASSERT_OK(config);
  EXPECT_EQ(config->platform.text(), "linux/arm64/v8");
  ASSERT_EQ(config->diff_ids.size(), 1U);
  EXPECT_EQ(config->diff_ids[0].text(), kDiffId);
  EXPECT_EQ(config->run.env, (Strings{"A=1", "B"}));
  EXPECT_EQ(config->run.cmd, (Strings{"/bin/tool", "--serve"}));
  EXPECT_EQ(config->run.entrypoint, Strings{"/bin/sh"});
  EXPECT_EQ(config->run.working_dir, "/srv");
  EXPECT_EQ(config->run.user, "1:1");
  EXPECT_EQ(config->run.labels, (StringMap{{"z", "last"}, {"a", "first"}}));
  EXPECT_EQ(config->run.stop_signal, "SIGQUIT");
  EXPECT_EQ(config->run.exposed_ports, (Strings{"8080/tcp", "53/udp"}));
  EXPECT_EQ(config->run.volumes, Strings{"/data"});
}

TEST(Config, EmptyIsNotAbsent) {
  const auto empty = parse_config(config_with(R"({"Cmd":[],"Entrypoint":[],"WorkingDir":"","User":""})"));
  ASSERT_OK(empty);
  EXPECT_EQ(empty->run.cmd, Strings{});
  EXPECT_EQ(empty->run.entrypoint, Strings{});
  EXPECT_EQ(empty->run.working_dir, "");
  EXPECT_EQ(empty->run.user, "");
  for (const char* run : {"{}", "null",
                          R"({"Env":null,"Cmd":null,"Entrypoint":null,"WorkingDir":null,"User":null,)"
                          R"("Labels":null,"Volumes":null,"ExposedPorts":null,"StopSignal":null})"}) {
    const auto absent = parse_config(config_with(run));
    ASSERT_OK(absent);
    EXPECT_EQ(absent->run, RunConfig());
  }
}

TEST(Config, MayBeWithoutRunPartAndHistory) {
  const auto config = parse_config(R"({"architecture":"","os":"linux",)" + kRootfs + R"(,"history":null})");
  ASSERT_OK(config);
  EXPECT_EQ(config->run, RunConfig());
  // Some tools leave the architecture empty; it then runs where it is asked to.
  EXPECT_OK(check_platform(*config, *Platform::parse("linux/amd64"), "app:1"));
}

TEST(Config, MustFitTheManifestAndThePlatform) {
  const auto config = parse_config(config_with("{}"));
  ASSERT_OK(config);
  EXPECT_OK(check_layer_count(*config, 1));
  EXPECT_EQ(check_layer_count(*config, 2).error().message(),
            "invalid image: image config: rootfs.diff_ids has 1 entries, but the manifest has 2 layers");
  EXPECT_OK(check_platform(*config, *Platform::parse("linux/arm64"), "app:1"));
  EXPECT_EQ(check_platform(*config, *Platform::parse("linux/amd64"), "app:1").error().message(),
            "invalid image: no manifest for platform linux/amd64 in app:1; it offers linux/arm64/v8");
}

TEST(Config, FailuresNameTheMember) {
  const auto failed = parse_config(config_with(R"({"Env":["A=1",2]})"));
  EXPECT_STATUS(Status::image_invalid, failed);
  EXPECT_EQ(failed.error().message(), "invalid image: image config: config.Env[1] is not a string");
  EXPECT_EQ(*failed.error().fact("member"), "config.Env[1]");
}

TEST(Config, RejectsWhatIsCommitted) {
  size_t count = 0;
  for (const auto& file : std::filesystem::directory_iterator(test::tests_path("golden/reject/config"))) {
    EXPECT_STATUS(Status::image_invalid, parse_config(test::read_file(file.path()))) << file.path();
    ++count;
  }
  EXPECT_GT(count, 25U);
}

}  // namespace
}  // namespace msb::oci
