#include "image/load.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "erofs/reader.h"
#include "image/layer_store.h"
#include "image/query.h"
#include "support/compress.h"
#include "support/image_archive.h"
#include "support/image_home.h"
#include "support/streams.h"

namespace msb::image {
namespace {

using test::docker_archive;
using test::ImageHome;
using test::OciLayout;
using test::TarBuilder;

class LoadTest : public testing::Test {
 protected:
  std::vector<std::string> references() {
    std::vector<std::string> found;
    const auto rows = image::list(home_.context(), home_.call());
    EXPECT_OK(rows);
    for (const auto& row : *rows) found.push_back(row.reference);
    std::sort(found.begin(), found.end());
    return found;
  }
  std::string manifest_of(const std::string& reference) {
    const auto row = image::get(home_.context(), reference, home_.call());
    EXPECT_OK(row);
    return row ? row->manifest_digest.value_or("none") : "";
  }
  std::string layer_path(const std::string& tar) const { return home_.paths().layer("sha256_" + test::hex_of(tar)); }
  std::string recipe_path(const std::string& tar) const { return home_.paths().recipe("sha256_" + test::hex_of(tar)); }
  std::string write_directory(const OciLayout& layout) const {
    const std::filesystem::path root = home_.path("layout");
    for (const auto& [name, content] : layout.files()) {
      std::filesystem::create_directories((root / name).parent_path());
      test::write_text(root / name, content);
    }
    return root;
  }

