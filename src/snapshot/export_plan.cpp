#include "snapshot/export_plan.h"

#include <algorithm>
#include <set>

#include "os/dir.h"
#include "snapshot/archive_contents.h"
#include "snapshot/group.h"
#include "snapshot/mapping.h"
#include "snapshot/reference.h"
#include "snapshot/sidecar.h"

namespace msb::snapshot {
namespace {

Error cannot_hold(const Artifact& artifact, std::string_view why) {
  return Error(Status::unsupported, artifact.path + " " + std::string(why)).with("path", artifact.path);
}

enum class Ancestors { none, all, known };

/// The snapshot that `ref` stands for and its ancestors, youngest first; `known` ends where one is gone.
Result<std::vector<Artifact>> open_chain(const Context& context, const std::string& ref, Artifact head,
                                         Ancestors ancestors, const Call& call) {
  std::vector<Artifact> chain;
  chain.push_back(std::move(head));
  while (ancestors != Ancestors::none && chain.back().descriptor.parent) {
    MSB_CHECK(call.check());
    if (chain.size() == ArchiveContents::kMaxSnapshots) {
      return Error(Status::unsupported, "the chain of parents of " + ref + " is longer than an archive may have");
    }
    auto parent = open_parent(context, chain.back(), call);
    if (!parent && parent.error().status() == Status::snapshot_not_found && ancestors == Ancestors::known) {
      context.log.warn("snapshot", parent.error().message() + ", is gone: exported without it");
      break;
    }
    if (!parent) return std::move(parent).error();
    chain.push_back(*std::move(parent));
  }
  return chain;
}

Result<ExportedSnapshot> describe(const Context& context, const Artifact& artifact) {
  if (artifact.descriptor.checkpoint) return cannot_hold(artifact, "is a checkpoint, which cannot be exported");
  ExportedSnapshot snapshot;
  snapshot.name = artifact.name();
  snapshot.disk_path = artifact.upper_path();
  if (is_layered(artifact.descriptor)) snapshot.layered = artifact;
  snapshot.descriptor = artifact.descriptor;
  snapshot.record = artifact.descriptor.integrity;
  if (!snapshot.record) {
    MSB_TRY(snapshot.record, read_sidecar(context.fs, artifact));
  }
  return snapshot;
}

/// Names in the archive: digests, or in the legacy layout those of the snapshots, which importers make use of.
void name_owners(ExportPlan& plan) {
  std::set<std::string> taken;
  for (auto it = plan.snapshots.rbegin(); it != plan.snapshots.rend(); ++it) {
    it->digest = identity(it->descriptor);
    it->owner = it->digest.hex();
    if (plan.layout != Layout::legacy) continue;
    it->owner = is_prefix(it->name) ? it->name : digest_prefix(it->digest);
    if (!taken.insert(it->owner).second) it->owner = digest_prefix(it->digest);
  }
}

/// Which ancestors there must be to tell what is exported, although they may not go along: one that is mapped names its
/// parent by the digest that this one gets. In groups parents are recorded unasked, and may have been removed.
Ancestors needed_for(Form form, Layout asked) {
  if (form == Form::member) return Ancestors::known;
  return form == Form::manifest && asked == Layout::current ? Ancestors::all : Ancestors::none;
}

}  // namespace

Result<ExportPlan> plan_export(const Context& context, const std::string& ref, bool with_parents, Layout layout,
                               const Call& call) {
  ExportPlan plan;
  MSB_TRY(Artifact head, open(context, ref, call));
  const Form form = head.descriptor.form;
  const Ancestors ancestors = with_parents ? Ancestors::all : needed_for(form, layout);
  MSB_TRY(const std::vector<Artifact> chain, open_chain(context, ref, std::move(head), ancestors, call));
  plan.sparse = layout != Layout::legacy;
  plan.layout = layout != Layout::home ? layout : form == Form::manifest ? Layout::legacy : Layout::current;
  for (auto it = chain.rbegin(); it != chain.rend(); ++it) {
    const Form from = it->descriptor.form;
    if (plan.layout == Layout::legacy && from != Form::manifest) {
      return cannot_hold(*it, "has a snapshot.json, which the legacy layout cannot hold without changing its digest");
    }
    if (plan.layout == Layout::current && from == Form::manifest && layout != Layout::current) {
      return cannot_hold(*it, "has a manifest.json, but is the parent of a snapshot.json; ask for the current layout");
    }
    MSB_TRY(ExportedSnapshot snapshot, describe(context, *it));
    if (plan.layout == Layout::current && from != Form::snapshot) {
      std::optional<std::string> parent;
      if (!plan.snapshots.empty()) parent = identity(plan.snapshots.back().descriptor).text();
      auto descriptor = in_form(it->descriptor, Form::snapshot, parent);
      if (!descriptor) return std::move(descriptor).error().in(it->path).with("path", it->path);
      snapshot.descriptor = *std::move(descriptor);
    }
    plan.snapshots.push_back(std::move(snapshot));
  }
  if (!with_parents) plan.snapshots.erase(plan.snapshots.begin(), plan.snapshots.end() - 1);
  name_owners(plan);
  return plan;
}

}  // namespace msb::snapshot
