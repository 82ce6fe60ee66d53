#include <memory>

#include "cli/command.h"
#include "cli/table.h"
#include "cli/text.h"

namespace msbctl {
namespace {

using Info = msb_sandbox_info;

Json json_of(const Info& sandbox) {
  Json labels = Json::object({});
  for (size_t i = 0; i < sandbox.label_count; ++i) labels.set(sandbox.labels[i].key, sandbox.labels[i].value);
  return Json::object({{"name", sandbox.name},
                       {"status", msb_sandbox_status_name(sandbox.status)},
                       {"image_ref", sandbox.image_ref},
                       {"image_manifest_digest", sandbox.image_digest},
                       {"source_snapshot", sandbox.source_snapshot},
                       {"upper_path", sandbox.upper_path},
                       {"upper_size_bytes", sandbox.upper_size},
                       {"upper_allocated_bytes", sandbox.upper_allocated},
                       {"labels", labels},
                       {"created_at", json_time(sandbox.created_at_ns)},
                       {"updated_at", json_time(sandbox.updated_at_ns)}});
}

// --- create ---

struct CreateOptions {
  std::string name;
  std::string image;
  std::string snapshot;
  uint64_t size = 0;
  std::vector<std::string> labels;
  bool replace = false;
};

int create(Session& session, const CreateOptions& options) {
  const Labels labels(options.labels, false);
  msb_sandbox_create_opts opts = MSB_SANDBOX_CREATE_OPTS_INIT;
  opts.image = or_null(options.image);
  opts.from_snapshot = or_null(options.snapshot);
  opts.upper_size = options.size;
  opts.labels = labels.data();
  opts.label_count = labels.count();
  opts.replace = options.replace;
  const auto sandbox = ask<msb_sandbox_create>(session.client(), options.name.c_str(), &opts, session.call());
  session.tick(true, "Created", options.name);
  if (session.json()) session.print(json_of(look<msb_sandbox_read>(sandbox.get()).value()));
  return kOk;
}

void add_create(CLI::App& sandboxes, Shell& shell) {
  Session& session = shell.session;
  auto options = std::make_shared<CreateOptions>();
  CLI::App* command = add_command(sandboxes, "create", "Make a stopped sandbox from an image or a snapshot");
  command->add_option("NAME", options->name, "Name of the sandbox")->required();
  CLI::Option* image = command->add_option("--image", options->image, "Image to make it from")->type_name("REF");
  CLI::Option* snapshot =
      command->add_option("--from-snapshot,--from-snap,--snapshot", options->snapshot, "Snapshot to make it from")
          ->type_name("SNAPSHOT");
  snapshot->excludes(image);
  command->parse_complete_callback([image, snapshot] {
    if (image->empty() && snapshot->empty()) throw CLI::RequiredError("one of --image and --from-snapshot");
  });
  add_size(command, "--size", options->size, "Size of the new disk; 4GiB unless told")->excludes(snapshot);
  add_repeated(command, "--label", options->labels, "K=V", "Record a label");
  command->add_flag("--replace", options->replace, "Remove a stopped sandbox of that name first");
  add_format(command, session);
  add_quiet(command, session, "Print nothing but errors");
  command->footer(
      "The disk takes space as it fills; one made from a snapshot shares blocks with it where the file system can. "
      "'msbctl start' boots it.\n\n"
      "Examples:\n"
      "  msbctl sandbox create web --image python:3.12\n"
      "  msbctl sandbox create try --from-snapshot after-setup");
  set_action(command, shell, [&session, options] { return create(session, *options); });
}

// --- list ---

int list(Session& session, const std::vector<std::string>& wanted) {
  const Labels labels(wanted, true);
  const auto found = ask<msb_sandbox_index_list>(session.client(), labels.data(), labels.count(), session.call());
  Json array = Json::array();
  Table table({"NAME", "STATUS", "IMAGE", "SNAPSHOT", "ON DISK", "CREATED"});
  const size_t count = msb_sandbox_list_count(found.get());
  for (size_t i = 0; i < count; ++i) {
    const Info sandbox = look<msb_sandbox_read>(msb_sandbox_list_at(found.get(), i)).value();
    if (session.json()) {
      array.append(json_of(sandbox));
    } else if (session.settings.quiet) {
      session.streams.print(printable(sandbox.name) + '\n');
    } else {
      table.add({sandbox.name, msb_sandbox_status_name(sandbox.status), or_empty(sandbox.image_ref),
                 short_digest(or_empty(sandbox.source_snapshot)), session.size(sandbox.upper_allocated),
                 local_time(sandbox.created_at_ns)});
    }
  }
  if (session.json()) {
    session.print(array);
    return kOk;
  }
  if (count == 0) session.notice("No sandboxes. 'msbctl sandbox create NAME --image REF' makes one.");
  session.streams.print(table.text(session.streams.out_colour()));
  return kOk;
}

void add_list(CLI::App& sandboxes, Shell& shell) {
  Session& session = shell.session;
  auto labels = std::make_shared<std::vector<std::string>>();
  CLI::App* command = add_command(sandboxes, "list,ls", "List the sandboxes, newest first");
  add_repeated(command, "--label", *labels, "K[=V]", "Only those that have this label");
  add_format(command, session);
  add_bytes(command, session);
  add_quiet(command, session, "Print names only");
  set_action(command, shell, [&session, labels] { return list(session, *labels); });
}

// --- inspect ---

int inspect(Session& session, const std::string& name) {
  const auto found = ask<msb_sandbox_get>(session.client(), name.c_str(), session.call());
  const Info sandbox = look<msb_sandbox_read>(found.get()).value();
  if (session.json()) {
    Json object = json_of(sandbox);
    object.set("config", Json::parse(or_empty(sandbox.config_json)));
    session.print(object);
    return kOk;
  }
  const auto or_dash = [](const char* text) { return text == nullptr ? std::string("-") : std::string(text); };
  Detail detail;
  detail.add("Name", sandbox.name);
  detail.add("Status", msb_sandbox_status_name(sandbox.status));
  detail.add("Image", or_dash(sandbox.image_ref));
  detail.add("Image Manifest", or_dash(sandbox.image_digest));
  detail.add("From Snapshot", or_dash(sandbox.source_snapshot));
  detail.add("Upper", or_dash(sandbox.upper_path));
  detail.add("Upper Size", session.size(sandbox.upper_size));
  detail.add("On Disk", session.size(sandbox.upper_allocated));
  detail.add("Created", local_time(sandbox.created_at_ns));
  detail.add("Updated", local_time(sandbox.updated_at_ns));
  std::string labels;
  for (size_t i = 0; i < sandbox.label_count; ++i) {
    labels += (i == 0 ? "" : ", ") + std::string(sandbox.labels[i].key) + '=' + sandbox.labels[i].value;
  }
  if (!labels.empty()) detail.add("Labels", labels);
  session.streams.print(detail.text());
  return kOk;
}

void add_inspect(CLI::App& sandboxes, Shell& shell) {
  Session& session = shell.session;
  auto name = std::make_shared<std::string>();
  CLI::App* command = add_command(sandboxes, "inspect", "Show a sandbox");
  command->add_option("SANDBOX", *name, "Name of a sandbox")->required();
  add_format(command, session);
  add_bytes(command, session);
  set_action(command, shell, [&session, name] { return inspect(session, *name); });
}

// --- remove ---

void add_remove(CLI::App& sandboxes, Shell& shell) {
  Session& session = shell.session;
  auto names = std::make_shared<std::vector<std::string>>();
  CLI::App* command = add_command(sandboxes, "remove,rm", "Remove stopped sandboxes with their disks and logs");
  command->add_option("SANDBOXES", *names, "Names of sandboxes")->required();
  add_format(command, session);
  add_quiet(command, session, "Print nothing but errors");
  command->footer("Snapshots of them stay.");
  set_action(command, shell, [&session, names] {
    return for_each(
        session, *names, "removed", "Removed", "some sandboxes failed to remove",
        [&](const std::string& name) { ask<msb_sandbox_remove>(session.client(), name.c_str(), session.call()); });
  });
}

}  // namespace

void add_sandbox_commands(Shell& shell) {
  CLI::App* sandboxes = add_group(shell.app, "sandbox", "Work with sandboxes and their writable disks");
  add_create(*sandboxes, shell);
  add_list(*sandboxes, shell);
  add_inspect(*sandboxes, shell);
  add_remove(*sandboxes, shell);
}

}  // namespace msbctl
