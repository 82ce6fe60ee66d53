#include "os/shared_library.h"

#include "support/result.h"

namespace msb::os {
namespace {

struct Zlib {
  const char* (*zlibVersion)();

  static int loads;
  static Result<Zlib> load() {
    ++loads;
    if (loads == 1) return Error(Status::unsupported, "not yet installed");
    MSB_TRY(const auto library, SharedLibrary::open({"libz.so.1", "tests", "zlib1g"}));
    Zlib zlib{};
    MSB_CHECK(library.find("zlibVersion", zlib.zlibVersion));
    return zlib;
  }
};
int Zlib::loads = 0;

TEST(SharedLibrary, IsLoadedOnceByWhoeverNeedsItFirst) {
  LateFunctions<Zlib> late;
  EXPECT_EQ(late.load().error().status(), Status::unsupported);
  ASSERT_OK(late.load());  // a failure is not kept
  ASSERT_OK(late.load());
  EXPECT_EQ(Zlib::loads, 2);
  EXPECT_EQ((*late).zlibVersion()[0], '1');
}

TEST(SharedLibrary, ThatIsMissingIsNamedWithItsPackage) {
  const auto library = SharedLibrary::open({"libof-no-machine.so.4", "registries", "libof4"});
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().status(), Status::unsupported);
  EXPECT_NE(library.error().message().find("registries need libof-no-machine.so.4"), std::string::npos);
  EXPECT_NE(library.error().message().find("install libof4"), std::string::npos);
  ASSERT_NE(library.error().fact("package"), nullptr);
  EXPECT_EQ(*library.error().fact("package"), "libof4");
}

TEST(SharedLibrary, WithoutAFunctionIsTooOld) {
  const auto library = SharedLibrary::open({"libc.so.6", "registries", "libc6"});
  ASSERT_OK(library);
  void (*function)() = nullptr;
  const Done found = library->find("of_no_release", function);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().status(), Status::unsupported);
  EXPECT_NE(found.error().message().find("of_no_release"), std::string::npos);
  EXPECT_EQ(function, nullptr);
}

}  // namespace
}  // namespace msb::os
