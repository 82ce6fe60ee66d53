// What becomes of snapshots of microsandbox 0.7 when they are exported, converted, imported and booted.
#include <filesystem>

#include <gtest/gtest.h>

#include "index/images.h"
#include "sandbox/registry.h"
#include "snapshot/convert.h"
#include "snapshot/group.h"
#include "snapshot/integrity.h"
#include "snapshot/mapping.h"
#include "snapshot/query.h"
#include "snapshot/reference.h"
#include "snapshot/restore.h"
#include "snapshot/verify.h"
#include "support/sandbox_home.h"
#include "support/transfer_home.h"

namespace msb::snapshot {
namespace {

using test::import_file;
using test::SandboxHome;
using test::SnapshotHome;

std::string id_of(char digit, std::string_view prefix = kMemberPrefix) {
  return std::string(prefix) + std::string(32, digit);
}

Descriptor member(char digit, std::optional<char> parent = std::nullopt) {
  Descriptor descriptor = test::plain_descriptor(Form::member, test::dense4k().size());
  descriptor.membership->id = id_of(digit);
  descriptor.membership->layers[0].id = id_of(digit, kLayerPrefix);
  descriptor.upper_file = layer_file(descriptor.membership->layers[0]);
  descriptor.source_sandbox = "base";
  if (parent) descriptor.parent = id_of(*parent);
  return descriptor;
}

/// Writes a member of the group `g`, which is called by its digit.
void write_member(const std::string& snapshots, const Descriptor& descriptor) {
  const std::string id = descriptor.membership->id;
  const std::string dir = snapshots + "/g/" + id;
  test::write_artifact(dir, descriptor, test::dense4k());
  test::write_text(dir + "/" + kMemberName,
                   R"({"schema":"microsandbox.snapshot-group-member/1","name":"m)" + id.substr(id.size() - 1) + "\"}");
  test::write_text(dir + "/" + kMemberLabels,
                   R"({"schema":"microsandbox.snapshot-metadata/1","labels":{"stage":"done"}})");
  test::write_text(snapshots + "/g/" + kGroupHead,
                   R"({"schema":"microsandbox.snapshot-group/1","head":")" + id + "\"}");
}

/// A home with a group of three generations, whose head is the youngest.
class GroupsTest : public testing::Test {
 protected:
  GroupsTest() {
    write_member(home_.path("snapshots"), member('1'));
    write_member(home_.path("snapshots"), member('2', '1'));
    write_member(home_.path("snapshots"), member('3', '2'));
  }
  std::string member_path(char digit) const { return home_.snapshot("g/" + id_of(digit)); }
  Result<Artifact> convert_to(Form form, const std::string& ref, const std::string& name) {
    ConvertRequest request;
    request.place.name = name;
    request.form = form;
    return convert(home_.context(), ref, request, home_.call());
  }

  SnapshotHome home_;
};

TEST(MappingTest, WhatWasConvertedToAGroupBecomesWhatItWas) {
  Descriptor before = test::plain_descriptor(Form::snapshot, 5);
  before.source_sandbox = "base";
  before.labels["owner"] = "alice";
  // How 0.7 takes one over (formats/snapshots.md §14.3).
  const std::string hex(identity(before).hex());
  Descriptor taken = before;
  taken.form = Form::member;
  taken.created_at = "2026-05-01T12:00:00.123000000Z";
  taken.membership =
      Membership{.id = std::string(kMemberPrefix) + hex.substr(0, 32),
                 .layers = {{.id = std::string(kLayerPrefix) + hex.substr(32), .format = "raw", .integrity = {}}},
                 .consistency = "crash-consistent",
                 .source_checkpoint = std::nullopt,
                 .name = "one"};
  taken.upper_file = layer_file(taken.membership->layers[0]);
  const auto back = in_form(taken, Form::snapshot, std::nullopt);
  ASSERT_OK(back);
  EXPECT_EQ(canonical_bytes(*back), canonical_bytes(before));

  const auto manifest = in_form(taken, Form::manifest, std::nullopt);
  ASSERT_OK(manifest);
  EXPECT_EQ(manifest->upper_file, "upper.ext4");
  EXPECT_EQ(canonical_bytes(*in_form(*manifest, Form::snapshot, std::nullopt)), canonical_bytes(before));
  // Who runs commands is known in later releases only; the others need not know.
  taken.extensions = {{"microsandbox.restore-defaults", json::Object{{"user", "nobody"}}}};
  taken.requirements = {"microsandbox.restore-defaults"};
  const auto with_user = in_form(taken, Form::snapshot, std::nullopt);
  EXPECT_EQ(recorded_user(*with_user), "nobody");
  EXPECT_TRUE(with_user->requirements.empty());
  EXPECT_EQ(in_form(taken, Form::manifest, std::nullopt)->extensions.size(), 0U);
  EXPECT_EQ(in_form(*with_user, Form::manifest, std::nullopt)->extensions.size(), 0U);
  taken.extensions[0].value = json::Object{{"user", "nobody"}, {"shell", "sh"}};
  EXPECT_EQ(in_form(taken, Form::snapshot, std::nullopt)->requirements, taken.requirements) << "more than is known";
  EXPECT_STATUS(Status::snapshot_migration, in_form(taken, Form::manifest, std::nullopt));
}

