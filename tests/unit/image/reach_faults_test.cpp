// Removing things while the file system fails: at each operation in turn.
#include <functional>

#include "cache_home.h"
#include "image/collect.h"
#include "image/prune.h"
#include "image/recover.h"
#include "image/remove.h"
#include "os/dir.h"
#include "support/fault_fs.h"
#include "support/unreadable_fs.h"

namespace msb::image {
namespace {

using test::CacheHome;
using test::Fault;
using test::FaultFs;

struct Case {
  const char* name;
  std::function<Done(const Context&, const Call&)> work;
};

template <typename T>
Done done(Result<T> result) {
  if (!result) return std::move(result).error();
  return {};
}

const Case kCases[] = {
    {"prune", [](const Context& context, const Call& call) { return done(prune(context, {}, call)); }},
    {"remove", [](const Context& context, const Call& call) { return remove(context, "one", false, call); }},
    {"gc", [](const Context& context, const Call& call) { return done(gc(context, call)); }},
    {"recover",
     [](const Context& context, const Call& call) { return done(recover(context, Thoroughness::full, call)); }},
};

class ReachFaultsTest : public testing::TestWithParam<Fault> {};

TEST_P(ReachFaultsTest, NoImageLosesFilesThatTheIndexPromises) {
  CacheHome original;
  original.add_image("one", "M1", {"base", "a"});
  original.add_image("two:1", "M2", {"base", "b"});
  original.add_image("three:1", "M3", {"c"});
  original.add_sandbox("web", "M2", false);
  original.write(original.path("cache/tmp/sha256_aa.part"), 10);
  original.write(original.path("cache/layers/.staging-0123456789abcdef"), 10);
  original.change([](index::Transaction& transaction) {
    return transaction.execute("DELETE FROM image_ref WHERE reference = 'three:1'");
  });
  for (const Case& c : kCases) {
    for (unsigned at = 1;; ++at) {
      SCOPED_TRACE(std::string(c.name) + ", operation " + std::to_string(at));
      CacheHome home(original);
      home.age();
      FaultFs faulty(GetParam(), at);
      home.use(faulty);
      const Done result = c.work(home.context(), home.call());
      const bool reached = faulty.reached();
      if (!reached) {
        EXPECT_OK(result);
      }
      home.use(os::real_fs());
      ASSERT_EQ(home.broken_images(), std::vector<std::string>());
      ASSERT_TRUE(home.has_image("M2"));
      ASSERT_TRUE(home.has_layer("base"));
      ASSERT_TRUE(home.has_document("two:1"));

      // Nothing that remains is in the way of the next one, nor lost to it.
      home.age();
      ASSERT_OK(prune(home.context(), {}, home.call()));
      const CachePaths& paths = home.paths();
      const auto below = [&](const std::string& path) { return path.substr(paths.root().size() + 1); };
      EXPECT_EQ(home.files(), (std::set<std::string>{
                                  below(paths.layer(CacheHome::safe("base"))), below(paths.layer(CacheHome::safe("b"))),
                                  below(paths.recipe(CacheHome::safe("base"))),
                                  below(paths.recipe(CacheHome::safe("b"))), below(paths.fsmeta(CacheHome::safe("M2"))),
                                  below(paths.vmdk(CacheHome::safe("M2"))), below(home.document_of("two:1"))}));
      if (!reached || HasFailure()) break;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, ReachFaultsTest, testing::Values(Fault::fail, Fault::crash, Fault::no_space));

TEST(ReachUnreadableTest, WhatCannotBeReadIsNotGivenUp) {
  for (const int errnum : {EIO, EMFILE}) {
    for (const Case& c : kCases) {
      SCOPED_TRACE(std::string(c.name) + ", errno " + std::to_string(errnum));
      CacheHome home;
      home.add_image("one", "M1", {"a"});
      // Its reference has moved on; its document is the only place that has its manifest.
      home.add_image("web@sha256:" + std::string(64, 'a'), "M2", {"b"});
      home.add_sandbox("web", "M2", false);
      home.change([](index::Transaction& transaction) {
        return transaction.execute("DELETE FROM image_ref WHERE reference LIKE 'web@%'");
      });
      home.age();
      const std::string document = home.document_of("web@sha256:" + std::string(64, 'a'));
      test::UnreadableFs unreadable(os::base_name(document), errnum);
      home.use(unreadable);
      const Done result = c.work(home.context(), home.call());
      EXPECT_GT(unreadable.refused(), 0U);
      ASSERT_FALSE(result);
      EXPECT_EQ(result.error().os_code(), errnum);
      EXPECT_TRUE(std::filesystem::exists(document));
    }
  }
}

}  // namespace
}  // namespace msb::image
