#include <algorithm>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "image/query.h"
#include "index/sqlite.h"
#include "json/parse.h"
#include "support/image_home.h"

namespace msb::image {
namespace {

using test::ImageHome;

struct Golden {
  const char* folder;
  const char* input;
};

// All columns that microsandbox fills, but for ids and times.
constexpr const char* kQueries[] = {
    "SELECT digest, config_digest, architecture, os, layer_count, total_size_bytes FROM manifest ORDER BY digest",
    "SELECT r.reference, m.digest FROM image_ref r JOIN manifest m ON m.id = r.manifest_id ORDER BY r.id",
    "SELECT m.digest, c.digest, c.env, c.cmd, c.entrypoint, c.working_dir, c.user FROM config c"
    " JOIN manifest m ON m.id = c.manifest_id ORDER BY m.digest",
    "SELECT diff_id, blob_digest, media_type, compressed_size_bytes FROM layer ORDER BY id",
    "SELECT m.digest, x.position, l.diff_id FROM manifest_layer x JOIN manifest m ON m.id = x.manifest_id"
    " JOIN layer l ON l.id = x.layer_id ORDER BY m.digest, x.position",
};

/// Rows as lines of text.
template <typename Source>
Result<std::vector<std::string>> rows_of(Source& source, const char* sql) {
  std::vector<std::string> lines;
  MSB_TRY(index::Statement rows, source.query(sql));
  while (true) {
    MSB_TRY(const bool more, rows.step());
    if (!more) return lines;
    std::string line;
    for (int column = 0; column < std::count(sql, std::strstr(sql, "FROM"), ',') + 1; ++column) {
      line += rows.maybe_text(column).value_or("NULL") + "|";
    }
    lines.push_back(std::move(line));
  }
}

/// What microsandbox's index and its command say about the fixtures, held against ours.
class QueryGoldenTest : public testing::TestWithParam<Golden> {
 protected:
  void SetUp() override {
    const auto root = test::upstream_path("images");
    golden_ = root / GetParam().folder;
    ASSERT_OK(home_.load(root / "inputs" / GetParam().input));
  }
  json::Value read_json(const char* name) const {
    auto value = json::parse(test::read_file(golden_ / name));
    EXPECT_OK(value);
    return value ? std::move(*value) : json::Value();
  }

