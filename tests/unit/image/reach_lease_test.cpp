#include <unistd.h>

#include <sys/wait.h>

#include "cache_home.h"
#include "image/lease.h"

namespace msb::image {
namespace {

using test::CacheHome;

class LeaseTest : public testing::Test {
 protected:
  std::set<std::string, std::less<>> live() {
    auto names = live_leases(home_.context(), home_.call());
    EXPECT_OK(names);
    return names ? *names : std::set<std::string, std::less<>>();
  }
  size_t lease_files() const {
    size_t n = 0;
    for (const auto& entry : std::filesystem::directory_iterator(home_.paths().leases())) {
      n += entry.path().filename().string().front() != '.';
    }
    return n;
  }

  CacheHome home_;
  const Digest a_ = CacheHome::digest("a");
  const Digest b_ = CacheHome::digest("b");
};

TEST_F(LeaseTest, NamesAreSeenUntilTheLeaseGoes) {
  {
    auto lease = Lease::take(home_.context(), home_.call());
    ASSERT_OK(lease);
    EXPECT_TRUE(live().empty());
    ASSERT_OK(lease->add(a_, home_.call()));
    ASSERT_OK(lease->add(b_, home_.call()));
    EXPECT_EQ(live(), (std::set<std::string, std::less<>>{a_.text(), b_.text()}));
    Lease moved = std::move(*lease);
    EXPECT_EQ(live().size(), 2U);
  }
  EXPECT_TRUE(live().empty());
  EXPECT_EQ(lease_files(), 0U);
}

TEST_F(LeaseTest, LeaseOfADeadProcessHoldsNothingAndIsRemoved) {
  const pid_t child = fork();
  if (child == 0) {
    auto lease = Lease::take(home_.context(), home_.call());
    const bool added = lease && lease->add(a_, home_.call());
    _exit(added ? 0 : 1);  // without running the destructor
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_EQ(lease_files(), 1U);
  auto swept = sweep_leases(home_.context(), home_.call());
  ASSERT_OK(swept);
  EXPECT_EQ(*swept, 1U);
  EXPECT_EQ(lease_files(), 0U);
}

TEST_F(LeaseTest, LineThatIsBeingWrittenDoesNotCount) {
  auto lease = Lease::take(home_.context(), home_.call());
  ASSERT_OK(lease);
  ASSERT_OK(lease->add(a_, home_.call()));
  for (const auto& entry : std::filesystem::directory_iterator(home_.paths().leases())) {
    if (entry.path().filename().string().front() == '.') continue;
    std::ofstream(entry.path(), std::ios::app) << "sha256:0123";
  }
  EXPECT_EQ(live(), (std::set<std::string, std::less<>>{a_.text()}));
}

TEST_F(LeaseTest, NothingIsNamedWhileTheGateIsClosed) {
  auto lease = Lease::take(home_.context(), home_.call());
  ASSERT_OK(lease);
  auto gate = SweepGate::close(home_.context(), home_.call());
  ASSERT_OK(gate);
  const CancelToken never;
  const Call brief(&never, Call::Clock::now() + std::chrono::milliseconds(20), {}, {});
  EXPECT_STATUS(Status::deadline_exceeded, lease->add(a_, brief));
  EXPECT_TRUE(live().empty());
}

TEST_F(LeaseTest, ReadOnlyHomeIsNotTouched) {
  Context context = home_.context();
  context.read_only = true;
  auto lease = Lease::take(context, home_.call());
  ASSERT_OK(lease);
  EXPECT_OK(lease->add(a_, home_.call()));
  EXPECT_EQ(lease_files(), 0U);
}

}  // namespace
}  // namespace msb::image