TEST_F(GroupsTest, AreFoundByGroupAndNameAndIdWithoutAnIndex) {
  const std::vector<std::pair<std::string, char>> names{
      {"g", '3'}, {"g:m1", '1'}, {"g:m3", '3'}, {id_of('2'), '2'}, {home_.snapshot("g/" + id_of('1')), '1'}};
  for (const auto& [name, digit] : names) {
    const auto artifact = open(home_.context(), name, home_.call());
    ASSERT_OK(artifact) << name;
    EXPECT_EQ(artifact->path, member_path(digit));
  }
  for (const std::string name : {"g:m4", "other:m1", "g:", ":m1"}) {
    EXPECT_STATUS(Status::snapshot_not_found, open(home_.context(), name, home_.call())) << name;
  }
  EXPECT_STATUS(Status::snapshot_not_found, open(home_.context(), id_of('4'), home_.call()));
  test::write_text(home_.snapshot("g/group.json"), "{}");
  EXPECT_STATUS(Status::snapshot_integrity, open(home_.context(), "g", home_.call()));
}

TEST_F(GroupsTest, AreExportedAsSnapshotsOfTheirOwn) {
  const std::string archive = home_.path("archive");
  ASSERT_OK(test::export_file(home_, "g", archive, false, true));
  const SnapshotHome there;
  const auto row = import_file(there, archive);
  ASSERT_OK(row);
  EXPECT_EQ(there.names(), (std::set<std::string>{"m1", "m2", "m3"}));
  const auto artifact = open_artifact(os::real_fs(), row->artifact_path);
  ASSERT_OK(artifact);
  EXPECT_EQ(artifact->descriptor.labels.at("stage"), "done");
  EXPECT_EQ(artifact->descriptor.source_sandbox, "base");
  EXPECT_TRUE(verify(os::real_fs(), *artifact, 1, there.call())->upper);
  EXPECT_EQ(open_parent(there.context(), *artifact, there.call())->path, there.snapshot("m2"));

  // Alone it is the same snapshot, though its parents stay behind.
  ASSERT_OK(test::export_file(home_, member_path('3'), archive));
  const SnapshotHome elsewhere;
  EXPECT_EQ(import_file(elsewhere, archive)->digest, row->digest);
  ExportRequest legacy{.ref = "g", .path = archive};
  legacy.layout = Layout::legacy;
  EXPECT_STATUS(Status::unsupported, export_archive(home_.context(), legacy, home_.call()));
}

TEST_F(GroupsTest, ThatHaveLostAParentAreExportedWithoutIt) {
  std::filesystem::remove_all(member_path('1'));
  const std::string archive = home_.path("archive");
  ASSERT_OK(test::export_file(home_, "g", archive));
  ASSERT_EQ(home_.warnings().size(), 1U);
  EXPECT_NE(home_.warnings()[0].find(id_of('1')), std::string::npos) << home_.warnings()[0];
  const auto lost = test::export_file(home_, "g", archive, false, true);
  ASSERT_STATUS(Status::snapshot_not_found, lost);
  EXPECT_EQ(*lost.error().fact("path"), member_path('2'));
}

TEST_F(GroupsTest, AreConvertedToEitherForm) {
  for (const Form form : {Form::snapshot, Form::manifest}) {
    const std::string suffix = form == Form::snapshot ? "-new" : "-old";
    const auto child = convert_to(form, "g:m3", "child" + suffix);  // before its parent: the order does not matter
    ASSERT_OK(child);
    const auto parent = convert_to(form, "g:m2", "parent" + suffix);
    ASSERT_OK(parent);
    EXPECT_EQ(child->descriptor.parent, parent->digest.text());
    EXPECT_EQ(child->descriptor.form, form);
    EXPECT_EQ(test::read_file(child->upper_path()), test::dense4k());
    EXPECT_EQ(get(home_.context(), "child" + suffix, home_.call())->digest, child->digest.text());
  }
  EXPECT_OK(open(home_.context(), "g:m3", home_.call())) << "it stays";
  std::filesystem::remove_all(member_path('1'));
  EXPECT_STATUS(Status::snapshot_not_found, convert_to(Form::snapshot, "g:m2", "orphan"));
}