  std::filesystem::path golden_;
  ImageHome home_;
};

TEST_P(QueryGoldenTest, RowsAreThoseOfMicrosandbox) {
  auto theirs = index::Connection::open("golden", index::Connection::Access::memory);
  ASSERT_OK(theirs);
  ASSERT_OK((*theirs)->script(test::read_file(golden_ / "db.sql")));
  for (const char* sql : kQueries) {
    const auto expected = rows_of(**theirs, sql);
    const auto actual = home_.context().database.read(
        home_.call(), [&](index::Transaction& transaction) { return rows_of(transaction, sql); });
    ASSERT_OK(expected);
    ASSERT_OK(actual);
    EXPECT_EQ(*actual, *expected) << sql;
  }
}

TEST_P(QueryGoldenTest, ListSaysTheSame) {
  const json::Value golden = read_json("list.json");
  const auto images = image::list(home_.context(), home_.call());
  ASSERT_OK(images);
  ASSERT_EQ(images->size(), golden.array()->size());
  for (size_t i = 0; i < images->size(); ++i) {
    const index::ImageRow& image = (*images)[i];
    const json::Value& expected = (*golden.array())[i];
    EXPECT_EQ(image.reference, *expected.find("reference")->string());
    EXPECT_EQ(image.manifest_digest, *expected.find("digest")->string());
    EXPECT_EQ(image.architecture, *expected.find("architecture")->string());
    EXPECT_EQ(image.os, *expected.find("os")->string());
    EXPECT_EQ(image.layer_count, expected.find("layer_count")->u64());
    EXPECT_EQ(image.size, expected.find("size_bytes")->u64());
  }
}

/// What is null there has to be filled here.
TEST_P(QueryGoldenTest, InspectSaysTheSameAndMore) {
  const json::Value golden = read_json("inspect.json");
  for (const json::Member& member : *golden.object()) {
    const auto detail = image::inspect(home_.context(), member.name, home_.call());
    ASSERT_OK(detail);
    ASSERT_TRUE(detail->config.has_value());
    const json::Value& config = *member.value.find("config");
    const auto text = [&](const char* name) -> std::optional<std::string> {
      const json::Value* value = config.find(name);
      return value->is_null() ? std::nullopt : std::optional(*value->string());
    };
    const auto list = [&](const char* name) -> std::optional<index::Strings> {
      const json::Value* value = config.find(name);
      if (value->is_null()) return std::nullopt;
      index::Strings strings;
      for (const json::Value& element : *value->array()) strings.push_back(*element.string());
      return strings;
    };
    EXPECT_EQ(detail->config->digest, text("digest"));
    EXPECT_EQ(detail->config->env, list("env").value_or(index::Strings()));
    EXPECT_EQ(detail->config->cmd, list("cmd"));
    EXPECT_EQ(detail->config->entrypoint, list("entrypoint"));
    EXPECT_EQ(detail->config->working_dir, text("working_dir"));
    EXPECT_EQ(detail->config->user, text("user"));
    const json::Value none{json::Object()};
    const json::Value& expected_labels = config.find("labels")->is_null() ? none : *config.find("labels");
    json::Object labels;
    for (const auto& [name, value] : detail->config->labels.value_or(index::StringMap()))
      labels.push_back({name, value});
    EXPECT_EQ(json::sorted(json::Value(labels)), json::sorted(expected_labels));

    const json::Array& layers = *member.value.find("layers")->array();
    ASSERT_EQ(detail->layers.size(), layers.size());
    for (size_t i = 0; i < layers.size(); ++i) {
      EXPECT_EQ(detail->layers[i].diff_id, *layers[i].find("diff_id")->string());
      EXPECT_EQ(detail->layers[i].blob_digest, *layers[i].find("blob_digest")->string());
      EXPECT_EQ(detail->layers[i].media_type, *layers[i].find("media_type")->string());
      EXPECT_EQ(detail->layers[i].compressed_size, layers[i].find("compressed_size_bytes")->u64());
      const auto diff_id = Digest::parse(detail->layers[i].diff_id);
      EXPECT_EQ(detail->layers[i].erofs_size, std::filesystem::file_size(home_.paths().layer(diff_id->safe_name())));
    }
    EXPECT_EQ(detail->image.media_type, "application/vnd.oci.image.manifest.v1+json");
  }
}

/// In a home of microsandbox the rows have gaps; the documents do not.
TEST_P(QueryGoldenTest, GapsInTheRowsAreFilledFromDocuments) {
  const auto images = image::list(home_.context(), home_.call());
  ASSERT_OK(images);
  for (const index::ImageRow& image : *images) {
    const auto before = image::inspect(home_.context(), image.reference, home_.call());
    ASSERT_OK(home_.context().database.write(home_.call(), [](index::Transaction& transaction) -> Done {
      MSB_CHECK(transaction.execute("UPDATE manifest SET media_type = NULL, variant = NULL"));
      MSB_CHECK(transaction.execute("UPDATE config SET stop_signal = NULL, labels = NULL"));
      return transaction.execute("UPDATE layer SET erofs_size_bytes = NULL, media_type = NULL");
    }));
    const auto after = image::inspect(home_.context(), image.reference, home_.call());
    ASSERT_OK(before);
    ASSERT_OK(after);
    EXPECT_EQ(after->image.media_type, before->image.media_type);
    EXPECT_EQ(after->image.variant, before->image.variant);
    EXPECT_EQ(after->config->stop_signal, before->config->stop_signal);
    EXPECT_EQ(after->config->labels, before->config->labels);
    for (size_t i = 0; i < before->layers.size(); ++i) {
      EXPECT_EQ(after->layers[i].media_type, before->layers[i].media_type);
      EXPECT_EQ(after->layers[i].erofs_size, before->layers[i].erofs_size);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, QueryGoldenTest,
                         testing::Values(Golden{"f1-kinds", "f1-kinds.oci.tar"},
                                         Golden{"f2-layers", "f2-layers.oci.tar"},
                                         Golden{"f3-index", "f3-index.oci.tar"}, Golden{"f4-names", "f4-names.oci.tar"},
                                         Golden{"f5-docker", "f5-docker.docker.tar"}),
                         [](const auto& fixture) { return std::string(fixture.param.folder).substr(3); });

}  // namespace
}  // namespace msb::image
