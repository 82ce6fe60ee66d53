#include <unistd.h>

#include <algorithm>
#include <memory>

#include "cli/snapshot.h"

namespace msbctl {
namespace {

constexpr const char* kStream = "-";

// --- export ---

struct ExportOptions {
  std::string ref;
  std::string out;
  bool with_parents = false;
  bool with_image = false;
  bool plain_tar = false;
  int level = 0;
  std::string layout;
};

int export_to(Session& session, const ExportOptions& options) {
  const bool stream = options.out == kStream || Streams::out_is(options.out);
  if (stream && session.streams.out_is_terminal()) {
    throw Failure(MSB_ERR_INVALID_ARGUMENT, "an archive is not for a terminal", "redirect standard output to a file");
  }
  msb_snapshot_export_opts opts = MSB_SNAPSHOT_EXPORT_OPTS_INIT;
  opts.with_parents = options.with_parents;
  opts.with_image = options.with_image;
  opts.plain_tar = options.plain_tar;
  opts.compression_level = options.level;
  opts.layout = options.layout == "legacy"    ? MSB_ARCHIVE_LAYOUT_LEGACY
                : options.layout == "current" ? MSB_ARCHIVE_LAYOUT_CURRENT
                                              : MSB_ARCHIVE_LAYOUT_HOME;
  opts.fd = STDOUT_FILENO;
  ask<msb_snapshot_export>(session.client(), options.ref.c_str(), stream ? nullptr : options.out.c_str(), &opts,
                           session.call());
  session.tick(true, "Exported", options.ref);
  if (stream) return kOk;
  if (session.json()) {
    session.print(Json::object({{"path", options.out}}));
  } else {
    session.streams.print(options.out + '\n');
  }
  return kOk;
}

void add_export(CLI::App& snapshots, Shell& shell) {
  Session& session = shell.session;
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = add_command(snapshots, "export,save", "Write a snapshot as one archive");
  command->add_option("SNAPSHOT", options->ref, kSnapshotHelp)->required();
  command->add_option("OUT", options->out, "File to write, replaced if there; - for standard output")->required();
  command->add_flag("--with-parents", options->with_parents, "Include the chain of its parents");
  command->add_flag("--with-image", options->with_image, "Include its image, so that the receiver need not pull it");
  command->add_flag("--plain-tar", options->plain_tar, "Do not compress");
  command->add_option("--level", options->level, "Level of compression, 1 to 19; 3 unless told")
      ->type_name("N")
      ->check(CLI::Range(1, 19));
  restrict_to(command->add_option("--layout", options->layout,
                                  "Archive for microsandbox up to 0.6.8, or since 0.6.9; "
                                  "what the home's owner writes unless told"),
              {"legacy", "current"});
  add_format(command, session);
  add_quiet(command, session, "Print the path only");
  command->footer("Example:\n  msbctl snapshot export after-setup after-setup.tar.zst --with-image");
  set_action(command, shell, [&session, options] { return export_to(session, *options); });
}

// --- import ---

struct ImportOptions {
  std::string archive;
  std::string dest;
  std::string name;
  bool no_verify = false;
  uint64_t max_unpacked_bytes = 0;
  uint64_t max_entries = 0;
};

int import_from(Session& session, const ImportOptions& options) {
  const bool stream = options.archive == kStream;
  // What of an image cannot be proved is left out, which must be seen.
  session.settings.log_level = std::max<uint32_t>(session.settings.log_level, MSB_LOG_WARN);
  msb_snapshot_import_opts opts = MSB_SNAPSHOT_IMPORT_OPTS_INIT;
  opts.dest = or_null(options.dest);
  opts.name = or_null(options.name);
  opts.skip_verify = options.no_verify;
  opts.max_unpacked_bytes = options.max_unpacked_bytes;
  opts.max_entries = options.max_entries;
  const auto imported =
      ask<msb_snapshot_import>(session.client(), stream ? nullptr : options.archive.c_str(), &opts, session.call());
  const auto info = look<msb_snapshot_handle_read>(imported.get()).value();
  session.tick(true, "Imported", info.name != nullptr ? info.name : info.digest);
  if (session.json()) {
    session.print(json_of(info));
  } else {
    session.streams.print(std::string(info.digest) + '\n' + info.path + '\n');
  }
  return kOk;
}

void add_import(CLI::App& snapshots, Shell& shell) {
  Session& session = shell.session;
  auto options = std::make_shared<ImportOptions>();
  CLI::App* command = add_command(snapshots, "import,load", "Take the snapshots of an archive into the home");
  command->add_option("ARCHIVE", options->archive, "File to read; - for standard input")->required();
  command->add_option("DEST", options->dest, "Directory to put them in; the snapshots directory unless told");
  command->add_option("--name", options->name, "Name for the snapshot that was exported")->type_name("NAME");
  command->add_flag("--no-verify", options->no_verify, "Do not hold disks against their digests");
  add_size(command, "--max-unpacked-bytes", options->max_unpacked_bytes,
           "Most bytes that its members may store (default: 64GiB)");
  command->add_option("--max-entries", options->max_entries, "Most members (default: 10000)")->type_name("COUNT");
  add_format(command, session);
  add_quiet(command, session, "Print digest and path only");
  command->footer(
      "Everything is checked before anything becomes visible. Snapshots that are there already are left as they are.");
  set_action(command, shell, [&session, options] { return import_from(session, *options); });
}

}  // namespace

void add_archive_commands(CLI::App& snapshots, Shell& shell) {
  add_export(snapshots, shell);
  add_import(snapshots, shell);
}

}  // namespace msbctl
