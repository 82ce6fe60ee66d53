#include "cli/snapshot.h"

#include <filesystem>
#include <memory>

#include "cli/table.h"
#include "cli/text.h"

namespace msbctl {

Json json_of(const msb_snapshot_handle_info& snapshot) {
  return Json::object({{"name", snapshot.name},
                       {"digest", snapshot.digest},
                       {"artifact_path", snapshot.path},
                       {"image_ref", snapshot.image_ref},
                       {"image_manifest_digest", snapshot.image_digest},
                       {"parent_digest", snapshot.parent},
                       {"format", snapshot.format},
                       {"size_bytes", snapshot.has_size_bytes ? Json(snapshot.size_bytes) : Json()},
                       {"created_at", json_time(snapshot.created_at_ns)},
                       {"child_count", snapshot.child_count}});
}

std::vector<msb_snapshot_handle_info> snapshots_of(const msb_snapshot_handle_list* list) {
  std::vector<msb_snapshot_handle_info> snapshots;
  for (size_t i = 0; i < msb_snapshot_handle_list_count(list); ++i) {
    snapshots.push_back(look<msb_snapshot_handle_read>(msb_snapshot_handle_list_at(list, i)).value());
  }
  return snapshots;
}

namespace {

using Info = msb_snapshot_info;

// --- create ---

struct CreateOptions {
  std::string destination;
  std::string source;
  std::string dest_dir;
  std::vector<std::string> labels;
  bool force = false;
  bool integrity = false;
  std::string algorithm;
};

uint32_t algorithm_of(const std::string& word) {
  if (word == "merkle") return MSB_INTEGRITY_MERKLE;
  if (word == "sparse") return MSB_INTEGRITY_SPARSE;
  if (word == "sha256") return MSB_INTEGRITY_SHA256;
  return MSB_INTEGRITY_DEFAULT;
}

/// The name of the file that holds the disk, which only the descriptor knows.
std::string upper_file(const msb_snapshot* snapshot) {
  const auto descriptor = ask<msb_snapshot_descriptor>(snapshot);
  size_t length = 0;
  const auto* bytes = static_cast<const char*>(msb_buffer_data(descriptor.get(), &length));
  const Json document = Json::parse({bytes, length});
  const std::string layer = document.at("state").at("head").string();
  if (!layer.empty()) {  // of microsandbox 0.7, which leaves disks of earlier releases where they were
    const std::filesystem::path path = look<msb_snapshot_read>(snapshot).value().path;
    const std::string format = document.at("state").at("disk_format").string();
    return std::filesystem::exists(path / "layers") ? "layers/" + layer + "." + format : "upper.ext4";
  }
  const std::string file = document.at("upper").at("file").string();
  return file.empty() ? document.at("state").at("upper").at("file").string() : file;
}

Json artifact_json(const msb_snapshot* snapshot) {
  const Info info = look<msb_snapshot_read>(snapshot).value();
  Json labels = Json::object({});
  for (size_t i = 0; i < info.label_count; ++i) labels.set(info.labels[i].key, info.labels[i].value);
  const Json integrity =
      info.integrity_algorithm == nullptr
          ? Json()
          : Json::object({{"algorithm", info.integrity_algorithm}, {"digest", info.integrity_digest}});
  const Json created = info.created_at_ns == INT64_MIN ? Json(info.created_at) : json_time(info.created_at_ns);
  return Json::object({{"digest", info.digest},
                       {"artifact_path", info.path},
                       {"image_ref", info.image_ref},
                       {"image_manifest_digest", info.image_digest},
                       {"parent_digest", info.parent},
                       {"format", info.format},
                       {"fstype", info.fstype},
                       {"upper_file", upper_file(snapshot)},
                       {"size_bytes", info.size_bytes},
                       {"allocated_bytes", info.allocated_bytes},
                       {"created_at", created},
                       {"integrity", integrity},
                       {"source_sandbox", info.source_sandbox},
                       {"labels", labels}});
}

int create(Session& session, const CreateOptions& options) {
  const Labels labels(options.labels, false);
  msb_snapshot_create_opts opts = MSB_SNAPSHOT_CREATE_OPTS_INIT;
  const bool is_path = msb_snapshot_ref_kind(options.destination.c_str()) == MSB_SNAPSHOT_REF_PATH;
  (is_path && options.dest_dir.empty() ? opts.path : opts.name) = options.destination.c_str();
  opts.dest_dir = or_null(options.dest_dir);
  opts.labels = labels.data();
  opts.label_count = labels.count();
  opts.force = options.force;
  opts.record_integrity = options.integrity || !options.algorithm.empty();
  opts.integrity_algorithm = opts.record_integrity ? algorithm_of(options.algorithm) : 0;
  const auto snapshot = ask<msb_snapshot_create>(session.client(), options.source.c_str(), &opts, session.call());
  const Info info = look<msb_snapshot_read>(snapshot.get()).value();
  session.tick(true, "Created", options.destination);
  if (session.json()) {
    session.print(artifact_json(snapshot.get()));
  } else {
    session.streams.print(std::string(info.digest) + '\n' + info.path + '\n');
  }
  return kOk;
}

void add_create(CLI::App& snapshots, Shell& shell) {
  Session& session = shell.session;
  auto options = std::make_shared<CreateOptions>();
  CLI::App* command = add_command(snapshots, "create", "Capture the disk of a stopped sandbox as a snapshot");
  command->add_option("DESTINATION", options->destination, "Name of the snapshot, or the path of its directory")
      ->required();
  command->add_option("--from", options->source, "Sandbox to capture; it must be stopped")
      ->type_name("SANDBOX")
      ->required();
  command->add_option("--dest-dir", options->dest_dir, "Put it there instead of the snapshots directory")
      ->type_name("DIR");
  add_repeated(command, "--label", options->labels, "K=V", "Record a label");
  command->add_flag("-f,--force", options->force, "Replace the snapshot that is there");
  command->add_flag("--integrity", options->integrity, "Record a digest of the disk, so that it can be verified");
  restrict_to(command->add_option("--algorithm", options->algorithm, "Digest to record; merkle unless told"),
              {"merkle", "sparse", "sha256"});
  add_format(command, session);
  add_quiet(command, session, "Print digest and path only");
  command->footer(
      "Holes of the disk stay holes. merkle is quickest; sparse is for readers of microsandbox up to 0.6.8.\n\n"
      "Example:\n  msbctl snapshot create after-setup --from web --integrity");
  set_action(command, shell, [&session, options] { return create(session, *options); });
}

// --- convert ---

struct ConvertOptions {
  std::string ref;
  std::string destination;
  std::string dest_dir;
  std::string to;
  bool force = false;
  bool integrity = false;
  std::string algorithm;
  bool drop_parent = false;
};

int convert(Session& session, const ConvertOptions& options) {
  msb_snapshot_convert_opts opts = MSB_SNAPSHOT_CONVERT_OPTS_INIT;
  if (!options.to.empty()) opts.form = options.to == "manifest" ? MSB_GENERATION_MANIFEST : MSB_GENERATION_DESCRIPTOR;
  const bool is_path = msb_snapshot_ref_kind(options.destination.c_str()) == MSB_SNAPSHOT_REF_PATH;
  (is_path && options.dest_dir.empty() ? opts.path : opts.name) = options.destination.c_str();
  opts.dest_dir = or_null(options.dest_dir);
  opts.force = options.force;
  opts.record_integrity = options.integrity || !options.algorithm.empty();
  opts.integrity_algorithm = algorithm_of(options.algorithm);
  opts.drop_parent = options.drop_parent;
  const auto snapshot = ask<msb_snapshot_convert>(session.client(), options.ref.c_str(), &opts, session.call());
  const Info info = look<msb_snapshot_read>(snapshot.get()).value();
  session.tick(true, "Converted", options.destination);
  if (session.json()) {
    session.print(artifact_json(snapshot.get()));
  } else {
    session.streams.print(std::string(info.digest) + '\n' + info.path + '\n');
  }
  return kOk;
}

void add_convert(CLI::App& snapshots, Shell& shell) {
  Session& session = shell.session;
  auto options = std::make_shared<ConvertOptions>();
  CLI::App* command =
      add_command(snapshots, "convert", "Make a snapshot that other releases of microsandbox read out of one");
  command->add_option("SNAPSHOT", options->ref, kSnapshotHelp)->required();
  command->add_option("DESTINATION", options->destination, "Name of the new snapshot, or the path of its directory")
      ->required();
  restrict_to(
      command->add_option("--to", options->to,
                          "Form of its descriptor: manifest.json, read up to 0.6.6, or snapshot.json, read from "
                          "0.6.7 on; that of the home unless told"),
      {"manifest", "snapshot"});
  command->add_option("--dest-dir", options->dest_dir, "Put it there instead of the snapshots directory")
      ->type_name("DIR");
  command->add_flag("-f,--force", options->force, "Replace the snapshot that is there");
  command->add_flag("--integrity", options->integrity, "Hash the disk anew, and record that");
  restrict_to(
      command->add_option("--algorithm", options->algorithm, "Digest to record; what the form asks for unless told"),
      {"merkle", "sparse", "sha256"});
  command->add_flag("--drop-parent", options->drop_parent, "Record no parent, where it cannot be found");
  add_format(command, session);
  add_quiet(command, session, "Print digest and path only");
  command->footer(
      "The snapshot stays as it is. Parents are called what their own conversions are called, so a family can be "
      "converted in any order.\n\n"
      "Example:\n  msbctl snapshot convert ready ./for-0.6.6 --to manifest");
  set_action(command, shell, [&session, options] { return convert(session, *options); });
}

// --- list ---

struct ListOptions {
  std::string dir;
  std::vector<std::string> labels;
  std::string sort;
  bool reverse = false;
  uint64_t limit = 0;
};

/// The artifacts of a directory, whether the home knows them or not.
int list_directory(Session& session, const std::string& dir) {
  const auto found = ask<msb_snapshot_dir_list>(session.client(), dir.c_str(), session.call());
  Json array = Json::array();
  Table table({"NAME", "IMAGE", "SIZE", "CREATED", "DIGEST"});
  for (size_t i = 0; i < msb_snapshot_list_count(found.get()); ++i) {
    const msb_snapshot* snapshot = msb_snapshot_list_at(found.get(), i);
    const Info info = look<msb_snapshot_read>(snapshot).value();
    if (session.json()) {
      array.append(artifact_json(snapshot));
    } else if (session.settings.quiet) {
      session.streams.print(std::string(info.digest) + '\n');
    } else {
      const std::string path = info.path;
      table.add({path.substr(path.rfind('/') + 1), or_empty(info.image_ref), session.size(info.size_bytes),
                 local_time(info.created_at_ns), short_digest(info.digest)});
    }
  }
  if (session.json()) {
    session.print(array);
    return kOk;
  }
  if (msb_snapshot_list_count(found.get()) == 0) session.notice("No snapshots in " + dir + ".");
  session.streams.print(table.text(session.streams.out_colour()));
  return kOk;
}

int list(Session& session, const ListOptions& options) {
  if (!options.dir.empty()) return list_directory(session, options.dir);
  const Labels labels(options.labels, true);
  msb_snapshot_list_opts opts = MSB_SNAPSHOT_LIST_OPTS_INIT;
  opts.labels = labels.data();
  opts.label_count = labels.count();
  opts.sort = options.sort == "name"   ? MSB_SNAPSHOT_SORT_NAME
              : options.sort == "size" ? MSB_SNAPSHOT_SORT_SIZE
                                       : MSB_SNAPSHOT_SORT_CREATED;
  opts.reverse = options.reverse;
  opts.limit = options.limit;
  const auto found = ask<msb_snapshot_index_list>(session.client(), &opts, session.call());
  const auto snapshots = snapshots_of(found.get());
  if (session.json()) {
    Json array = Json::array();
    for (const auto& snapshot : snapshots) array.append(json_of(snapshot));
    session.print(array);
    return kOk;
  }
  if (snapshots.empty()) session.notice("No snapshots. 'msbctl snapshot create NAME --from SANDBOX' makes one.");
  Table table({"NAME", "IMAGE", "SIZE", "CREATED", "DIGEST"});
  for (const auto& snapshot : snapshots) {
    if (session.settings.quiet) {
      session.streams.print(std::string(snapshot.digest) + '\n');
      continue;
    }
    table.add({or_empty(snapshot.name), or_empty(snapshot.image_ref),
               snapshot.has_size_bytes ? session.size(snapshot.size_bytes) : "-", local_time(snapshot.created_at_ns),
               short_digest(snapshot.digest)});
  }
  session.streams.print(table.text(session.streams.out_colour()));
  return kOk;
}

void add_list(CLI::App& snapshots, Shell& shell) {
  Session& session = shell.session;
  auto options = std::make_shared<ListOptions>();
  CLI::App* command = add_command(snapshots, "list,ls", "List the snapshots, newest first");
  CLI::Option* dir =
      command->add_option("DIR", options->dir, "List the snapshots that lie here, known or not, instead");
  add_repeated(command, "--label", options->labels, "K[=V]", "Only those that have this label")->excludes(dir);
  restrict_to(command->add_option("--sort", options->sort, "Order: newest, by name, or largest first")->excludes(dir),
              {"created", "name", "size"});
  command->add_flag("-r,--reverse", options->reverse, "The other way round")->excludes(dir);
  command->add_option("--limit", options->limit, "At most so many")->type_name("N")->excludes(dir);
  add_format(command, session);
  add_bytes(command, session);
  add_quiet(command, session, "Print digests only");
  set_action(command, shell, [&session, options] { return list(session, *options); });
}

// --- inspect and verify ---

std::string verification_of(const msb_verify_report_info& report) {
  if (report.upper_kind != MSB_UPPER_VERIFIED) return "not recorded (only the descriptor was checked)";
  return std::string("verified (") + report.upper_algorithm + ' ' + report.upper_digest + ')';
}

Json report_json(const msb_verify_report_info& report) {
  return Json::object({{"digest", report.digest},
                       {"artifact_path", report.path},
                       {"verified", report.upper_kind == MSB_UPPER_VERIFIED},
                       {"algorithm", report.upper_algorithm},
                       {"upper_digest", report.upper_digest}});
}

int inspect(Session& session, const std::string& ref, bool verify) {
  const auto snapshot = ask<msb_snapshot_open>(session.client(), ref.c_str(), session.call());
  Handle<msb_verify_report> report;
  std::optional<msb_verify_report_info> verified;
  if (verify) {
    report = ask<msb_snapshot_verify>(session.client(), snapshot.get(), session.call());
    verified = look<msb_verify_report_read>(report.get());
  }
  if (session.json()) {
    Json object = artifact_json(snapshot.get());
    if (verified) object.set("verification", report_json(*verified));
    session.print(object);
    return kOk;
  }
  const Info info = look<msb_snapshot_read>(snapshot.get()).value();
  Detail detail;
  detail.add("Digest", info.digest);
  detail.add("Path", info.path);
  detail.add("Image", or_empty(info.image_ref));
  detail.add("Image Manifest", or_empty(info.image_digest));
  detail.add("Format", or_empty(info.format));
  detail.add("Filesystem", or_empty(info.fstype));
  detail.add("Parent", info.parent == nullptr ? "-" : info.parent);
  detail.add("Created", info.created_at_ns == INT64_MIN ? or_empty(info.created_at) : local_time(info.created_at_ns));
  detail.add("Upper File", upper_file(snapshot.get()));
  detail.add("Upper Size", session.size(info.size_bytes));
  detail.add("On Disk", session.size(info.allocated_bytes));
  detail.add("Integrity", info.integrity_algorithm == nullptr
                              ? "not recorded"
                              : std::string(info.integrity_algorithm) + ' ' + info.integrity_digest);
  if (verified) detail.add("Verification", verification_of(*verified));
  if (info.source_sandbox != nullptr) detail.add("Source Sandbox", info.source_sandbox);
  std::string labels;
  for (size_t i = 0; i < info.label_count; ++i) {
    labels += (i == 0 ? "" : ", ") + std::string(info.labels[i].key) + '=' + info.labels[i].value;
  }
  if (!labels.empty()) detail.add("Labels", labels);
  session.streams.print(detail.text());
  return kOk;
}

int verify(Session& session, const std::string& ref) {
  const auto snapshot = ask<msb_snapshot_open>(session.client(), ref.c_str(), session.call());
  const auto report = ask<msb_snapshot_verify>(session.client(), snapshot.get(), session.call());
  const auto info = look<msb_verify_report_read>(report.get()).value();
  if (session.json()) {
    session.print(report_json(info));
    return kOk;
  }
  Detail detail;
  detail.add("Digest", info.digest);
  detail.add("Path", info.path);
  detail.add("Verification", verification_of(info));
  session.streams.print(detail.text());
  return kOk;
}

void add_inspect(CLI::App& snapshots, Shell& shell) {
  Session& session = shell.session;
  auto ref = std::make_shared<std::string>();
  auto also_verify = std::make_shared<bool>(false);
  CLI::App* command = add_command(snapshots, "inspect", "Show a snapshot");
  command->add_option("SNAPSHOT", *ref, kSnapshotHelp)->required();
  command->add_flag("--verify", *also_verify, "Hold its disk against the recorded digest too");
  add_format(command, session);
  add_bytes(command, session);
  set_action(command, shell, [&session, ref, also_verify] { return inspect(session, *ref, *also_verify); });
}

void add_verify(CLI::App& snapshots, Shell& shell) {
  Session& session = shell.session;
  auto ref = std::make_shared<std::string>();
  CLI::App* command = add_command(snapshots, "verify", "Hold the disk of a snapshot against its digest");
  command->add_option("SNAPSHOT", *ref, kSnapshotHelp)->required();
  add_format(command, session);
  command->footer("The exit code is 1 when they differ.");
  set_action(command, shell, [&session, ref] { return verify(session, *ref); });
}

// --- remove and reindex ---

struct RemoveOptions {
  std::vector<std::string> refs;
  bool force = false;
};

void add_remove(CLI::App& snapshots, Shell& shell) {
  Session& session = shell.session;
  auto options = std::make_shared<RemoveOptions>();
  CLI::App* command = add_command(snapshots, "remove,rm", "Remove snapshots");
  command->add_option("SNAPSHOTS", options->refs, kSnapshotHelp)->required();
  command->add_flag("-f,--force", options->force, "Although others have it as their parent");
  add_format(command, session);
  add_quiet(command, session, "Print nothing, not even errors");
  set_action(command, shell, [&session, options] {
    return for_each(session, options->refs, "removed", "Removed", {}, [&](const std::string& ref) {
      ask<msb_snapshot_remove>(session.client(), ref.c_str(), options->force, session.call());
    });
  });
}

void add_reindex(CLI::App& snapshots, Shell& shell) {
  Session& session = shell.session;
  auto directory = std::make_shared<std::string>();
  CLI::App* command = add_command(snapshots, "reindex", "Bring the index in line with a directory");
  command->add_option("DIR", *directory, "Directory to look into; the snapshots directory unless told");
  add_format(command, session);
  set_action(command, shell, [&session, directory] {
    const uint32_t indexed = ask<msb_snapshot_reindex>(session.client(), or_null(*directory), session.call());
    const std::string where = directory->empty() ? msb_client_dir(session.client(), MSB_DIR_SNAPSHOTS) : *directory;
    if (session.json()) {
      session.print(Json::object({{"indexed", indexed}, {"directory", where}}));
    } else {
      session.streams.print("Indexed " + counted(indexed, "snapshot") + " in " + printable(where) + '\n');
    }
    return kOk;
  });
}

}  // namespace

void add_snapshot_commands(Shell& shell) {
  CLI::App* snapshots = add_group(shell.app, "snapshot,snap", "Work with snapshots of sandboxes");
  add_create(*snapshots, shell);
  add_convert(*snapshots, shell);
  add_list(*snapshots, shell);
  add_tree(*snapshots, shell);
  add_inspect(*snapshots, shell);
  add_verify(*snapshots, shell);
  add_remove(*snapshots, shell);
  add_reindex(*snapshots, shell);
  add_archive_commands(*snapshots, shell);
}

}  // namespace msbctl
