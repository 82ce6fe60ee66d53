#include "image/check.h"

#include <algorithm>
#include <chrono>

#include "image/remove.h"
#include "oci/reference.h"
#include "support/image_archive.h"
#include "support/image_home.h"

namespace msb::image {
namespace {

using test::ImageHome;
using Kinds = std::vector<ProblemKind>;

class CheckTest : public testing::Test {
 protected:
  CheckTest() { load(); }

  void load() {
    ASSERT_OK(home_.load(home_.archive(test::docker_archive("one:1", {bottom_, top_}))));
    std::filesystem::remove(home_.path("archive.tar"));
  }
  std::vector<Problem> look(CheckOptions options = {}) {
    auto problems = check(home_.context(), options, home_.call());
    EXPECT_OK(problems);
    return problems ? std::move(*problems) : std::vector<Problem>();
  }
  static Kinds kinds(const std::vector<Problem>& problems) {
    Kinds found;
    for (const Problem& problem : problems) found.push_back(problem.kind);
    return found;
  }
  static bool all_repaired(const std::vector<Problem>& problems) {
    return std::ranges::all_of(problems, &Problem::repaired);
  }
  std::string layer_file(const std::string& tar) const {
    return home_.paths().layer(Digest::sha256_of(as_bytes(tar)).safe_name());
  }
  std::string only_file(const std::string& folder) const {
    std::string path;
    for (const auto& entry : std::filesystem::directory_iterator(home_.path("cache/" + folder))) {
      if (!entry.path().string().ends_with(".lock")) path = entry.path();
    }
    return path;
  }
  static void flip(const std::string& path, uint64_t offset) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(offset));
    const char byte = static_cast<char>(file.get() ^ 0x20);
    file.seekp(static_cast<std::streamoff>(offset));
    file.put(byte);
  }
  void age() const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(home_.path("cache"))) {
      std::filesystem::last_write_time(entry, std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
    }
  }
  template <typename Work>
  void change(Work work) {
    EXPECT_OK(home_.context().database.write(home_.call(), work));
  }

  const std::string bottom_ = test::TarBuilder()
                                  .directory("etc")
                                  .add("etc/passwd", "root:x:0:0::/:/bin/sh\n")
                                  .add("etc/long", std::string(9000, 'l'))
                                  .end()
                                  .str();
  const std::string top_ = test::small_layer("motd", "hello\n");
  ImageHome home_;
};

TEST_F(CheckTest, FreshImageIsWell) {
  EXPECT_EQ(kinds(look()), Kinds());
  EXPECT_EQ(kinds(look({.deep = true})), Kinds());
  age();
  EXPECT_EQ(kinds(look({.deep = true, .repair = true})), Kinds());
}

TEST_F(CheckTest, DeepLookSeesEveryByteOfALayer) {
  const std::string path = layer_file(bottom_);
  const uint64_t size = std::filesystem::file_size(path);
  for (uint64_t offset = 0; offset < size; offset += 61) {
    flip(path, offset);
    const std::vector<Problem> problems = look({.deep = true});
    ASSERT_EQ(kinds(problems), Kinds{ProblemKind::layer_corrupt}) << offset;
    EXPECT_EQ(problems[0].subject, Digest::sha256_of(as_bytes(bottom_)).text());
    EXPECT_EQ(problems[0].path, path);
    EXPECT_NE(problems[0].message.find("one:1"), std::string::npos);
    flip(path, offset);
  }
  EXPECT_EQ(kinds(look({.deep = true})), Kinds());
}

TEST_F(CheckTest, QuickLookSeesDamageOfTheSuperblockAndTheLength) {
  flip(layer_file(bottom_), 1024);
  EXPECT_EQ(kinds(look()), Kinds{ProblemKind::layer_corrupt});
  flip(layer_file(bottom_), 1024);
  std::filesystem::resize_file(layer_file(top_), std::filesystem::file_size(layer_file(top_)) - 4096);
  EXPECT_EQ(kinds(look()), Kinds{ProblemKind::layer_corrupt});
}

TEST_F(CheckTest, DamagedLayerIsSetAsideAndTheImageHealsByLoadingItAgain) {
  flip(layer_file(bottom_), 9000);
  const std::vector<Problem> problems = look({.deep = true, .repair = true});
  EXPECT_EQ(kinds(problems), Kinds{ProblemKind::layer_corrupt});
  EXPECT_TRUE(all_repaired(problems));
  EXPECT_FALSE(std::filesystem::exists(layer_file(bottom_)));
  EXPECT_EQ(kinds(look()), Kinds{ProblemKind::layer_missing}) << "what was set aside is no problem";
  load();
  EXPECT_EQ(kinds(look({.deep = true})), Kinds());
}