  const std::string lower_ = test::small_layer("passwd", "root:x:0:0\n");
  const std::string upper_ = test::small_layer("motd", test::noise(100'000));
  ImageHome home_;
};

// --- where archives come from

TEST_F(LoadTest, TakesArchivesPlainAndCompressed) {
  const std::string plain = docker_archive("app:1", {lower_, upper_});
  std::set<std::map<std::string, std::string>> results;
  for (const std::string& bytes : {plain, test::gzip(plain), test::zstd(plain)}) {
    ImageHome home;
    ASSERT_OK(home.load(home.archive(bytes)));
    results.insert(home.files());
  }
  EXPECT_EQ(results.size(), 1U);
}

TEST_F(LoadTest, TakesAnArchiveFromAPipe) {
  for (const bool compressed : {false, true}) {
    ImageHome home;
    const std::string plain = docker_archive("app:1", {lower_, upper_});
    const std::string bytes = compressed ? test::gzip(plain) : plain;
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    std::thread writer([&] {
      for (size_t sent = 0; sent < bytes.size();) {
        const ssize_t n = ::write(ends[1], bytes.data() + sent, bytes.size() - sent);
        if (n <= 0) break;
        sent += static_cast<size_t>(n);
      }
      ::close(ends[1]);
    });
    LoadRequest request = ImageHome::request("");
    request.fd = ends[0];
    const auto rows = image::load(home.context(), request, home.call());
    writer.join();
    ::close(ends[0]);
    ASSERT_OK(rows);
    EXPECT_EQ(rows->front().reference, "app:1");
  }
}

TEST_F(LoadTest, TakesAnArchiveFromWhereAnOpenFileStands) {
  const std::string path = home_.archive("junk" + docker_archive("app:1", {lower_}));
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(::lseek(fd, 4, SEEK_SET), 4);
  LoadRequest request = ImageHome::request("");
  request.fd = fd;
  EXPECT_OK(image::load(home_.context(), request, home_.call()));
  EXPECT_EQ(::close(fd), 0);
}

TEST_F(LoadTest, TakesALayoutAsADirectory) {
  OciLayout layout;
  layout.index({layout.image({test::gzip(lower_), test::zstd(upper_)}, {lower_, upper_}, layout.named("app:1"))});
  ASSERT_OK(home_.load(write_directory(layout)));
  ImageHome other;
  ASSERT_OK(other.load(other.archive(layout.tar())));
  EXPECT_EQ(home_.files(), other.files());
}

TEST_F(LoadTest, FollowsLinksOfOldDockerArchives) {
  const std::string config = test::config_for({lower_, lower_});
  TarBuilder archive;
  archive.directory("a/").add("a/layer.tar", lower_).directory("b/").symlink("b/layer.tar", "../a/layer.tar");
  archive.add("c.json", config);
  archive.add("manifest.json", R"([{"Config":"c.json","RepoTags":["app:1"],"Layers":["a/layer.tar","b/layer.tar"]}])");
  ASSERT_OK(home_.load(home_.archive(archive.end().str())));
  EXPECT_EQ(image::inspect(home_.context(), "app:1", home_.call())->layers.size(), 2U);
}

// --- names

TEST_F(LoadTest, TagsGoToTheFirstImageBesideItsOwn) {
  OciLayout layout;
  layout.index({layout.image({lower_}, {lower_}, layout.named("one:1")),
                layout.image({upper_}, {upper_}, layout.named("two:1"))});
  const auto rows = home_.load(home_.archive(layout.tar()), {"more:2", "one:1"});
  ASSERT_OK(rows);
  std::vector<std::string> names;
  for (const auto& row : *rows) names.push_back(row.reference);
  EXPECT_EQ(names, (std::vector<std::string>{"one:1", "more:2", "two:1"}));
  EXPECT_EQ(manifest_of("more:2"), manifest_of("one:1"));
  EXPECT_NE(manifest_of("two:1"), manifest_of("one:1"));
}

TEST_F(LoadTest, AnImageNeedsAName) {
  const std::string path = home_.archive(docker_archive("", {lower_}));
  EXPECT_STATUS(Status::invalid_argument, home_.load(path));
  EXPECT_TRUE(home_.files().empty());
  EXPECT_OK(home_.load(path, {"app:1"}));
  EXPECT_STATUS(Status::invalid_argument, home_.load(path, {"not a reference"}));
}

TEST_F(LoadTest, TheFullNameOfContainerdCounts) {
  OciLayout layout;
  layout.index({layout.image({lower_}, {lower_},
                             R"(,"annotations":{"org.opencontainers.image.ref.name":"1",)"
                             R"("io.containerd.image.name":"docker.io/library/app:1"})")});
  ASSERT_OK(home_.load(home_.archive(layout.tar())));
  EXPECT_EQ(references(), std::vector<std::string>{"docker.io/library/app:1"});
}

TEST_F(LoadTest, OtherSpellingsOfAReferenceFollowIt) {
  ASSERT_OK(home_.load(home_.archive(docker_archive("app:1", {lower_}))));
  ASSERT_OK(home_.load(home_.archive(docker_archive("docker.io/library/app:1", {upper_}))));
  EXPECT_EQ(references(), (std::vector<std::string>{"app:1", "docker.io/library/app:1"}));
  EXPECT_EQ(manifest_of("app:1"), manifest_of("docker.io/library/app:1"));
}

// --- platforms

TEST_F(LoadTest, ChoosesThePlatformAcrossIndexes) {
  OciLayout layout;
  const std::string index_type = "application/vnd.oci.image.index.v1+json";
  const std::string inner = layout.blob(R"({"schemaVersion":2,"manifests":[)" +
                                            layout.image({upper_}, {upper_}, layout.for_platform("arm64"), "arm64") +
                                            "," + layout.image({lower_}, {lower_}, layout.for_platform("amd64")) + "]}",
                                        index_type);
  const std::string outer =
      layout.blob(R"({"schemaVersion":2,"manifests":[)" + inner + "]}", index_type, layout.named("app:1"));
  layout.index({outer});
  const std::string path = home_.archive(layout.tar());
  ASSERT_OK(home_.load(path));
  EXPECT_EQ(image::inspect(home_.context(), "app:1", home_.call())->layers.front().diff_id, test::sha256_of(lower_));

  LoadRequest request = ImageHome::request(path);
  request.platform = oci::Platform{"linux", "arm64", ""};
  const auto rows = image::load(home_.context(), request, home_.call());
  ASSERT_OK(rows);
  EXPECT_EQ(rows->front().architecture, "arm64");
  request.platform = oci::Platform{"linux", "riscv64", ""};
  const auto missing = image::load(home_.context(), request, home_.call());
  EXPECT_STATUS(Status::image_invalid, missing);
  EXPECT_NE(missing.error().message().find("linux/arm64, linux/amd64"), std::string::npos) << missing.error().message();
}

TEST_F(LoadTest, AnImageForAnotherMachineIsRefused) {
  LoadRequest request = ImageHome::request(home_.archive(docker_archive("app:1", {lower_})));
  request.platform = oci::Platform{"linux", "arm64", ""};
  EXPECT_STATUS(Status::image_invalid, image::load(home_.context(), request, home_.call()));
  EXPECT_TRUE(home_.files().empty());
}

// --- what is there already

TEST_F(LoadTest, LayersThatAreThereAreNotReadAgain) {
  ASSERT_OK(home_.load(home_.archive(docker_archive("base:1", {lower_}))));
  const auto before = std::filesystem::last_write_time(layer_path(lower_));
  std::string archive = docker_archive("app:1", {lower_, upper_});
  archive[archive.find("root:x:0:0")] = 'X';  // would be the wrong digest
  ASSERT_OK(home_.load(home_.archive(archive)));
  EXPECT_EQ(std::filesystem::last_write_time(layer_path(lower_)), before);
}

TEST_F(LoadTest, LoadingTwiceChangesNothingButTheTimeOfUse) {
  const std::string path = home_.archive(docker_archive("app:1", {lower_, upper_}));
  const auto first = home_.load(path);
  const auto files = home_.files();
  const auto fsmeta = std::filesystem::last_write_time(
      home_.paths().fsmeta(Digest::parse(*first->front().manifest_digest)->safe_name()));
  const auto second = home_.load(path);
  ASSERT_OK(second);
  EXPECT_EQ(home_.files(), files);
  EXPECT_EQ(std::filesystem::last_write_time(
                home_.paths().fsmeta(Digest::parse(*first->front().manifest_digest)->safe_name())),
            fsmeta);
  EXPECT_EQ(second->front().id, first->front().id);
  EXPECT_GE(second->front().last_used_at, first->front().last_used_at);
}

TEST_F(LoadTest, ADamagedLayerIsMadeAgain) {
  const std::string path = home_.archive(docker_archive("app:1", {lower_}));
  ASSERT_OK(home_.load(path));
  const auto good = home_.files();
  std::string layer = test::read_file(layer_path(lower_));
  layer[1100] ^= 1;  // the superblock's checksum is about it
  test::write_text(layer_path(lower_), layer);
  ASSERT_OK(home_.load(path));
  EXPECT_EQ(home_.files(), good);
  EXPECT_EQ(home_.warnings().size(), 2U);  // without the lock, and with it
}

TEST_F(LoadTest, ADamagedRecipeIsMadeAgain) {
  const std::string path = home_.archive(docker_archive("app:1", {lower_}));
  ASSERT_OK(home_.load(path));
  const auto good = home_.files();
  std::string recipe = test::read_file(recipe_path(lower_));
  recipe[recipe.size() / 2] ^= 1;
  test::write_text(recipe_path(lower_), recipe);
  ASSERT_OK(home_.load(path));
  EXPECT_EQ(home_.files(), good);
}

TEST_F(LoadTest, LayersOfMicrosandboxAreUsedAsTheyAre) {
  const std::string path = home_.archive(docker_archive("app:1", {lower_}));
  ASSERT_OK(home_.load(path));
  std::filesystem::remove(recipe_path(lower_));
  const auto without = home_.files();
  ASSERT_OK(home_.load(path));
  EXPECT_EQ(home_.files(), without);
}

TEST_F(LoadTest, AnFsmetaThatSaysSomethingElseIsReplaced) {
  const std::string path = home_.archive(docker_archive("app:1", {lower_}));
  const auto rows = home_.load(path);
  const auto good = home_.files();
  const std::string name = Digest::parse(*rows->front().manifest_digest)->safe_name();
  std::filesystem::remove(home_.paths().vmdk(name));
  test::write_text(home_.paths().fsmeta(name), std::string(4096, 'x'));
  ASSERT_OK(home_.load(path));
  EXPECT_EQ(home_.files(), good);
}

TEST_F(LoadTest, ContentThatALaterMemberReplacesComesBackInTheTar) {
  const std::string tar =
      TarBuilder().add("f", test::noise(20'000, 1)).add("g", "g").add("f", test::noise(30'000, 2)).end().str();
  ASSERT_OK(home_.load(home_.archive(docker_archive("app:1", {tar}))));
  const auto layer = open_layer(home_.context(), Digest::sha256_of(as_bytes(tar)), home_.call());
  ASSERT_OK(layer);
  ASSERT_TRUE(layer->has_value());
  EXPECT_EQ((*layer)->vouched, Vouched::by_recipe);
}

// --- all or nothing

TEST_F(LoadTest, AFailureLeavesNothingOfAnyImage) {
  const std::string wrong = test::small_layer("x", "not what the configuration says");
  OciLayout layout;
  layout.index({layout.image({lower_}, {lower_}, layout.named("one:1")),
                layout.image({wrong}, {upper_}, layout.named("two:1"))});
  EXPECT_STATUS(Status::image_invalid, home_.load(home_.archive(layout.tar())));
  EXPECT_TRUE(home_.files().empty()) << home_.files().begin()->first;
  EXPECT_TRUE(references().empty());
}

TEST_F(LoadTest, AFailureTakesNothingFromOthers) {
  ASSERT_OK(home_.load(home_.archive(docker_archive("base:1", {lower_}))));
  const auto before = home_.files();
  const std::string wrong = test::small_layer("x", "not what the configuration says");
  OciLayout layout;
  layout.index({layout.image({lower_}, {lower_}, layout.named("base:1")),
                layout.image({wrong}, {upper_}, layout.named("two:1"))});
  EXPECT_STATUS(Status::image_invalid, home_.load(home_.archive(layout.tar())));
  EXPECT_EQ(home_.files(), before);
}

TEST_F(LoadTest, ARowThatCannotBeWrittenPutsTheDocumentsBack) {
  ASSERT_OK(home_.load(home_.archive(docker_archive("app:1", {lower_}))));
  const auto before = home_.files();
  ASSERT_OK(home_.context().database.write(home_.call(), [](index::Transaction& transaction) {
    return transaction.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON manifest BEGIN SELECT raise(ABORT, 'refused'); END");
  }));
  EXPECT_STATUS(Status::database, home_.load(home_.archive(docker_archive("app:1", {upper_})), {"new:1"}));
  EXPECT_EQ(home_.files(), before);
  EXPECT_EQ(references(), std::vector<std::string>{"app:1"});
}

TEST_F(LoadTest, CancellingAtAnyTimeLeavesNothing) {
  const std::string path = home_.archive(docker_archive("app:1", {lower_, upper_}));
  for (const Phase phase :
       {Phase::resolving, Phase::resolved, Phase::materializing, Phase::writing, Phase::merging, Phase::indexing}) {
    CancelToken token;
    const Call call(
        &token, Call::Clock::time_point::max(),
        [&](const Progress& progress) {
          if (progress.phase == phase) token.trigger();
        },
        std::chrono::milliseconds(0));
    const auto rows = image::load(home_.context(), ImageHome::request(path), call);
    EXPECT_STATUS(Status::cancelled, rows) << phase_name(phase);
    EXPECT_TRUE(home_.files().empty()) << phase_name(phase) << " " << home_.files().begin()->first;
    EXPECT_TRUE(references().empty());
  }
}

TEST_F(LoadTest, TellsHowFarItIs) {
  std::vector<Phase> phases;
  std::set<std::string> items;
  const Call call(
      nullptr, Call::Clock::time_point::max(),
      [&](const Progress& progress) {
        if (phases.empty() || phases.back() != progress.phase) phases.push_back(progress.phase);
        if (progress.phase == Phase::materializing) {
          items.insert(progress.item);
          EXPECT_EQ(progress.count, 2U);
          EXPECT_TRUE(progress.total_known);
        }
      },
      std::chrono::milliseconds(0));
  const std::string path = home_.archive(docker_archive("app:1", {lower_, upper_}));
  ASSERT_OK(image::load(home_.context(), ImageHome::request(path), call));
  EXPECT_EQ(phases.front(), Phase::resolving);
  EXPECT_EQ(phases.back(), Phase::indexing);
  EXPECT_EQ(items, (std::set<std::string>{test::sha256_of(lower_), test::sha256_of(upper_)}));
}

// --- several at once

TEST_F(LoadTest, ManyLoadsOfOneImageAtOnceAgree) {
  const std::string path = home_.archive(docker_archive("app:1", {lower_, upper_}));
  std::vector<std::thread> threads;
  std::atomic<int> loaded{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const Call call;
      const auto rows = image::load(home_.context(), ImageHome::request(path), call);
      EXPECT_OK(rows);
      loaded += rows.ok() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(loaded, 4);
  ImageHome other;
  ASSERT_OK(other.load(path));
  EXPECT_EQ(home_.files(), other.files());
}

/// As many descriptors as the process has now, and `more`.
class FewDescriptors {
 public:
  explicit FewDescriptors(rlim_t more) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::dup(0);
    struct rlimit limit = before_;
    limit.rlim_cur = static_cast<rlim_t>(next) + more;
    ::close(next);
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  ~FewDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  struct rlimit before_ {};
};

std::string archive_with_tags(size_t count) {
  const std::string tar = test::small_layer("f", "1");
  const std::string config = test::config_for({tar});
  std::string tags;
  for (size_t i = 0; i < count; ++i) tags += (i == 0 ? "\"" : ",\"") + ("app:" + std::to_string(i)) + "\"";
  return TarBuilder()
      .add("l/layer.tar", tar)
      .add("c.json", config)
      .add("manifest.json", R"([{"Config":"c.json","RepoTags":[)" + tags + R"(],"Layers":["l/layer.tar"]}])")
      .end()
      .str();
}

TEST_F(LoadTest, DescriptorsDoNotGrowWithTheTags) {
  const std::string archive = home_.archive(archive_with_tags(400));
  const FewDescriptors few(120);
  ASSERT_OK(home_.load(archive));
  EXPECT_EQ(references().size(), 400U);
}

TEST_F(LoadTest, DescriptorsDoNotGrowWithTheLayersOfADirectory) {
  OciLayout layout;
  std::vector<std::string> tars;
  for (int i = 0; i < 150; ++i) tars.push_back(test::small_layer("f" + std::to_string(i), "1"));
  layout.index({layout.image(tars, tars, layout.named("app:1"))});
  const std::string root = home_.path("layout");
  for (const auto& [name, content] : layout.files()) {
    std::filesystem::create_directories(std::filesystem::path(root + "/" + name).parent_path());
    test::write_text(root + "/" + name, content);
  }
  const FewDescriptors few(100);
  ASSERT_OK(home_.load(root));
}

/// Documents that were written before the row of one is refused come back, and no lock file stays that was not there.
TEST_F(LoadTest, ManyTagsAreLoadedAllOrNone) {
  ASSERT_OK(home_.load(home_.archive(docker_archive("app:7", {test::small_layer("old", "1")}))));
  const auto before = home_.files();
  const auto locks = home_.lock_names();
  auto connection = index::Connection::open(home_.path("db/msb.db"), index::Connection::Access::read_write);
  ASSERT_OK(connection);
  ASSERT_OK((*connection)
                ->script("CREATE TRIGGER refuse BEFORE INSERT ON image_ref WHEN NEW.reference = 'app:99'"
                         " BEGIN SELECT RAISE(ABORT, 'no'); END"));
  EXPECT_FALSE(home_.load(home_.archive(archive_with_tags(100))).ok());
  EXPECT_EQ(home_.files(), before);
  EXPECT_EQ(home_.lock_names(), locks);
  EXPECT_EQ(references(), std::vector<std::string>{"app:7"});
}

/// A layer of one file with nothing but a hole, as GNU tar stores it.
std::string layer_with_hole(uint64_t size) {
  return TarBuilder()
      .pax({{"GNU.sparse.major", "1"},
            {"GNU.sparse.minor", "0"},
            {"GNU.sparse.name", "hole"},
            {"GNU.sparse.realsize", std::to_string(size)}})
      .add("GNUSparseFile.1/hole", std::string("0\n") + std::string(510, '\0'))
      .end()
      .str();
}

/// microsandbox takes 5 GiB for a file and 10 GiB for a layer.
TEST_F(LoadTest, TakesFilesAndLayersLargerThanThoseOfMicrosandbox) {
  ASSERT_OK(home_.load(home_.archive(docker_archive("big:1", {layer_with_hole(uint64_t{11} << 30)}))));
  const auto detail = image::get(home_.context(), "big:1", home_.call());
  ASSERT_OK(detail);
}

TEST_F(LoadTest, LimitsNameTheOptionThatRaisesThem) {
  const std::string tar = TarBuilder().add("a", std::string(3000, 'a')).add("b", std::string(3000, 'b')).end().str();
  const std::string archive = home_.archive(docker_archive("app:1", {tar}));
  const struct {
    archive::TarLimits limits;
    const char* option;
  } cases[] = {
      {archive::layer_limits(2999), "max_file_bytes"},
      {archive::layer_limits(0, 5999), "max_layer_bytes"},
      {archive::layer_limits(0, 0, 1), "max_layer_entries"},
  };
  for (const auto& limited : cases) {
    LoadRequest request = ImageHome::request(archive);
    request.limits = limited.limits;
    const auto refused = image::load(home_.context(), request, home_.call());
    ASSERT_FALSE(refused.ok()) << limited.option;
    EXPECT_EQ(refused.error().status(), Status::image_invalid);
    EXPECT_NE(refused.error().message().find(limited.option), std::string::npos) << refused.error().message();
  }
  LoadRequest request = ImageHome::request(archive);
  request.limits = archive::layer_limits(3000, 6000, 2);
  EXPECT_OK(image::load(home_.context(), request, home_.call()));
}

}  // namespace
}  // namespace msb::image
