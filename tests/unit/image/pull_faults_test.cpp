// What becomes of a pull when the other side, or the way to it, misbehaves. After each fault the cache is consistent:
// no image unless the pull succeeded, nothing of work in flight, and a pull from a healthy registry works.

#include <optional>
#include <ostream>
#include <thread>

#include "pull_home.h"

namespace msb::test {
namespace {

struct Fault {
  const char* name;
  std::optional<Status> expected;  ///< nothing: it succeeds all the same
  const char* message = "";        ///< part of what the failure says
};
std::ostream& operator<<(std::ostream& out, const Fault& fault) { return out << fault.name; }

class PullFaults : public testing::TestWithParam<Fault> {};

TEST_P(PullFaults, EndWell) {
  NEEDS_LAB();
  const Fault& fault = GetParam();
  const PullHome home;
  const auto pulled = home.pull(lab().behind(fault.name));
  if (fault.expected) {
    ASSERT_STATUS(*fault.expected, pulled);
    EXPECT_NE(pulled.error().message().find(fault.message), std::string::npos) << pulled.error().message();
    EXPECT_EQ(pulled.error().message().find("geheim"), std::string::npos);
    auto images = image::list(home.context(), home.call());
    ASSERT_OK(images);
    EXPECT_TRUE(images->empty());
  } else {
    ASSERT_OK(pulled);
    EXPECT_EQ(pulled->row.manifest_digest, lab()["DEMO"]);
    EXPECT_EQ(pulled->layers_fetched, 3U);
  }
  EXPECT_EQ(home.leftovers(), std::vector<std::string>());
  const auto healthy = home.pull(lab().host("PLAIN") + "/demo:1");
  ASSERT_OK(healthy);
  EXPECT_EQ(healthy->row.manifest_digest, lab()["DEMO"]);
}

constexpr auto kInvalid = Status::image_invalid;

INSTANTIATE_TEST_SUITE_P(All, PullFaults,
                         testing::Values(
                             // Connections
                             Fault{"close-2", {}}, Fault{"close", Status::http, "Empty reply"},  //
                             Fault{"drop-3", {}}, Fault{"drop-12", {}},                          // it goes on each time
                             Fault{"noranges-2", {}},  // from the start, passing over what is here
                             Fault{"stall-1", {}}, Fault{"slow", {}},
                             // Statuses
                             Fault{"status-2-500", {}}, Fault{"status-2-502", {}}, Fault{"status-2-503", {}},
                             Fault{"status-2-429", {}}, Fault{"later-1", {}}, Fault{"hours", Status::http, "429"},
                             Fault{"status-999999-500", Status::http, "500"},
                             Fault{"status-999999-403", Status::http, "check the credentials"},
                             Fault{"status-999999-401", Status::http, "check the credentials"},
                             Fault{"status-999999-404", Status::image_not_found, "does not have it"},
                             // Content
                             Fault{"flip-1", {}}, Fault{"flip", kInvalid}, Fault{"flipmanifest-1", {}},
                             Fault{"flipmanifest", kInvalid, "does not have the digest"}, Fault{"wrongdigest-1", {}},
                             Fault{"wrongdigest", kInvalid, "does not have the digest"}, Fault{"short-1", {}},
                             Fault{"short", kInvalid, "not as large"}, Fault{"long-1", {}},
                             Fault{"long", kInvalid, "not as large"}, Fault{"endless", kInvalid},
                             Fault{"hugemanifest", Status::http, "more than"},
                             // Documents
                             Fault{"schema1", kInvalid, "schema 1"}, Fault{"garbage", kInvalid},
                             // Redirects
                             Fault{"circle", Status::http, "redirects"}, Fault{"redirect", Status::http, "without TLS"},
                             Fault{"token", Status::http, "check the credentials"}),
                         [](const auto& fault) {
                           std::string name = fault.param.name;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(PullTrouble, ASenderThatSaysNothingIsLeft) {
  NEEDS_LAB();
  const PullHome home;
  const auto pulled = home.pull(lab().behind("stall"), [](image::PullRequest& request) {
    request.registry.patience.stall = std::chrono::milliseconds(60);
    request.registry.patience.attempts = 2;
  });
  // Each attempt brings something, so this ends with the blob and not with the patience.
  EXPECT_TRUE(pulled || pulled.error().status() == Status::image_pull_failed);
}

TEST(PullTrouble, CancelIsHeardWhileBytesTrickle) {
  NEEDS_LAB();
  const PullHome home;
  CancelToken token;
  Call::Clock::time_point cancelled{};
  const Call call(
      &token, Call::Clock::time_point::max(),
      [&](const Progress& progress) {
        if (progress.phase != Phase::downloading || progress.done == 0 || token.triggered()) return;
        cancelled = Call::Clock::now();
        token.trigger();
      },
      std::chrono::milliseconds(1));
  EXPECT_STATUS(Status::cancelled, home.pull(lab().behind("trickle"), call));
  EXPECT_LT(Call::Clock::now() - cancelled, std::chrono::milliseconds(60));
  EXPECT_EQ(home.leftovers(), std::vector<std::string>());
}

TEST(PullTrouble, ASilentRegistryDoesNotHoldUpACancel) {
  NEEDS_LAB();
  const PullHome home;
  CancelToken token;
  std::thread impatient([&] {
    Call().pause(std::chrono::milliseconds(50)).ok();
    token.trigger();
  });
  const Call call(&token, Call::Clock::time_point::max(), {}, std::chrono::milliseconds(50));
  EXPECT_STATUS(Status::cancelled, home.pull(lab().behind("mute"), call, [](image::PullRequest& request) {
    request.registry.patience.stall = std::chrono::hours(1);
  }));
  impatient.join();
}

TEST(PullTrouble, TheDeadlineHoldsForAllOfIt) {
  NEEDS_LAB();
  const PullHome home;
  const auto begin = Call::Clock::now();
  const Call call(nullptr, begin + std::chrono::milliseconds(300), {}, std::chrono::milliseconds(50));
  EXPECT_STATUS(Status::deadline_exceeded, home.pull(lab().behind("trickle"), call));
  EXPECT_LT(Call::Clock::now() - begin, std::chrono::milliseconds(500));
}

TEST(PullTrouble, FinishedLayersStayForTheNextAttempt) {
  NEEDS_LAB();
  const PullHome home;
  ASSERT_STATUS(kInvalid, home.pull(lab().behind("flip")));
  const auto again = home.pull(lab().host("PLAIN") + "/demo:1");
  ASSERT_OK(again);
  EXPECT_GE(again->layers_present, 1U);
  EXPECT_EQ(again->layers_fetched + again->layers_present, 3U);
}

TEST(PullTrouble, OnlyWhatIsMissingIsAskedForAgain) {
  NEEDS_LAB();
  const PullHome home;
  const auto pulled = home.pull(lab().behind("drop-4-counted"));
  ASSERT_OK(pulled);
  // Were bytes sent twice, more would have been read than the layers have.
  EXPECT_EQ(pulled->bytes_fetched, pulled->row.size);
}

TEST(PullTrouble, NobodyThere) {
  const PullHome home;
  const auto begin = Call::Clock::now();
  EXPECT_STATUS(Status::http, home.pull("127.0.0.1:1/demo:1"));
  EXPECT_LT(Call::Clock::now() - begin, std::chrono::seconds(1));
}

TEST(PullTrouble, NoSuchHost) {
  const PullHome home;
  const auto pulled = home.pull("nobody.invalid/demo:1");  // a name that no resolver may know
  ASSERT_STATUS(Status::http, pulled);
  EXPECT_NE(pulled.error().message().find("nobody.invalid"), std::string::npos) << pulled.error().message();
}

}  // namespace
}  // namespace msb::test