TEST_F(CheckTest, LayerWithoutRecipeIsProvedByItsStructure) {
  for (const auto& tar : {bottom_, top_}) {
    std::filesystem::remove(home_.paths().recipe(Digest::sha256_of(as_bytes(tar)).safe_name()));
  }
  EXPECT_EQ(kinds(look({.deep = true})), Kinds());
  std::fstream(layer_file(bottom_), std::ios::in | std::ios::out | std::ios::binary).seekp(4096)
      << std::string(64, '\xff');
  EXPECT_EQ(kinds(look({.deep = true})), Kinds{ProblemKind::layer_corrupt});
}

TEST_F(CheckTest, DamagedRecipeIsToldApartFromItsLayer) {
  flip(home_.paths().recipe(Digest::sha256_of(as_bytes(top_)).safe_name()), 20);
  const std::vector<Problem> problems = look({.deep = true, .repair = true});
  EXPECT_EQ(kinds(problems), Kinds{ProblemKind::recipe_invalid});
  EXPECT_TRUE(std::filesystem::exists(layer_file(top_)));
}

TEST_F(CheckTest, MissingAndDamagedFsmetaIsRebuilt) {
  const std::string path = only_file("fsmeta");
  const std::string good = test::read_file(path);
  const auto heals = [&](const Kinds& expected) {
    EXPECT_EQ(kinds(look()), expected);
    EXPECT_TRUE(all_repaired(look({.repair = true})));
    EXPECT_EQ(test::read_file(path), good);
    EXPECT_EQ(kinds(look()), Kinds());
  };
  flip(path, 1030);
  heals({ProblemKind::fsmeta_invalid});
  // The VMDK has the length of its parts.
  const Kinds both{ProblemKind::fsmeta_invalid, ProblemKind::vmdk_invalid};
  std::filesystem::resize_file(path, 4096);
  heals(both);
  std::filesystem::copy_file(layer_file(bottom_), path, std::filesystem::copy_options::overwrite_existing);
  heals(both);
  std::filesystem::remove(path);
  heals(both);
}

TEST_F(CheckTest, VmdkThatPointsElsewhereIsRewritten) {
  const std::string path = only_file("vmdk");
  const std::string good = test::read_file(path);
  const auto heals = [&](const std::string& text) {
    test::write_text(path, text);
    EXPECT_EQ(kinds(look()), Kinds{ProblemKind::vmdk_invalid}) << text;
    EXPECT_TRUE(all_repaired(look({.repair = true})));
    EXPECT_EQ(test::read_file(path), good);
  };
  heals("");
  std::string text = good;
  text.replace(text.find("\"../layers/"), 11, "\"/etc/");
  heals(text);
  text = good;
  const size_t line = text.find("RW ", text.find("../fsmeta"));
  text.erase(line, text.find('\n', line) + 1 - line);
  heals(text);
  // Another spelling of the same files is as good.
  text = good;
  for (size_t at; (at = text.find("\"../")) != std::string::npos;) text.replace(at, 4, "\"" + home_.path("cache/"));
  test::write_text(path, text);
  EXPECT_EQ(kinds(look()), Kinds());
}

TEST_F(CheckTest, ImageThatLacksALayerIsNotRebuilt) {
  std::filesystem::remove(layer_file(top_));
  std::filesystem::remove(only_file("fsmeta"));
  EXPECT_EQ(kinds(look({.repair = true})), Kinds{ProblemKind::layer_missing});
}

TEST_F(CheckTest, DocumentIsCopiedFromAnotherReferenceOfTheImage) {
  ASSERT_OK(home_.load(home_.archive(test::docker_archive("one:1", {bottom_, top_})), {"two:1"}));
  const std::string path = home_.paths().metadata(oci::Reference::parse("two:1")->cache_key());
  for (const std::string text : {"", "{}", "gone"}) {
    test::write_text(path, text);
    if (text == "gone") std::filesystem::remove(path);
    const std::vector<Problem> problems = look();
    ASSERT_EQ(kinds(problems), Kinds{ProblemKind::metadata_invalid});
    EXPECT_EQ(problems[0].subject, "two:1");
    EXPECT_TRUE(all_repaired(look({.repair = true})));
    EXPECT_EQ(kinds(look()), Kinds());
  }
}

