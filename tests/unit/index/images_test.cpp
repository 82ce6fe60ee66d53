#include "index/images.h"

#include <array>

#include <gtest/gtest.h>

#include "json/parse.h"
#include "json/value.h"
#include "support/fixtures.h"
#include "support/result.h"
#include "support/temp_dir.h"

namespace msb::index {
namespace {

class ImagesTest : public testing::Test {
 protected:
  void open() {
    auto database = Database::open(os::real_fs(), home_ / "db", {}, call_);
    ASSERT_OK(database);
    database_ = std::move(*database);
  }
  template <typename Work>
  auto read(Work work) {
    return database_->read(call_, work);
  }
  template <typename Work>
  auto write(Work work) {
    return database_->write(call_, work);
  }
  Done persist(const std::string& reference, const ImageRecord& image) {
    return write([&](Transaction& t) { return persist_image(t, reference, image); });
  }
  Done execute(const std::string& sql) {
    return write([&](Transaction& t) { return t.execute(sql); });
  }
  std::vector<ImageRow> list() { return *read(list_images); }

  test::TempDir home_;
  const Call call_;
  std::unique_ptr<Database> database_;
};

ImageRecord sample(const std::string& digest, const std::vector<std::string>& diff_ids) {
  ImageRecord image;
  image.manifest_digest = digest;
  image.media_type = "application/vnd.oci.image.manifest.v1+json";
  image.architecture = "arm64";
  image.os = "linux";
  image.variant = "v8";
  image.config.digest = "sha256:config";
  for (const auto& diff_id : diff_ids) image.layers.push_back({diff_id, "blob of " + diff_id, "type", 10, 4096});
  return image;
}

TEST_F(ImagesTest, EveryColumnComesBack) {
  open();
  ImageRecord image = sample("m1", {"a", "b", "a"});
  image.config.env = {"PATH=/bin", "TEXT=a\"b\\c\n\x01/\x7f é"};
  image.config.cmd = Strings{};
  image.config.entrypoint = Strings{"/bin/sh", "-c"};
  image.config.working_dir = "/srv";
  image.config.user = "1000:1000";
  image.config.labels = StringMap{{"z", "last"}, {"a", "first"}};
  image.config.stop_signal = "SIGQUIT";
  ASSERT_OK(persist("app:1", image));

  const auto found = read([](Transaction& t) { return find_image(t, "app:1"); });
  ASSERT_OK(found);
  ASSERT_TRUE(*found);
  const ImageRow& row = **found;
  EXPECT_EQ(row.manifest_digest, "m1");
  EXPECT_EQ(row.media_type, "application/vnd.oci.image.manifest.v1+json");
  EXPECT_EQ(row.config_digest, "sha256:config");
  EXPECT_EQ(row.architecture, "arm64");
  EXPECT_EQ(row.os, "linux");
  EXPECT_EQ(row.variant, "v8");
  EXPECT_EQ(row.layer_count, 3U);
  EXPECT_EQ(row.size, 30U);
  EXPECT_NEAR(static_cast<double>(*row.created_at), static_cast<double>(now_ns()), 60e9);
  EXPECT_EQ(row.created_at, row.last_used_at);

  const auto config = read([&](Transaction& t) { return find_config(t, *row.manifest_id); });
  ASSERT_OK(config);
  ASSERT_TRUE(*config);
  EXPECT_EQ((*config)->env, image.config.env);
  EXPECT_EQ((*config)->cmd, Strings{});
  EXPECT_EQ((*config)->entrypoint, image.config.entrypoint);
  EXPECT_EQ((*config)->working_dir, "/srv");
  EXPECT_EQ((*config)->user, "1000:1000");
  EXPECT_EQ((*config)->labels, image.config.labels);
  EXPECT_EQ((*config)->stop_signal, "SIGQUIT");
  EXPECT_TRUE((*config)->malformed.empty());

  const auto layers = read([&](Transaction& t) { return layers_of(t, *row.manifest_id); });
  ASSERT_OK(layers);
  ASSERT_EQ(layers->size(), 3U);
  EXPECT_EQ((*layers)[0].diff_id, "a");
  EXPECT_EQ((*layers)[1].diff_id, "b");
  EXPECT_EQ((*layers)[2].id, (*layers)[0].id);
  EXPECT_EQ((*layers)[1].blob_digest, "blob of b");
  EXPECT_EQ((*layers)[1].erofs_size, 4096U);
}

TEST_F(ImagesTest, EmptyIsStoredAsUpstreamStoresIt) {
  open();
  ImageRecord image = sample("m1", {});
  image.config.labels = StringMap{};
  image.config.cmd = Strings{};
  ASSERT_OK(persist("app:1", image));
  const auto nulls = read([](Transaction& t) -> Result<std::string> {
    MSB_TRY(Statement row,
            t.query("SELECT (env IS NULL) || (labels IS NULL) || (entrypoint IS NULL) || cmd FROM config"));
    MSB_TRY(const bool any, row.step());
    return any ? row.text(0) : "";
  });
  EXPECT_EQ(*nulls, "111[]");
}

TEST_F(ImagesTest, HugeSizesSaturate) {
  open();
  ImageRecord image = sample("m1", {"a", "b"});
  image.layers[0].compressed_size = UINT64_MAX;
  ASSERT_OK(persist("app:1", image));
  EXPECT_EQ(list()[0].size, static_cast<uint64_t>(INT64_MAX));
}

TEST_F(ImagesTest, StoringAgainKeepsIdsAndCompletesWhatWasMissing) {
  open();
  ImageRecord poor = sample("m1", {"a"});
  poor.media_type.reset();
  poor.variant.reset();
  poor.layers[0].erofs_size.reset();
  ASSERT_OK(persist("app:1", poor));
  const ImageRow before = list()[0];
  ASSERT_OK(persist("app:1", sample("m1", {"a"})));
  const ImageRow after = list()[0];
  EXPECT_EQ(after.id, before.id);
  EXPECT_EQ(after.manifest_id, before.manifest_id);
  EXPECT_EQ(after.created_at, before.created_at);
  EXPECT_GT(after.last_used_at, before.last_used_at);
  EXPECT_EQ(after.variant, "v8");
  ASSERT_OK(persist("app:1", poor));  // what is known stays known
  EXPECT_EQ(list()[0].variant, "v8");
  const auto layers = read([&](Transaction& t) { return layers_of(t, *after.manifest_id); });
  EXPECT_EQ((*layers)[0].erofs_size, 4096U);
  const auto highest = read([](Transaction& t) -> Result<int64_t> {
    MSB_TRY(Statement row, t.query("SELECT seq FROM sqlite_sequence WHERE name = 'layer'"));
    MSB_TRY(const bool any, row.step());
    return any ? row.integer(0) : -1;
  });
  EXPECT_EQ(*highest, 1);
}

TEST_F(ImagesTest, StoringTheSameAgainTouchesOnlyTimes) {
  open();
  const auto written = [this] {
    return *read([](Transaction& t) -> Result<std::string> {
      MSB_TRY(Statement row, t.query("SELECT (SELECT group_concat(id || digest || ifnull(env, '-') || created_at) FROM "
                                     "config) || (SELECT group_concat(id || ' ' || layer_id) FROM manifest_layer)"));
      MSB_TRY(const bool any, row.step());
      return any ? row.text(0) : std::string();
    });
  };
  ASSERT_OK(persist("app:1", sample("m1", {"a", "b", "a"})));
  const std::string before = written();
  ASSERT_OK(persist("app:1", sample("m1", {"a", "b", "a"})));
  EXPECT_EQ(written(), before);
  ImageRecord other = sample("m1", {"a", "b", "a"});
  other.config.env = {"A=1"};
  ASSERT_OK(persist("app:1", other));
  EXPECT_NE(written(), before);
}

TEST_F(ImagesTest, AMovedTagLeavesTheOldManifest) {
  open();
  ASSERT_OK(persist("app:latest", sample("m1", {"a", "b"})));
  ASSERT_OK(persist("app:latest", sample("m2", {"a", "c"})));
  ASSERT_EQ(list().size(), 1U);
  EXPECT_EQ(list()[0].manifest_digest, "m2");
  const auto manifests = read(list_manifests);
  ASSERT_OK(manifests);
  ASSERT_EQ(manifests->size(), 2U);
  EXPECT_TRUE((*manifests)[0].references.empty());
  EXPECT_EQ((*manifests)[0].diff_ids, (Strings{"a", "b"}));
  EXPECT_EQ((*manifests)[1].references, Strings{"app:latest"});
}

TEST_F(ImagesTest, NewestComesFirst) {
  open();
  for (const char* reference : {"b", "c", "a"}) ASSERT_OK(persist(reference, sample("m1", {})));
  ASSERT_OK(execute("UPDATE image_ref SET created_at = '2024-01-01 00:00:00' WHERE reference IN ('a', 'b')"));
  ASSERT_OK(execute("UPDATE image_ref SET created_at = '2024-01-01T00:00:00.5Z' WHERE reference = 'c'"));
  const auto images = list();
  ASSERT_EQ(images.size(), 3U);
  EXPECT_EQ(images[0].reference, "c");
  EXPECT_EQ(images[1].reference, "a");  // inserted after b
  EXPECT_EQ(images[2].reference, "b");
}

TEST_F(ImagesTest, SpellingsAreExact) {
  open();
  ASSERT_OK(persist("python", sample("m1", {})));
  EXPECT_FALSE(*read([](Transaction& t) { return find_image(t, "python:latest"); }));
  EXPECT_FALSE(*write([](Transaction& t) { return delete_reference(t, "Python"); }));
  EXPECT_FALSE(*write([](Transaction& t) { return touch_image(t, "python:latest"); }));
}

TEST_F(ImagesTest, TouchingCountsAsUse) {
  open();
  ASSERT_OK(persist("app:1", sample("m1", {"a"})));
  ASSERT_OK(persist("app:2", sample("m2", {"b"})));
  ASSERT_OK(execute("UPDATE layer SET last_used_at = '2020-01-01 00:00:00'"));
  ASSERT_OK(execute("UPDATE image_ref SET updated_at = '2020-01-01 00:00:00'"));
  EXPECT_TRUE(*write([](Transaction& t) { return touch_image(t, "app:2"); }));
  const auto images = list();
  EXPECT_GT(images[0].last_used_at, images[1].last_used_at);
  const auto layers = read(list_layers);
  EXPECT_LT((*layers)[0].last_used_at, (*layers)[1].last_used_at);
}

TEST_F(ImagesTest, DeletingGoesStepByStep) {
  open();
  ASSERT_OK(persist("app:1", sample("m1", {"a", "b"})));
  ASSERT_OK(persist("app:2", sample("m2", {"b", "c"})));
  EXPECT_TRUE(*write([](Transaction& t) { return delete_reference(t, "app:1"); }));
  EXPECT_FALSE(*write([](Transaction& t) { return delete_reference(t, "app:1"); }));
  const auto manifests = read(list_manifests);
  ASSERT_EQ(manifests->size(), 2U);
  EXPECT_TRUE(read(orphan_layers)->empty());
  ASSERT_OK(write([&](Transaction& t) { return delete_manifest(t, (*manifests)[0].id); }));
  EXPECT_FALSE(*read([&](Transaction& t) { return find_config(t, (*manifests)[0].id); }));
  const auto orphans = read(orphan_layers);
  ASSERT_EQ(orphans->size(), 1U);
  EXPECT_EQ((*orphans)[0].diff_id, "a");
  EXPECT_OK(write([&](Transaction& t) { return delete_layer(t, (*orphans)[0].id); }));
  const auto left = read(list_layers);
  ASSERT_EQ(left->size(), 2U);
  EXPECT_STATUS(Status::database, write([&](Transaction& t) { return delete_layer(t, (*left)[0].id); }));
}

TEST_F(ImagesTest, ManifestUnderASandboxStays) {
  open();
  ASSERT_OK(persist("app:1", sample("m1", {})));
  ASSERT_OK(execute("INSERT INTO sandbox (id, name, config, status) VALUES (1, 's', '{}', 'Stopped')"));
  ASSERT_OK(execute("INSERT INTO sandbox_rootfs (sandbox_id, manifest_id, mode) VALUES (1, 1, 'erofs')"));
  EXPECT_STATUS(Status::database, write([](Transaction& t) { return delete_manifest(t, 1); }));
  EXPECT_EQ(list().size(), 1U);
}

TEST_F(ImagesTest, OddRowsOfOthersAreRead) {
  open();
  ASSERT_OK(persist("app:1", sample("m1", {"a"})));
  ASSERT_OK(execute("UPDATE config SET env = '[1]', cmd = 'x', labels = '{\"a\":1}', entrypoint = '[\"ok\"]'"));
  ASSERT_OK(execute("UPDATE layer SET compressed_size_bytes = -1, created_at = 1700000000"));
  ASSERT_OK(execute("UPDATE image_ref SET created_at = 'yesterday', updated_at = NULL"));
  ASSERT_OK(execute("UPDATE manifest SET layer_count = NULL, os = NULL"));
  const auto images = list();
  ASSERT_EQ(images.size(), 1U);
  EXPECT_FALSE(images[0].created_at);
  EXPECT_FALSE(images[0].last_used_at);
  EXPECT_FALSE(images[0].layer_count);
  EXPECT_FALSE(images[0].os);
  const auto config = *read([](Transaction& t) { return find_config(t, 1); });
  ASSERT_TRUE(config);
  EXPECT_TRUE(config->env.empty());
  EXPECT_FALSE(config->cmd);
  EXPECT_FALSE(config->labels);
  EXPECT_EQ(config->entrypoint, Strings{"ok"});
  EXPECT_EQ(config->malformed, (Strings{"env", "cmd", "labels"}));
  const auto layers = *read(list_layers);
  EXPECT_FALSE(layers[0].compressed_size);
  EXPECT_EQ(layers[0].created_at, 1'700'000'000'000'000'000);
}

/// A row as `msb image ls` and `msb image inspect` print it must come out of the database that msb wrote.
void expect_equal(const ImageRow& row, const json::Value& golden) {
  EXPECT_EQ(*golden.find("digest")->string(), row.manifest_digest);
  EXPECT_EQ(*golden.find("architecture")->string(), row.architecture);
  EXPECT_EQ(*golden.find("os")->string(), row.os);
  EXPECT_EQ(golden.find("layer_count")->u64(), row.layer_count);
  EXPECT_EQ(golden.find("size_bytes")->u64(), row.size);
  EXPECT_EQ(parse_time(*golden.find("created_at")->string()), row.created_at);
}

std::optional<std::string> text_of(const json::Value* value) {
  return value->string() != nullptr ? std::optional(*value->string()) : std::nullopt;
}

TEST_F(ImagesTest, GoldenDatabasesListAsMsbListsThem) {
  const auto fixtures = test::upstream_path("images");
  const std::vector<std::array<std::string, 4>> cases = {
      {"f1-kinds", "db.sql", "list.json", "inspect.json"},
      {"f2-layers", "db.sql", "list.json", "inspect.json"},
      {"f3-index", "db.sql", "list.json", "inspect.json"},
      {"f3-index", "db-pull.sql", "list-pull.json", "inspect-pull.json"},
      {"f4-names", "db.sql", "list.json", "inspect.json"},
      {"f5-docker", "db.sql", "list.json", "inspect.json"},
  };
  for (const auto& [folder, dump, list_file, inspect_file] : cases) {
    SCOPED_TRACE(folder + "/" + dump);
    database_.reset();
    std::filesystem::remove_all(home_ / "db");
    std::filesystem::create_directory(home_ / "db");
    {
      const auto raw = Connection::open(home_ / "db/msb.db", Connection::Access::read_write);
      ASSERT_OK((*raw)->script(test::read_file(fixtures / folder / dump)));
    }
    open();
    const auto images = list();
    const auto golden = json::parse(test::read_file(fixtures / folder / list_file));
    ASSERT_OK(golden);
    ASSERT_EQ(golden->array()->size(), images.size());
    const auto inspected = json::parse(test::read_file(fixtures / folder / inspect_file));
    ASSERT_OK(inspected);
    for (size_t i = 0; i < images.size(); ++i) {
      EXPECT_EQ(*(*golden->array())[i].find("reference")->string(), images[i].reference);
      expect_equal(images[i], (*golden->array())[i]);
      const json::Value& detail = *inspected->find(images[i].reference);
      expect_equal(images[i], detail);
      const auto config = *read([&](Transaction& t) { return find_config(t, *images[i].manifest_id); });
      ASSERT_TRUE(config);
      EXPECT_TRUE(config->malformed.empty());
      const json::Value& expected = *detail.find("config");
      EXPECT_EQ(text_of(expected.find("digest")), config->digest);
      EXPECT_EQ(text_of(expected.find("working_dir")), config->working_dir);
      EXPECT_EQ(text_of(expected.find("user")), config->user);
      EXPECT_EQ(expected.find("env")->array()->size(), config->env.size());
      EXPECT_EQ(expected.find("cmd")->is_null(), !config->cmd);
      EXPECT_EQ(expected.find("entrypoint")->is_null(), !config->entrypoint);
      EXPECT_EQ(expected.find("labels")->is_null(), !config->labels);
      const auto layers = *read([&](Transaction& t) { return layers_of(t, *images[i].manifest_id); });
      const json::Array& golden_layers = *detail.find("layers")->array();
      ASSERT_EQ(golden_layers.size(), layers.size());
      for (size_t l = 0; l < layers.size(); ++l) {
        EXPECT_EQ(text_of(golden_layers[l].find("diff_id")), layers[l].diff_id);
        EXPECT_EQ(text_of(golden_layers[l].find("blob_digest")), layers[l].blob_digest);
        EXPECT_EQ(text_of(golden_layers[l].find("media_type")), layers[l].media_type);
        EXPECT_EQ(golden_layers[l].find("compressed_size_bytes")->u64(), layers[l].compressed_size);
      }
    }
  }
}

}  // namespace
}  // namespace msb::index
