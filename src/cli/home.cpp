#include <memory>

#include <sys/statvfs.h>

#include "cli/command.h"
#include "cli/items.h"
#include "cli/table.h"
#include "cli/text.h"

namespace msbctl {
namespace {

/// One problem that a look at the home has found, for people unless JSON was asked for.
Json show_problem(Session& session, const msb_problem& problem) {
  if (!session.json()) {
    session.streams.print(std::string(problem.repaired ? "repaired  " : "problem   ") +
                          printable(or_empty(problem.message)) + '\n');
  }
  return Json::object({{"kind", problem_name(problem.kind)},
                       {"repaired", problem.repaired},
                       {"subject", problem.subject},
                       {"path", problem.path},
                       {"message", problem.message}});
}

// --- check ---

struct CheckOptions {
  bool deep = false;
  bool repair = false;
};

int check(Session& session, const CheckOptions& options) {
  msb_client_check_opts opts = MSB_CLIENT_CHECK_OPTS_INIT;
  opts.deep = options.deep;
  opts.repair = options.repair;
  const auto report = ask<msb_client_check>(session.client(), &opts, session.call());
  const size_t count = msb_check_report_count(report.get());
  size_t left = 0;
  Json problems = Json::array();
  for (size_t i = 0; i < count; ++i) {
    const msb_problem problem = look<msb_check_report_at>(report.get(), i).value();
    if (!problem.repaired) ++left;
    problems.append(show_problem(session, problem));
  }
  if (session.json()) session.print(Json::object({{"ok", left == 0}, {"problems", problems}}));
  if (left == 0) {
    session.tick(true, "Checked", count == 0 ? "all is well" : counted(count, "problem") + " repaired");
    return kOk;
  }
  session.tick(false, "Checked", counted(left, "problem") + (options.repair ? " left" : ""));
  if (!options.repair) session.notice("'msbctl check --repair' puts right what can be rebuilt.");
  return kFailed;
}

void add_check(Shell& shell) {
  Session& session = shell.session;
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command = add_command(shell.app, "check", "Look for damage and leftovers, and repair them");
  command->add_flag("--deep", options->deep, "Also read every layer and prove it against its digest");
  command->add_flag("--repair", options->repair,
                    "Rebuild what can be rebuilt, set damaged layers aside, sweep orphans");
  add_format(command, session);
  add_quiet(command, session, "Print problems only");
  command->footer(
      "Holds the index and the files of the home against each other. The exit code is 1 when problems are left.");
  set_action(command, shell, [&session, options] { return check(session, *options); });
}

// --- init and doctor ---

const char* state_name(uint32_t state) {
  switch (state) {
    case MSB_HOME_MISSING:
      return "missing";
    case MSB_HOME_EMPTY:
      return "empty";
    case MSB_HOME_READY:
      return "ready";
    case MSB_HOME_FOREIGN:
      return "foreign";
    default:
      return "unreadable";
  }
}

const char* generation_name(uint32_t generation) {
  switch (generation) {
    case MSB_GENERATION_NONE:
      return "none";
    case MSB_GENERATION_MANIFEST:
      return "manifest.json";
    case MSB_GENERATION_DESCRIPTOR:
      return "snapshot.json";
    case MSB_GENERATION_GROUPS:
      return "groups";
    default:
      return "unknown";
  }
}

const char* writes_name(uint32_t writes) {
  switch (writes) {
    case MSB_HOME_WRITES_EVERYTHING:
      return "everything";
    case MSB_HOME_WRITES_FILES:
      return "files";
    default:
      return "nothing";
  }
}

/// `microsandbox 0.6.9 to 0.6.14`.
std::string releases_of(const msb_home_info& home) {
  if (home.oldest_release == nullptr) return "not known";
  const std::string oldest = home.oldest_release;
  return "microsandbox " + oldest + (oldest == home.newest_release ? "" : std::string(" to ") + home.newest_release);
}

Json json_of(const msb_home_info& home) {
  return Json::object({{"home", home.home},
                       {"state", state_name(home.state)},
                       {"generation", generation_name(home.generation)},
                       {"index", home.database},
                       {"schema", home.schema},
                       {"last_migration", home.last_migration},
                       {"migrations", home.migrations},
                       {"oldest_release", home.oldest_release},
                       {"newest_release", home.newest_release},
                       {"writes", writes_name(home.writes)},
                       {"obstacle", home.obstacle},
                       {"images", home.images},
                       {"sandboxes", home.sandboxes},
                       {"running", home.running},
                       {"snapshots", home.snapshots},
                       {"indexed_snapshots", home.indexed_snapshots}});
}

void show_home(Session& session, const msb_home_info& home) {
  Detail detail;
  detail.add("Home", home.home);
  switch (home.state) {
    case MSB_HOME_MISSING:
    case MSB_HOME_EMPTY:
      detail.add("State",
                 std::string(state_name(home.state)) + "; the first use makes it a home for " + releases_of(home));
      break;
    case MSB_HOME_FOREIGN:
      detail.add("State", "foreign; it can be read");
      break;
    default:
      detail.add("State", state_name(home.state));
  }
  if (home.schema != nullptr) {
    detail.add("Index", home.schema);
    detail.add("Last Migration", or_empty(home.last_migration));
    detail.add("Snapshots Are", generation_name(home.generation));
    detail.add("Opened By", releases_of(home) + (home.oldest_release != nullptr ? "; later ones upgrade it" : ""));
  }
  detail.add("Can Be Written", writes_name(home.writes));
  if (home.obstacle != nullptr) detail.add("Because", home.obstacle);
  if (home.schema != nullptr) {
    detail.add("Images", std::to_string(home.images));
    detail.add("Sandboxes", std::to_string(home.sandboxes) + ", " + std::to_string(home.running) + " running");
    detail.add("Snapshots",
               std::to_string(home.snapshots) + ", " + std::to_string(home.indexed_snapshots) + " in the index");
  }
  session.streams.print(detail.text());
}

int doctor(Session& session) {
  const msb_client_opts opts = session.client_opts();
  const auto report = ask<msb_home_inspect>(&opts, session.call());
  const msb_home_info home = look<msb_home_report_read>(report.get()).value();
  if (!session.json()) show_home(session, home);
  const size_t count = msb_home_report_problem_count(report.get());
  if (!session.json() && count != 0) session.streams.print("\n");
  Json problems = Json::array();
  for (size_t i = 0; i < count; ++i) {
    problems.append(show_problem(session, look<msb_home_report_problem_at>(report.get(), i).value()));
  }
  if (session.json()) {
    Json object = json_of(home);
    object.set("problems", problems);
    session.print(object);
  }
  session.tick(count == 0, "Examined", count == 0 ? "all is well" : counted(count, "problem"));
  return count == 0 ? kOk : kFailed;
}

void add_doctor(Shell& shell) {
  Session& session = shell.session;
  CLI::App* command = add_command(shell.app, "doctor", "Tell what the home is, who can use it, and what is wrong");
  add_format(command, session);
  add_quiet(command, session, "Print no summary");
  command->footer(
      "Changes nothing, and works on homes that nothing else opens. "
      "The exit code is 1 when there are problems; 'msbctl check --repair' puts many right.");
  set_action(command, shell, [&session] { return doctor(session); });
}

int init(Session& session) {
  const msb_client_opts opts = session.client_opts();
  const auto before = ask<msb_home_inspect>(&opts, session.call());
  const msb_home_info found = look<msb_home_report_read>(before.get()).value();
  if (found.state != MSB_HOME_MISSING && found.state != MSB_HOME_EMPTY) {
    throw Failure(MSB_ERR_INVALID_ARGUMENT,
                  printable(found.home) + " is a home already" +
                      (found.schema != nullptr ? std::string(", of ") + found.schema : std::string()),
                  "'msbctl doctor' tells more about it");
  }
  if (found.writes != MSB_HOME_WRITES_EVERYTHING) {
    throw Failure(MSB_ERR_IO, printable(found.home) + " cannot be made a home: " + printable(or_empty(found.obstacle)));
  }
  session.client();
  const auto after = ask<msb_home_inspect>(&opts, session.call());
  const msb_home_info home = look<msb_home_report_read>(after.get()).value();
  if (session.json()) session.print(json_of(home));
  session.tick(true, "Created", std::string(home.home) + " for " + releases_of(home));
  return kOk;
}

void add_init(Shell& shell) {
  Session& session = shell.session;
  CLI::App* command = add_command(shell.app, "init", "Make a new home");
  command
      ->add_option("--release", session.settings.release,
                   "Release of microsandbox to make it for: 0.6.3, the default, to 0.6.18")
      ->type_name("VERSION");
  add_format(command, session);
  add_quiet(command, session, "Print nothing but errors");
  command->footer(
      "Not needed: the first command makes a home that every release from 0.5.8 on takes over. One that is made for a "
      "later release keeps snapshots as that release does, and is refused by older ones.");
  set_action(command, shell, [&session] { return init(session); });
}

// --- recover ---

void add_recover(Shell& shell) {
  Session& session = shell.session;
  CLI::App* command = add_command(shell.app, "recover", "Finish or remove what dead processes had begun");
  add_format(command, session);
  add_quiet(command, session, "Print nothing but errors");
  set_action(command, shell, [&session] {
    const uint32_t repaired = ask<msb_client_recover>(session.client(), session.call());
    if (session.json()) session.print(Json::object({{"repaired", repaired}}));
    session.tick(true, "Recovered", counted(repaired, "leftover"));
    return kOk;
  });
}

// --- df ---

std::string bar(uint64_t part, uint64_t whole) {
  constexpr uint64_t kWidth = 30;
  const uint64_t filled = whole == 0 ? 0 : (part * kWidth + whole / 2) / whole;
  std::string text;
  for (uint64_t i = 0; i < kWidth; ++i) text += i < filled ? "█" : "░";
  return text;
}

std::string percent(uint64_t part, uint64_t whole) {
  return std::to_string(whole == 0 ? 0 : (part * 100 + whole / 2) / whole) + '%';
}

std::string joined_pins(const msb_disk_item& item) {
  std::string text;
  for (size_t i = 0; i < item.pin_count; ++i) text += (i == 0 ? "" : ", ") + std::string(item.pins[i]);
  return item.reclaimable ? "nobody: prune removes it" : text;
}

Json json_of(const msb_disk_item& item) {
  Json pins = Json::array();
  for (size_t i = 0; i < item.pin_count; ++i) pins.append(item.pins[i]);
  return Json::object({{"kind", item_name(item.kind)},
                       {"name", item.name},
                       {"path", item.path},
                       {"reclaimable", item.reclaimable},
                       {"allocated_bytes", item.allocated_bytes},
                       {"apparent_bytes", item.apparent_bytes},
                       {"shared_by", item.shared_by},
                       {"kept_by", pins}});
}

bool of_images(uint32_t kind) { return kind != MSB_ITEM_SNAPSHOT && kind != MSB_ITEM_SANDBOX; }

int df_as_json(Session& session, const msb_disk_usage* usage, bool only_images) {
  const msb_disk_usage_info sums = look<msb_disk_usage_read>(usage).value();
  Json items = Json::array();
  for (size_t i = 0; i < msb_disk_usage_count(usage); ++i) {
    const msb_disk_item item = look<msb_disk_usage_at>(usage, i).value();
    if (!only_images || of_images(item.kind)) items.append(json_of(item));
  }
  Json result = Json::object(
      {{"images_bytes", sums.images_bytes}, {"reclaimable_bytes", sums.reclaimable_bytes}, {"items", items}});
  if (!only_images) {
    result.set("snapshots_bytes", sums.snapshots_bytes);
    result.set("sandboxes_bytes", sums.sandboxes_bytes);
  }
  session.print(result);
  return kOk;
}

void show_items(Session& session, const msb_disk_usage* usage, bool only_images) {
  Table table({"KIND", "NAME", "ON DISK", "SHARED BY", "KEPT BY"});
  for (size_t i = 0; i < msb_disk_usage_count(usage); ++i) {
    const msb_disk_item item = look<msb_disk_usage_at>(usage, i).value();
    if (only_images && !of_images(item.kind)) continue;
    table.add({item_name(item.kind), shortened(item.name),
               item.path != nullptr ? session.size(item.allocated_bytes) : "-",
               item.shared_by > 1 ? std::to_string(item.shared_by) : "-", joined_pins(item)});
  }
  session.streams.print(table.text(session.streams.out_colour()));
}

void show_sums(Session& session, const msb_disk_usage_info& sums) {
  const uint64_t total = sums.images_bytes + sums.snapshots_bytes + sums.sandboxes_bytes;
  const auto add = [&](const char* name, uint64_t bytes) {
    const std::string size = session.size(bytes);
    const std::string share = percent(bytes, total);
    session.streams.print(name + std::string(14 - std::string_view(name).size(), ' ') + bar(bytes, total) +
                          std::string(share.size() < 6 ? 6 - share.size() : 1, ' ') + share + "    " + size + '\n');
  };
  add("Images", sums.images_bytes);
  add("Snapshots", sums.snapshots_bytes);
  add("Sandboxes", sums.sandboxes_bytes);
  add("Reclaimable", sums.reclaimable_bytes);
  struct statvfs disk {};
  const std::string home = msb_client_dir(session.client(), MSB_DIR_HOME);
  std::string free;
  if (statvfs(home.c_str(), &disk) == 0) {
    free = ", " + session.size(static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize) + " free";
  }
  session.streams.print("\nIn all " + session.size(total) + " in " + printable(home) + free + '\n');
  if (sums.reclaimable_bytes > 0) session.notice("'msbctl image prune --dry-run' shows what can go, and why.");
}

void add_df(CLI::App& parent, Shell& shell, bool only_images) {
  Session& session = shell.session;
  auto verbose = std::make_shared<bool>(false);
  CLI::App* command = add_command(
      parent, "df",
      only_images ? "Show each file of the cache and who keeps it" : "Show what uses the disk, and what could go");
  if (!only_images) command->add_flag("-v,--verbose", *verbose, "Show each file, and who keeps it");
  add_format(command, session);
  add_bytes(command, session);
  command->footer(
      "Sizes are what files take on disk, as du counts. Blocks that files share by reflink count each time.");
  set_action(command, shell, [&session, verbose, only_images] {
    const auto usage = ask<msb_client_disk_usage>(session.client(), session.call());
    if (session.json()) return df_as_json(session, usage.get(), only_images);
    if (only_images || *verbose) show_items(session, usage.get(), only_images);
    if (!only_images && *verbose) session.streams.print("\n");
    if (!only_images) show_sums(session, look<msb_disk_usage_read>(usage.get()).value());
    return kOk;
  });
}

}  // namespace

void add_image_df(CLI::App& images, Shell& shell) { add_df(images, shell, true); }

void add_home_commands(Shell& shell) {
  add_init(shell);
  add_doctor(shell);
  add_df(shell.app, shell, false);
  add_check(shell);
  add_recover(shell);
}

}  // namespace msbctl