TEST_F(CheckTest, LastDocumentCannotBeMadeAnew) {
  std::filesystem::remove(only_file("manifests"));
  const std::vector<Problem> problems = look({.repair = true});
  EXPECT_EQ(kinds(problems), Kinds{ProblemKind::metadata_invalid});
  EXPECT_FALSE(all_repaired(problems));
  load();
  EXPECT_EQ(kinds(look()), Kinds());
}

TEST_F(CheckTest, SandboxWhoseImageIsGone) {
  const std::string digest = Digest::sha256_of(as_bytes("gone")).text();
  change([&](index::Transaction& transaction) {
    return transaction.execute("INSERT INTO sandbox (name, config, status) VALUES ('web', ?, 'Stopped')",
                               {"{\"manifest_digest\":\"" + digest + "\"}"});
  });
  const std::vector<Problem> problems = look();
  ASSERT_EQ(kinds(problems), Kinds{ProblemKind::metadata_invalid});
  EXPECT_EQ(problems[0].subject, digest);
  EXPECT_NE(problems[0].message.find("sandbox web"), std::string::npos);
}

TEST_F(CheckTest, OrphansAndLeftoversAreSweptOnceTheyAreOld) {
  test::write_text(home_.path("cache/layers/sha256_" + std::string(64, 'a') + ".erofs"), "x");
  test::write_text(home_.path("cache/tmp/sha256_aa.part"), "x");
  EXPECT_EQ(kinds(look()), Kinds());
  age();
  EXPECT_EQ(kinds(look()), (Kinds{ProblemKind::orphan, ProblemKind::leftover}));
  const std::vector<Problem> problems = look({.repair = true});
  EXPECT_EQ(problems.size(), 2U);
  EXPECT_TRUE(all_repaired(problems));
  EXPECT_EQ(kinds(look()), Kinds());
}

TEST_F(CheckTest, RowsThatNothingRefersToAreSwept) {
  change([](index::Transaction& transaction) { return transaction.execute("DELETE FROM image_ref"); });
  age();
  const std::vector<Problem> problems = look({.repair = true});
  EXPECT_EQ(problems.size(), 6U) << "manifest, two layers, fsmeta, VMDK and document";
  EXPECT_TRUE(all_repaired(problems));
  EXPECT_EQ(home_.file_names(), std::set<std::string>());
}

TEST_F(CheckTest, CancelledCheckSaysSo) {
  CancelToken token;
  token.trigger();
  const Call call(&token, Call::Clock::time_point::max(), {}, {});
  EXPECT_STATUS(Status::cancelled, check(home_.context(), {.deep = true}, call));
}

TEST(CheckUpstreamTest, CacheOfMicrosandboxIsWellOnceItsVmdksKnowTheirPlace) {
  const auto fixtures = test::upstream_path("images");
  for (const char* name : {"f1-kinds", "f2-layers", "f4-names", "f5-docker"}) {
    SCOPED_TRACE(name);
    ImageHome home;
    std::filesystem::copy(fixtures / name / "cache", home.path("cache"), std::filesystem::copy_options::recursive);
    std::filesystem::create_directories(home.path("cache/tmp"));
    std::string rows;
    std::istringstream dump(test::read_file(fixtures / name / "db.sql"));
    for (std::string line; std::getline(dump, line);) {
      if (line.starts_with("INSERT")) rows += line + "\n";
    }
    {
      auto connection = index::Connection::open(home.path("db/msb.db"), index::Connection::Access::read_write);
      ASSERT_OK(connection);
      ASSERT_OK((*connection)->script(rows));
    }
    auto problems = check(home.context(), {.deep = true}, home.call());
    ASSERT_OK(problems);
    for (const Problem& problem : *problems) EXPECT_EQ(problem.kind, ProblemKind::vmdk_invalid) << problem.message;
    EXPECT_FALSE(problems->empty()) << "the fixtures have a placeholder in place of the home";
    problems = check(home.context(), {.deep = false, .repair = true}, home.call());
    ASSERT_OK(problems);
    problems = check(home.context(), {.deep = true}, home.call());
    ASSERT_OK(problems);
    for (const Problem& problem : *problems) ADD_FAILURE() << problem.message;
  }
}

}  // namespace
}  // namespace msb::image
