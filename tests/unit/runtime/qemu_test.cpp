#include "runtime/qemu.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "support/result.h"

namespace msb::runtime {
namespace {

Machine machine_with(size_t disks) {
  Machine machine;
  machine.qemu = "/usr/bin/qemu-system-x86_64";
  machine.kernel = "/boot/vmlinuz";
  machine.initramfs = "/cache/initramfs";
  for (size_t i = 0; i < disks; ++i)
    machine.disks.push_back({"/disk", "layer" + std::to_string(i), i + 1 == disks, {}});
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
      // Both numbers are hexadecimal, and of what a bus has.
      EXPECT_LT(std::stoul(places.back().substr(std::string(",addr=").size()), nullptr, 16), 32U) << argument;
    }
  }
  EXPECT_EQ(places.size(), kMaxDisks);
  std::ranges::sort(places);
  EXPECT_EQ(std::ranges::adjacent_find(places), places.end());
}

TEST(Qemu, JoinsFilesToOneDisk) {
  Machine machine = machine_with(2);
  machine.disks.insert(machine.disks.begin() + 1, {"/one", "layers0", false, {"/two"}});
  const auto arguments = qemu_arguments(machine, Accelerator::tcg);
  EXPECT_EQ(std::ranges::count(arguments, "-add-fd"), 5);  // one for what joins them
  EXPECT_EQ(std::ranges::count(arguments,
                               "driver=vmdk,node-name=disk1,file.driver=file,file.filename=/dev/fdset/2"
                               ",read-only=on,file.read-only=on"),
            1);
  const auto text = joining({4096, 8192}, kFirstDiskFd + 1);
  ASSERT_OK(text);
  EXPECT_NE(text->find("RW 8 FLAT \"/dev/fdset/3\" 0\nRW 16 FLAT \"/dev/fdset/4\" 0\n"), std::string::npos) << *text;
  // What comes after it is not where it would be otherwise.
  EXPECT_EQ(std::ranges::count(arguments, "fd=" + std::to_string(kFirstDiskFd + 4) + ",set=5"), 1);
}

}  // namespace
}  // namespace msb::runtime
