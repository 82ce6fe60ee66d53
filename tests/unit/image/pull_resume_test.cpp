// Layers that take long leave what has come when their pull ends badly, and the next pull goes on from there.

#include <unistd.h>

#include <csignal>

#include <sys/wait.h>

#include "os/lock.h"
#include "pull_home.h"
#include "support/fixtures.h"

namespace msb::test {
namespace {

constexpr uint64_t kMebibyte = uint64_t{1} << 20;  // as much has come before it is decided what takes long

constexpr uint64_t kSmallLayers = 4096;  // more than the others have, which a pull that fails may finish

/// Every layer takes long, and nobody loses his patience with the one that is held up.
void lasting(image::PullRequest& request) {
  request.part_worth = std::chrono::milliseconds(0);
  request.registry.patience.stall = std::chrono::minutes(10);
}

std::string healthy(const std::string& name) { return lab().behind("close-0-resume-" + name); }

class PullResume : public testing::Test {
 protected:
  void SetUp() override {
    NEEDS_LAB();
    if (const auto pulled = PullHome().pull(healthy("size")); pulled) size_ = pulled->bytes_fetched;
  }

  /// Runs a pull up to where more than half of the large layer has come, and then `end`s it.
  void pull_until_held(const PullHome& home, const CancelToken* token, const std::function<void()>& end) const {
    const Call call(
        token, Call::Clock::time_point::max(),
        [&](const Progress& progress) {
          if (progress.phase == Phase::downloading && progress.total > kMebibyte &&
              progress.done > progress.total / 2) {
            end();
          }
        },
        std::chrono::milliseconds(0));
    EXPECT_STATUS(Status::cancelled, home.pull(lab().behind("hold"), call, lasting));
  }

  void cancel_held(const PullHome& home) const {
    CancelToken token;
    pull_until_held(home, &token, [&] { token.trigger(); });
  }

  std::vector<std::string> parts(const PullHome& home) const {
    std::vector<std::string> parts;
    for (const std::string& name : home.file_names()) {
      if (name.ends_with(".part")) parts.push_back(home.paths().root() + "/" + name);
    }
    return parts;
  }

  /// That what is missing is fetched, and nothing more; and that the part is gone.
  void expect_resumed(const PullHome& home, const std::string& name) const {
    const auto pulled = home.pull(healthy(name), lasting);
    ASSERT_OK(pulled);
    EXPECT_EQ(pulled->row.manifest_digest, lab()["DEMO"]);
    EXPECT_LT(pulled->bytes_fetched, size_ - kMebibyte);
    EXPECT_EQ(parts(home), std::vector<std::string>());
  }

  uint64_t size_ = 0;
};

TEST_F(PullResume, AfterItsProcessWasKilled) {
  const PullHome home;
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto own = std::make_unique<PullHome>(home);  // as another process sees it
    pull_until_held(*own, nullptr, [&] { (void)!::write(pipe[1], "x", 1); });
    ::_exit(1);
  }
  char byte = 0;
  ASSERT_EQ(::read(pipe[0], &byte, 1), 1);
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  ::close(pipe[0]);
  ::close(pipe[1]);
  ASSERT_EQ(parts(home).size(), 1U);
  expect_resumed(home, "killed");
}

TEST_F(PullResume, AfterACancel) {
  const PullHome home;
  cancel_held(home);
  ASSERT_EQ(parts(home).size(), 1U);
  expect_resumed(home, "cancelled");
}

TEST_F(PullResume, NotFromBytesThatAreNotTheLayers) {
  const PullHome home;
  cancel_held(home);
  const std::string part = parts(home).at(0);
  std::string text = read_file(part);
  text[text.size() / 2] = static_cast<char>(text[text.size() / 2] ^ 1);
  write_text(part, text);
  const auto pulled = home.pull(healthy("damaged"), lasting);
  ASSERT_OK(pulled);
  EXPECT_EQ(pulled->row.manifest_digest, lab()["DEMO"]);
  EXPECT_EQ(home.leftovers(), std::vector<std::string>());
}

TEST_F(PullResume, NotFromMoreThanTheLayerHas) {
  const PullHome home;
  cancel_held(home);
  const std::string part = parts(home).at(0);
  write_text(part, std::string(size_ + 1, 'x'));
  const auto pulled = home.pull(healthy("longer"), lasting);
  ASSERT_OK(pulled);
  EXPECT_GT(pulled->bytes_fetched, size_ - kSmallLayers);
  EXPECT_EQ(home.leftovers(), std::vector<std::string>());
}

TEST_F(PullResume, FromACompletePartNothingIsFetched) {
  const PullHome home;
  cancel_held(home);
  const std::string part = parts(home).at(0);
  const PullHome other;
  ASSERT_OK(other.pull(healthy("whole"), [](image::PullRequest& request) { request.keep = image::Keep::blobs; }));
  const std::string digest = part.substr(part.rfind('/') + 1, part.size() - part.rfind('/') - 1 - 5);
  write_text(part, read_file(other.paths().blob(digest)));
  const auto pulled = home.pull(healthy("complete"), lasting);
  ASSERT_OK(pulled);
  EXPECT_LT(pulled->bytes_fetched, kSmallLayers);
}

TEST_F(PullResume, ForceBeginsAnew) {
  const PullHome home;
  cancel_held(home);
  const auto pulled = home.pull(healthy("forced"), [](image::PullRequest& request) {
    lasting(request);
    request.force = true;
  });
  ASSERT_OK(pulled);
  EXPECT_EQ(pulled->bytes_fetched, size_);
  EXPECT_EQ(home.leftovers(), std::vector<std::string>());
}

TEST_F(PullResume, APartThatSomebodyElseIsAtIsLeftAlone) {
  const PullHome home;
  cancel_held(home);
  const std::string part = parts(home).at(0);
  const std::string before = read_file(part);
  const auto lock = os::FileLock::try_acquire(os::real_fs(), part.substr(0, part.size() - 5) + ".download.lock",
                                              os::LockMode::exclusive);
  ASSERT_OK(lock);
  ASSERT_TRUE(*lock);
  const auto pulled = home.pull(healthy("locked"), lasting);
  ASSERT_OK(pulled);
  EXPECT_GT(pulled->bytes_fetched, size_ - kSmallLayers);
  EXPECT_TRUE(read_file(part) == before);
}

TEST_F(PullResume, WhatComesQuicklyWritesNoPart) {
  const PullHome home;
  ASSERT_OK(home.pull(healthy("quick")));
  for (const std::string& name : home.file_names()) EXPECT_FALSE(name.starts_with("tmp/")) << name;
}

}  // namespace
}  // namespace msb::test