TEST_F(GroupsTest, ArchivesOfThemAreImportedInTheFormOfTheHome) {
  const std::string corpus = test::tests_path("fuzz/corpus/snapshot_archive/");
  const auto row = import_file(home_, corpus + "groups-chain.tar");
  ASSERT_OK(row);
  EXPECT_EQ(row->name, "name");
  const auto head = open(home_.context(), "name", home_.call());
  const auto parent = open(home_.context(), "name-2", home_.call());
  ASSERT_OK(head);
  ASSERT_OK(parent);
  EXPECT_EQ(head->descriptor.form, Form::manifest) << "which 0.6.3 reads";
  EXPECT_EQ(head->descriptor.parent, parent->digest.text());
  EXPECT_TRUE(verify(os::real_fs(), *head, 1, home_.call())->upper);
  EXPECT_EQ(import_file(home_, corpus + "groups-chain.tar")->digest, row->digest) << "the same again";
  EXPECT_TRUE(home_.warnings().empty());

  EXPECT_EQ(open(home_.context(), import_file(home_, corpus + "groups.tar", "labelled")->digest, home_.call())
                ->descriptor.labels.at("owner"),
            "alice");
  const auto orphan = import_file(home_, corpus + "groups-without-parent.tar", "orphan");
  ASSERT_OK(orphan);
  EXPECT_EQ(orphan->parent_digest, std::nullopt);
  ASSERT_EQ(home_.warnings().size(), 1U);
  EXPECT_NE(home_.warnings()[0].find(id_of('2')), std::string::npos) << home_.warnings()[0];
}

/// 4096 bytes: digits, of which the second and the last 512 are another layer's.
std::string two_layers() {
  std::string content = test::dense4k();
  return content.replace(512, 512, 512, 'a').replace(3584, 512, 512, 'b');
}

/// A member whose disk is two layers, each with its digest.
Descriptor write_layered(const std::string& dir) {
  Descriptor descriptor = member('1');
  std::vector<Layer>& layers = descriptor.membership->layers;
  layers.push_back({.id = id_of('a', kLayerPrefix), .format = "qcow2", .integrity = {}});
  const std::string contents[] = {test::dense4k(),
                                  test::read_file(test::tests_path("fuzz/corpus/qcow2/two-clusters.qcow2"))};
  for (size_t i = 0; i < layers.size(); ++i) {
    ContentHash hash(Algorithm::merkle, contents[i].size());
    hash.update(as_bytes(contents[i]));
    layers[i].integrity = make_integrity(Algorithm::merkle, hash.digest(), contents[i].size());
    std::filesystem::create_directories(dir + "/layers");
    test::write_text(dir + "/" + layer_file(layers[i]), contents[i]);
  }
  descriptor.format = "qcow2";
  descriptor.upper_file = layer_file(layers.back());
  test::write_text(dir + "/snapshot.json", canonical_bytes(descriptor));
  return descriptor;
}

TEST_F(GroupsTest, LayersAreOneDiskWhereverTheyGo) {
  const std::string dir = home_.path("layered");
  write_layered(dir);
  const auto artifact = open_artifact(os::real_fs(), dir);
  ASSERT_OK(artifact);
  EXPECT_EQ(artifact->digest, Digest::sha256_of(as_bytes(test::read_file(dir + "/snapshot.json"))));
  EXPECT_TRUE(verify(os::real_fs(), *artifact, 1, home_.call())->upper);

  for (const Form form : {Form::snapshot, Form::manifest}) {
    const auto made = convert_to(form, dir, form == Form::snapshot ? "new" : "old");
    ASSERT_OK(made);
    EXPECT_EQ(test::read_file(made->upper_path()), two_layers());
    EXPECT_EQ(made->descriptor.format, "raw");
    EXPECT_FALSE(made->descriptor.integrity) << "none is known of the whole";
  }
  ConvertRequest recorded;
  recorded.place.name = "recorded";
  recorded.record_integrity = true;
  const auto with_digest = convert(home_.context(), dir, recorded, home_.call());
  ASSERT_OK(with_digest);
  EXPECT_TRUE(verify(os::real_fs(), *with_digest, 1, home_.call())->upper);

  const std::string archive = home_.path("archive");
  ASSERT_OK(test::export_file(home_, dir, archive));
  const SnapshotHome there;
  const auto row = import_file(there, archive, "imported");
  ASSERT_OK(row);
  EXPECT_EQ(test::read_file(there.snapshot("imported/upper.ext4")), two_layers());
  EXPECT_EQ(row->digest, open(home_.context(), "new", home_.call())->digest.text());
  EXPECT_EQ(there.names("snapshots/imported"),
            (std::set<std::string>{".integrity.json", "snapshot.json", "upper.ext4"}));
}

