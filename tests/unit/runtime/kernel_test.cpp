#include "runtime/kernel.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "support/fixtures.h"
#include "support/result.h"
#include "support/temp_dir.h"

namespace msb::runtime {
namespace {

std::string image_of(const std::string& release) {
  std::string bytes(0x220, '\0');
  bytes.replace(0x202, 4, "HdrS");
  bytes[0x20e] = 0x20;
  return bytes + release + " (builder) #1\n" + std::string(10, '\0');
}

class KernelTest : public testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = root_.path() / path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  KernelPlaces places() const { return {(root_.path() / "boot").string(), (root_.path() / "modules").string()}; }
  os::Fs& fs_ = os::real_fs();
  test::TempDir root_;
};

TEST_F(KernelTest, TakesTheNewestThatHasModules) {
  for (const char* release : {"6.1.0-9", "6.1.0-10", "6.12.1"})
    write(std::string("boot/vmlinuz-") + release, image_of(release));
  write("boot/vmlinuz-9.9", "no kernel");
  write("modules/6.1.0-9/modules.dep", "");
  write("modules/6.1.0-10/modules.dep", "");
  const auto kernel = find_kernel(fs_, std::nullopt, places());
  ASSERT_OK(kernel);
  EXPECT_EQ(kernel->release, "6.1.0-10");
  EXPECT_EQ(kernel->modules, places().modules + "/6.1.0-10");
}

TEST_F(KernelTest, NamesThePackageToInstall) {
  const auto none = find_kernel(fs_, std::nullopt, places());
  ASSERT_STATUS(Status::unsupported, none);
  ASSERT_NE(none.error().fact("package"), nullptr);
  EXPECT_NE(none.error().message().find("linux-image-amd64"), std::string::npos);
  write("boot/mine", image_of("5.0"));
  EXPECT_STATUS(Status::unsupported, find_kernel(fs_, places().boot + "/mine", places()));
  write("boot/other", "ELF");
  EXPECT_STATUS(Status::invalid_argument, find_kernel(fs_, places().boot + "/other", places()));
  EXPECT_STATUS(Status::io, find_kernel(fs_, places().boot + "/missing", places()));
}

TEST_F(KernelTest, OrdersModulesByWhatTheyNeed) {
  write("modules/6/modules.dep",
        "kernel/a-b.ko.xz: kernel/c.ko kernel/d.ko\nkernel/c.ko: kernel/d.ko\nkernel/d.ko:\nkernel/e.ko: kernel/c.ko "
        "kernel/d.ko\n");
  write("modules/6/modules.builtin", "kernel/fs/ext4/ext4.ko\n");
  const Kernel kernel{"", "6", places().modules + "/6"};
  const auto order = resolve_modules(fs_, kernel, {"ext4", "a_b", "e"}, {"not_there"});
  ASSERT_OK(order);
  EXPECT_EQ(*order, (std::vector<std::string>{"kernel/d.ko", "kernel/c.ko", "kernel/a-b.ko.xz", "kernel/e.ko"}));
  EXPECT_STATUS(Status::unsupported, resolve_modules(fs_, kernel, {"erofs"}, {}));
}

TEST_F(KernelTest, RefusesEveryReject) {
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(test::tests_path("golden/reject/kernel"))) {
    EXPECT_FALSE(read_release(as_bytes(test::read_file(file.path())))) << file.path();
    ++files;
  }
  EXPECT_GE(files, 8);
  EXPECT_EQ(read_release(as_bytes(image_of("6.1.0-56-cloud-amd64"))), "6.1.0-56-cloud-amd64");
}

}  // namespace
}  // namespace msb::runtime
