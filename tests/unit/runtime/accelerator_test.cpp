#include "runtime/accelerator.h"

#include <unistd.h>

#include <filesystem>
#include <functional>

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "support/fixtures.h"
#include "support/result.h"
#include "support/temp_dir.h"

namespace msb::runtime {
namespace {

constexpr char kDevice[] = "/dev/kvm";
constexpr int kNotPossible = 77;

/// Exit code of what a process of its own finds.
int elsewhere(const std::function<int()>& look) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(look());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class AcceleratorTest : public testing::Test {
 protected:
  AcceleratorTest() { machine_.accelerator_file = (dir_.path() / "run" / "accelerator").string(); }
  std::vector<Accelerator> choices() const { return accelerators_to_try(machine_); }
  /// 0 when emulation is all there is, and who asks for KVM is told what to do about that.
  int falls_back(const char* advice) const {
    if (choices() != std::vector{Accelerator::tcg}) return 1;
    const Done asked = check_accelerator(Accelerator::kvm);
    if (asked || asked.error().status() != Status::unsupported) return 2;
    return asked.error().message().find(advice) != std::string::npos && check_accelerator(Accelerator::automatic) ? 0
                                                                                                                  : 3;
  }

  test::TempDir dir_;
  Machine machine_;
};

TEST_F(AcceleratorTest, OneThatIsNamedIsTheOnlyOne) {
  for (const Accelerator named : {Accelerator::kvm, Accelerator::tcg}) {
    machine_.accelerator = named;
    EXPECT_EQ(choices(), std::vector{named});
  }
}

TEST_F(AcceleratorTest, KvmMayBeForOthersOnly) {
  if (::geteuid() != 0 || !std::filesystem::exists(kDevice)) GTEST_SKIP() << "needs root and " << kDevice;
  struct stat st {};
  if (::stat(kDevice, &st) == 0 && (st.st_mode & S_IRWXO) != 0) GTEST_SKIP() << kDevice << " is for everybody here";
  EXPECT_EQ(0, elsewhere([&] { return ::setgid(65534) != 0 || ::setuid(65534) != 0 ? -1 : falls_back("group kvm"); }));
}

TEST_F(AcceleratorTest, KvmMayBeMissing) {
  const int result = elsewhere([&] {
    if (!std::filesystem::exists(kDevice)) return falls_back("load the module");
    // Something that is no KVM stands in its place, in a view of files of our own.
    const bool hidden = ::unshare(CLONE_NEWNS) == 0 && ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                        ::mount("/dev/null", kDevice, nullptr, MS_BIND, nullptr) == 0;
    return hidden ? falls_back("load the module") : kNotPossible;
  });
  if (result == kNotPossible) GTEST_SKIP() << "needs to hide " << kDevice;
  EXPECT_EQ(result, 0);
}

TEST_F(AcceleratorTest, KvmThatRunsNoGuestIsRememberedForThisBoot) {
  const auto before = choices();
  remember_broken_kvm(machine_.accelerator_file);
  EXPECT_EQ(choices(), std::vector{Accelerator::tcg});
  const std::string mark = test::read_file(machine_.accelerator_file);
  EXPECT_TRUE(mark.starts_with("kvm runs no guest, boot ")) << mark;
  test::write_text(machine_.accelerator_file, "kvm runs no guest, boot of yesterday");
  EXPECT_EQ(choices(), before);
}

}  // namespace
}  // namespace msb::runtime