TEST_F(GroupsTest, LayersOfArchivesAreOneDisk) {
  const std::string corpus = test::tests_path("fuzz/corpus/snapshot_archive/");
  const auto expect_disk = [&](const std::string& name, const std::string& content) {
    const auto row = import_file(home_, corpus + name + ".tar", name);
    ASSERT_OK(row) << name;
    EXPECT_EQ(test::read_file(home_.snapshot(name + "/upper.ext4")), content) << name;
    EXPECT_EQ(home_.names("snapshots/" + name),
              (std::set<std::string>{".integrity.json", "manifest.json", "upper.ext4"}));
    EXPECT_TRUE(verify(os::real_fs(), *open(home_.context(), name, home_.call()), 1, home_.call())->upper);
  };
  expect_disk("groups-layers", two_layers());
  std::string alone(4096, '\0');
  alone.replace(512, 512, 512, 'a').replace(3584, 512, 512, 'b');
  expect_disk("groups-layers-over-nothing", alone);
  EXPECT_EQ(home_.names().size(), 3U) << "nothing is left of the layers";
}

TEST_F(GroupsTest, DamagedLayersAreFound) {
  const std::string dir = home_.path("layered");
  const Descriptor descriptor = write_layered(dir);
  for (const Layer& layer : descriptor.membership->layers) {
    const std::string path = dir + "/" + layer_file(layer);
    const std::string content = test::read_file(path);
    test::write_text(path, content.substr(0, content.size() - 1) + "!");
    const auto artifact = open_artifact(os::real_fs(), dir);
    ASSERT_OK(artifact);
    const auto found = verify(os::real_fs(), *artifact, 1, home_.call());
    ASSERT_STATUS(Status::snapshot_integrity, found);
    EXPECT_EQ(*found.error().fact("path"), path);
    test::write_text(path, content.substr(0, 40));
    EXPECT_FALSE(convert_to(Form::snapshot, dir, "made").ok());
    std::filesystem::remove(path);
    EXPECT_STATUS(Status::snapshot_integrity, open_artifact(os::real_fs(), dir));
    test::write_text(path, content);
  }
  EXPECT_FALSE(std::filesystem::exists(home_.snapshot("made")));
  std::filesystem::remove_all(dir + "/layers");
  EXPECT_STATUS(Status::snapshot_integrity, open_artifact(os::real_fs(), dir));
}

TEST(GroupsRestoreTest, LayersAreOneDiskOfTheSandbox) {
  const SandboxHome home;
  ASSERT_OK(home.create("origin"));
  Descriptor descriptor = write_layered(home.path("g"));
  descriptor.image_ref = test::kSandboxImage;
  descriptor.image_digest = home.image();
  test::write_text(home.path("g/snapshot.json"), canonical_bytes(descriptor));
  const auto made = restore(home.context(), home.path("g"), "fork", {}, home.call());
  ASSERT_OK(made);
  EXPECT_EQ(test::read_file(*made->upper_path), two_layers());
}

TEST(GroupsRestoreTest, SandboxesHaveTheUserThatWasRecorded) {
  const SandboxHome home;
  ASSERT_OK(home.create("origin"));
  Descriptor descriptor = member('1');
  descriptor.image_ref = test::kSandboxImage;
  descriptor.image_digest = home.image();
  const auto restored = [&](json::Value defaults, bool required) -> Result<sandbox::Sandbox> {
    descriptor.extensions = {{"microsandbox.restore-defaults", std::move(defaults)}};
    descriptor.requirements.clear();
    if (required) descriptor.requirements = {"microsandbox.restore-defaults"};
    std::filesystem::remove_all(home.path("g"));
    test::write_artifact(home.path("g"), descriptor, test::dense4k());
    sandbox::CreateRequest request;
    request.replace = true;
    return restore(home.context(), home.path("g"), "fork", request, home.call());
  };
  const auto made = restored(json::Object{{"user", "nobody"}}, true);
  ASSERT_OK(made);
  EXPECT_NE(made->config_json.find(R"("user":"nobody")"), std::string::npos) << made->config_json;
  EXPECT_EQ(test::read_file(*made->upper_path), test::dense4k());
  EXPECT_STATUS(Status::unsupported, restored(json::Object{{"user", "nobody"}, {"shell", "sh"}}, true));
  EXPECT_STATUS(Status::unsupported, restored(json::Object{{"user", 1}}, true));
  const auto odd = restored(json::Value(1), false);
  ASSERT_OK(odd) << "nobody demands that it is understood";
  EXPECT_NE(odd->config_json.find(R"("user":null)"), std::string::npos) << odd->config_json;
}

}  // namespace
}  // namespace msb::snapshot
