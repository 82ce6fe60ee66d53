#include <memory>

#include "cli/command.h"
#include "cli/items.h"
#include "cli/table.h"
#include "cli/text.h"

namespace msbctl {
namespace {

struct PruneOptions {
  bool yes = false;
  bool dry_run = false;
  std::vector<std::string> keep;
  uint64_t unused_for = 0;  // seconds
  std::vector<std::string> labels;
  std::string matching;
  uint64_t max_size = 0;
};

Json json_of(const msb_image_prune_report& report) {
  return Json::object({{"image_refs_removed", report.image_refs_removed},
                       {"manifests_removed", report.manifests_removed},
                       {"layers_removed", report.layers_removed},
                       {"fsmeta_removed", report.fsmeta_removed},
                       {"vmdk_removed", report.vmdk_removed},
                       {"bytes_reclaimed", report.has_bytes_reclaimed ? Json(report.bytes_reclaimed) : Json()}});
}

bool removed_anything(const msb_image_prune_report& report) {
  return report.image_refs_removed + report.manifests_removed + report.layers_removed + report.fsmeta_removed +
                 report.vmdk_removed >
             0 ||
         (report.has_bytes_reclaimed && report.bytes_reclaimed > 0);
}

struct Sums {
  uint64_t removed = 0;
  uint64_t references = 0;
  uint64_t bytes = 0;
};

Sums sums_of(const msb_prune_plan* plan) {
  Sums sums;
  for (size_t i = 0; i < msb_prune_plan_count(plan); ++i) {
    const msb_prune_item item = look<msb_prune_plan_at>(plan, i).value();
    if (!item.remove) continue;
    ++sums.removed;
    sums.references += item.kind == MSB_ITEM_REFERENCE ? 1 : 0;
    sums.bytes += item.bytes;
  }
  return sums;
}

int show_plan(Session& session, const msb_prune_plan* plan) {
  const Sums sums = sums_of(plan);
  Json items = Json::array();
  Table table({"ACTION", "KIND", "NAME", "SIZE", "WHY"});
  for (size_t i = 0; i < msb_prune_plan_count(plan); ++i) {
    const msb_prune_item item = look<msb_prune_plan_at>(plan, i).value();
    const char* action = item.remove ? "remove" : "keep";
    table.add({action, item_name(item.kind), shortened(item.name), item.bytes > 0 ? session.size(item.bytes) : "-",
               or_empty(item.reason)});
    items.append(Json::object({{"action", action},
                               {"kind", item_name(item.kind)},
                               {"name", item.name},
                               {"bytes", item.bytes},
                               {"reason", item.reason}}));
  }
  if (session.json()) {
    session.print(Json::object({{"bytes_reclaimable", sums.bytes}, {"items", items}}));
    return kOk;
  }
  session.streams.print(table.text(session.streams.out_colour()));
  session.notice(sums.removed == 0 ? "Nothing to prune."
                                   : "A prune would free " + human_size(sums.bytes) + ". Nothing was removed.");
  return kOk;
}

void show_report(Session& session, const msb_image_prune_report& report) {
  if (!removed_anything(report)) {
    session.notice("Nothing to prune.");
    return;
  }
  session.tick(true, "Pruned", "image cache");
  if (session.settings.quiet) return;
  Detail detail;
  detail.add_within("Image refs", std::to_string(report.image_refs_removed));
  detail.add_within("Manifests", std::to_string(report.manifests_removed));
  detail.add_within("Layers", std::to_string(report.layers_removed));
  if (report.fsmeta_removed > 0) detail.add_within("Fsmeta", std::to_string(report.fsmeta_removed));
  if (report.vmdk_removed > 0) detail.add_within("VMDK", std::to_string(report.vmdk_removed));
  if (report.bytes_reclaimed > 0) detail.add_within("Reclaimed", session.size(report.bytes_reclaimed));
  session.streams.print(detail.text());
}

int prune(Session& session, const PruneOptions& options) {
  std::vector<const char*> keep;
  for (const std::string& reference : options.keep) keep.push_back(reference.c_str());
  const Labels labels(options.labels, true);
  msb_image_prune_opts opts = MSB_IMAGE_PRUNE_OPTS_INIT;
  opts.keep = keep.data();
  opts.keep_count = keep.size();
  opts.unused_for_ns = options.unused_for * 1'000'000'000;
  opts.labels = labels.data();
  opts.label_count = labels.count();
  opts.reference_filter = or_null(options.matching);
  opts.max_bytes = options.max_size;

  const auto plan = ask<msb_image_prune_plan>(session.client(), &opts, session.call());
  if (options.dry_run) return show_plan(session, plan.get());
  const Sums sums = sums_of(plan.get());
  if (!options.yes && sums.removed > 0) {
    const bool agreed = session.streams.confirm("Remove " + counted(sums.references, "unused image") + " and free " +
                                                human_size(sums.bytes) + '?');
    if (!agreed) {
      session.notice("Aborted: nothing was removed.");
      return kOk;
    }
  }
  const auto report = ask<msb_image_prune_apply>(session.client(), plan.get(), session.call());
  if (session.json()) {
    session.print(json_of(report));
  } else {
    show_report(session, report);
  }
  return kOk;
}

void add_prune(CLI::App& images, Shell& shell) {
  Session& session = shell.session;
  auto options = std::make_shared<PruneOptions>();
  CLI::App* command = add_command(images, "prune", "Remove images that no sandbox and no snapshot uses");
  command->add_flag("-y,--yes", options->yes, "Do not ask");
  command->add_flag("-n,--dry-run", options->dry_run, "Show what would be removed, what stays, and why");
  add_repeated(command, "--keep", options->keep, "REF", "Spare this image");
  add_time(command, "--unused-for", options->unused_for, "Only images not used for that long, such as 12h or 30d");
  add_repeated(command, "--label", options->labels, "K[=V]", "Only images whose configuration has this label");
  command->add_option("--matching", options->matching, "Only references that match, such as '*/ci/*'")
      ->type_name("PATTERN");
  add_size(command, "--max-size", options->max_size, "Stop once the cache is no larger, least recently used first");
  add_format(command, session);
  add_bytes(command, session);
  add_quiet(command, session, "Print nothing but errors");
  command->footer(
      "What is younger than an hour and belongs to nobody stays: someone may be at work on it.\n\n"
      "Examples:\n  msbctl image prune --dry-run\n  msbctl image prune --yes --unused-for 30d --max-size 20GiB");
  set_action(command, shell, [&session, options] { return prune(session, *options); });
}

void add_gc(CLI::App& images, Shell& shell) {
  Session& session = shell.session;
  CLI::App* command = add_command(images, "gc", "Collect files that nothing needs; images stay");
  auto only_layers = std::make_shared<bool>(false);
  command->add_flag("--layers", *only_layers, "Collect layers only");
  add_format(command, session);
  add_quiet(command, session, "Print nothing but errors");
  set_action(command, shell, [&session, only_layers] {
    const uint32_t removed = *only_layers ? ask<msb_image_gc_layers>(session.client(), session.call())
                                          : ask<msb_image_gc>(session.client(), session.call());
    if (session.json()) session.print(Json::object({{"removed", removed}}));
    session.tick(true, "Collected", counted(removed, *only_layers ? "layer" : "item"));
    return kOk;
  });
}

}  // namespace

void add_prune_commands(CLI::App& images, Shell& shell) {
  add_prune(images, shell);
  add_gc(images, shell);
  add_image_df(images, shell);
}

}  // namespace msbctl
