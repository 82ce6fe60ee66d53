#include "runtime/boot_config.h"

#include <csignal>

#include <gtest/gtest.h>

namespace msb::runtime {
namespace {

using Strings = std::vector<std::string>;

TEST(BootConfig, ReadsEveryLayout) {
  const BootConfig nested = read_boot_config(
      R"({"resources":{"cpus":2,"memory_mib":1024},"runtime":{"workdir":"/srv","entrypoint":["/a"],"cmd":null,"user":"u"},"env":[{"key":"A","value":"1"}]})",
      std::nullopt);
  const BootConfig flat = read_boot_config(
      R"({"cpus":2,"memory_mib":1024,"workdir":"/srv","entrypoint":["/a"],"cmd":null,"user":"u","env":[["A","1"]]})",
      std::nullopt);
  for (const BootConfig& config : {nested, flat}) {
    EXPECT_EQ(config.cpus, 2U);
    EXPECT_EQ(config.memory_mib, 1024U);
    EXPECT_EQ(config.directory, "/srv");
    EXPECT_EQ(config.entrypoint, Strings{"/a"});
    EXPECT_FALSE(config.command);
    EXPECT_EQ(config.user, "u");
    EXPECT_EQ(config.environment, Strings{"A=1"});
  }
}

TEST(BootConfig, AsksTheImageForWhatIsMissing) {
  index::ConfigRecord image;
  image.entrypoint = Strings{"/entry"};
  image.cmd = Strings{"argument"};
  image.working_dir = "/work";
  image.stop_signal = "SIGQUIT";
  image.env = {"PATH=/bin"};
  const BootConfig empty = read_boot_config("no JSON", image);
  EXPECT_EQ(empty.entrypoint, image.entrypoint);
  EXPECT_EQ(empty.command, image.cmd);
  EXPECT_EQ(empty.directory, "/work");
  EXPECT_EQ(empty.environment, image.env);
  const BootConfig own = read_boot_config(R"({"runtime":{"cmd":["/mine"]}})", image);
  EXPECT_FALSE(own.entrypoint);
  EXPECT_EQ(own.command, Strings{"/mine"});
}

TEST(BootConfig, KnowsSignals) {
  EXPECT_EQ(signal_number(std::nullopt), SIGTERM);
  EXPECT_EQ(signal_number("SIGQUIT"), SIGQUIT);
  EXPECT_EQ(signal_number("INT"), SIGINT);
  EXPECT_EQ(signal_number("9"), 9);
  EXPECT_EQ(signal_number("SIGRTMIN+3"), 37);
  EXPECT_EQ(signal_number("99"), SIGTERM);
  EXPECT_EQ(signal_number("nonsense"), SIGTERM);
}

}  // namespace
}  // namespace msb::runtime
