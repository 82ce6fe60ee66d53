#include "runtime/qemu.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace msb::runtime {
namespace {

Machine machine_with(size_t disks) {
  Machine machine;
  machine.qemu = "/usr/bin/qemu-system-x86_64";
  machine.kernel = "/boot/vmlinuz";
  machine.initramfs = "/cache/initramfs";
  for (size_t i = 0; i < disks; ++i) machine.disks.push_back({"/disk", "layer" + std::to_string(i), i + 1 == disks});
  return machine;
}

/// What follows an option that comes up once.
std::string value_of(const std::vector<std::string>& arguments, const std::string& option) {
  const auto at = std::ranges::find(arguments, option);
  return at == arguments.end() || at + 1 == arguments.end() ? std::string() : *(at + 1);
}

TEST(Qemu, HasNothingByDefault) {
  const auto arguments = qemu_arguments(machine_with(2), Accelerator::tcg);
  for (const char* option : {"-nodefaults", "-no-user-config", "-no-reboot"}) {
    EXPECT_TRUE(std::ranges::count(arguments, option)) << option;
  }
  EXPECT_TRUE(value_of(arguments, "-sandbox").starts_with("on,"));
  EXPECT_EQ(std::ranges::count(arguments, "-netdev"), 0);
  EXPECT_EQ(value_of(arguments, "-accel"), "tcg");
}

TEST(Qemu, NamesNoDiskByPath) {
  for (const std::string& argument : qemu_arguments(machine_with(2), Accelerator::tcg)) {
    EXPECT_EQ(argument.find("/disk,"), std::string::npos) << argument;
  }
}

TEST(Qemu, OnlyTheUpperIsWritable) {
  const auto arguments = qemu_arguments(machine_with(3), Accelerator::kvm);
  EXPECT_EQ(std::ranges::count_if(arguments, [](const auto& a) { return a.find("read-only=on") != std::string::npos; }),
            2);
  EXPECT_EQ(
      std::ranges::count_if(arguments, [](const auto& a) { return a.find("discard=unmap") != std::string::npos; }), 1);
  EXPECT_EQ(value_of(arguments, "-cpu"), "host");
}

TEST(Qemu, EveryDiskHasAPlaceOnTheBus) {
  const auto arguments = qemu_arguments(machine_with(kMaxDisks), Accelerator::tcg);
  std::vector<std::string> places;
  for (const std::string& argument : arguments) {
    const size_t at = argument.find(",addr=");
    if (argument.starts_with("virtio-blk") && at != std::string::npos) {
      places.push_back(argument.substr(at, argument.find(',', at + 1) - at));
    }
  }
  EXPECT_EQ(places.size(), kMaxDisks);
  std::ranges::sort(places);
  EXPECT_EQ(std::ranges::adjacent_find(places), places.end());
}

}  // namespace
}  // namespace msb::runtime
