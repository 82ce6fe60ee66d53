#include "snapshot/qcow2.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "support/fault_fs.h"
#include "support/fixtures.h"
#include "support/result.h"
#include "support/temp_dir.h"

namespace msb::snapshot {
namespace {

using test::TempDir;

constexpr uint64_t kSize = 4096;  // of the images in the corpus

/// Applies an image to a disk whose backing is all x, and returns what is on the disk then.
Result<std::string> applied(const std::string& image_path, uint64_t size, os::Fs& fs = os::real_fs()) {
  const TempDir dir;
  test::write_text(dir / "disk", std::string(static_cast<size_t>(size), 'x'));
  MSB_TRY(const os::File image, os::File::open_regular(fs, AT_FDCWD, image_path));
  MSB_TRY(const os::File disk, os::File::open_regular(fs, AT_FDCWD, dir / "disk", O_RDWR));
  MSB_CHECK(apply_qcow2(image, disk, size, Call(), {}));
  return test::read_file(dir / "disk");
}

std::string corpus(const std::string& name) { return test::tests_path("fuzz/corpus/qcow2/" + name + ".qcow2"); }

TEST(Qcow2Test, WritesWhatIsAllocated) {
  const std::string x(512, 'x');
  const std::string a(512, 'a');
  const std::string b(512, 'b');
  const std::string zeros(512, '\0');
  EXPECT_EQ(*applied(corpus("two-clusters"), kSize), x + a + x + x + x + x + x + b);
  EXPECT_EQ(*applied(corpus("version-2"), kSize), x + a + x + x + x + x + x + b);
  EXPECT_EQ(*applied(corpus("dirty"), kSize), x + a + x + x + x + x + x + b);
  EXPECT_EQ(*applied(corpus("nothing-in-it"), kSize), std::string(kSize, 'x'));
  EXPECT_EQ(*applied(corpus("zeros"), kSize), zeros + x + x + zeros + x + x + x + x);
  EXPECT_EQ(*applied(corpus("ends-in-a-cluster"), kSize),
            x + a + x + x + x + x + x + b.substr(100) + std::string(100, '\0'));
  EXPECT_EQ(*applied(corpus("size-of-half-a-cluster"), kSize - 256), x + a + x + x + x + x + x + b.substr(256));
  EXPECT_STATUS(Status::snapshot_integrity, applied(corpus("two-clusters"), kSize + 512)) << "of another size";
}

TEST(Qcow2Test, RefusesEachForItsReason) {
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(test::tests_path("golden/reject/qcow2"))) {
    const auto refused = applied(file.path(), kSize);
    ASSERT_FALSE(refused.ok()) << file.path();
    const Status status = refused.error().status();
    EXPECT_TRUE(status == Status::snapshot_integrity || status == Status::unsupported) << refused.error().message();
    EXPECT_EQ(*refused.error().fact("path"), file.path().string());
    ++files;
  }
  EXPECT_GE(files, 20);
}

TEST(Qcow2Test, EveryFailureIsReported) {
  for (unsigned n = 1;; ++n) {
    test::FaultFs faulty(test::Fault::fail, n);
    const auto content = applied(corpus("zeros"), kSize, faulty);
    if (!faulty.reached()) break;
    if (content) {
      EXPECT_EQ(*content, *applied(corpus("zeros"), kSize)) << "what cannot be punched is written";
    } else {
      EXPECT_STATUS(Status::io, content) << "operation " << n;
    }
  }
}

/// QEMU is the other one that writes them.
TEST(Qcow2Test, UnderstandsThoseOfQemu) {
  if (std::system("qemu-img --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "qemu-img is not here";
  const TempDir dir;
  const std::string base = dir / "base.raw";
  const std::string layer = dir / "layer.qcow2";
  const std::string flat = dir / "flat.raw";
  test::write_text(base, std::string(5 << 20, 'x'));
  for (const std::string options : {"compat=1.1", "compat=0.10", "compat=1.1,cluster_size=4096,lazy_refcounts=on"}) {
    const std::string zeros = options == "compat=0.10" ? "" : " -c 'write -z 3M 192k' -c 'discard 64k 64k'";
    const std::string commands =
        "cd '" + std::string(dir / "") + "' && qemu-img create -q -f qcow2 -F raw -b base.raw -o " + options +
        " layer.qcow2 && qemu-io -f qcow2 -c 'write -P 0x61 0 4k' -c 'write -P 0x62 1000k 200k'" + zeros +
        " -c 'write -P 0x63 5242368 512' layer.qcow2 > /dev/null && qemu-img convert -O raw layer.qcow2 flat.raw";
    ASSERT_EQ(std::system(commands.c_str()), 0) << options;
    const auto content = applied(layer, 5 << 20);
    ASSERT_OK(content);
    EXPECT_TRUE(*content == test::read_file(flat)) << options;
  }
}

}  // namespace
}  // namespace msb::snapshot
