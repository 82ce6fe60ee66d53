// The memory of exports and imports does not grow with the disk. A program of its own, as it looks at the peak of its
// process.
#include <cstdio>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "support/streams.h"
#include "support/transfer_home.h"

namespace msb::snapshot {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kLimit = 64 * kMiB;

uint64_t peak_memory() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

TEST(TransferMemoryTest, StaysBelowItsBoundForLargeDisks) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers take memory of their own";
#endif
  for (const Form form : {Form::manifest, Form::snapshot}) {
    const test::SnapshotHome from;
    const Descriptor descriptor = test::plain_descriptor(form, 512 * kMiB);
    test::write_artifact(from.snapshot("dense"), descriptor, "");
    {
      std::ofstream disk(from.snapshot("dense/upper.ext4"), std::ios::binary);
      for (uint32_t i = 0; i < 512; ++i) disk << test::noise(kMiB, i);
    }
    ASSERT_LT(peak_memory(), kLimit / 2 + (form == Form::manifest ? 0 : kLimit / 2))
        << "the test itself takes too much";
    ExportRequest request;
    request.ref = "dense";
    request.path = from.path("archive");
    request.threads = 4;
    ASSERT_OK(export_archive(from.context(), request, from.call()));
    std::printf("peak after the export: %.1f MiB\n", static_cast<double>(peak_memory()) / kMiB);
    EXPECT_LT(peak_memory(), kLimit);
    std::filesystem::remove_all(from.snapshot("dense"));
    ASSERT_OK(test::import_file(from, from.path("archive")));
    std::printf("peak after the import: %.1f MiB\n", static_cast<double>(peak_memory()) / kMiB);
    EXPECT_LT(peak_memory(), kLimit);
  }
}

}  // namespace
}  // namespace msb::snapshot
