#include "snapshot/export_plan.h"

#include <algorithm>
#include <set>

#include "os/dir.h"
#include "snapshot/archive_contents.h"
#include "snapshot/reference.h"
#include "snapshot/sidecar.h"
#include "snapshot/translate.h"

namespace msb::snapshot {
namespace {

Error cannot_hold(const Artifact& artifact, std::string_view why) {
  return Error(Status::unsupported, artifact.path + " " + std::string(why)).with("path", artifact.path);
}

/// The snapshot and its ancestors, youngest first.
Result<std::vector<Artifact>> open_chain(const Context& context, const std::string& ref, bool ancestors,
                                         const Call& call) {
  std::vector<Artifact> chain;
  MSB_TRY(Artifact head, open(context, ref, call));
  chain.push_back(std::move(head));
  while (ancestors && chain.back().descriptor.parent) {
    MSB_CHECK(call.check());
    const std::string digest = *chain.back().descriptor.parent;
    if (chain.size() == ArchiveContents::kMaxSnapshots) {
      return Error(Status::unsupported, "the chain of parents of " + ref + " is longer than an archive may have");
    }
    auto parent = open(context, digest, call);
    if (!parent && parent.error().status() == Status::snapshot_not_found) {
      return Error(Status::snapshot_not_found, digest + ", the parent of " + chain.back().path)
          .with("digest", digest)
          .with("path", chain.back().path);
    }
    if (!parent) return std::move(parent).error();
    chain.push_back(*std::move(parent));
  }
  return chain;
}

Result<ExportedSnapshot> describe(const Context& context, const Artifact& artifact) {
  if (artifact.descriptor.membership) {
    return cannot_hold(artifact, "is a snapshot of microsandbox 0.7; use that release to export it");
  }
  if (artifact.descriptor.checkpoint) return cannot_hold(artifact, "is a checkpoint, which cannot be exported");
  ExportedSnapshot snapshot;
  snapshot.name = os::base_name(artifact.path);
  snapshot.disk_path = artifact.upper_path();
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

}  // namespace

Result<ExportPlan> plan_export(const Context& context, const std::string& ref, bool with_parents, Layout layout,
                               const Call& call) {
  ExportPlan plan;
  // A translated snapshot names its parent by the digest that this one gets by translation.
  const bool translating = layout == Layout::current;
  MSB_TRY(std::vector<Artifact> chain, open_chain(context, ref, with_parents, call));
  const Form form = chain.front().descriptor.form;
  plan.sparse = layout != Layout::legacy;
  plan.layout = layout != Layout::home ? layout : form == Form::manifest ? Layout::legacy : Layout::current;
  if (translating && form == Form::manifest && !with_parents) {
    MSB_TRY(chain, open_chain(context, ref, true, call));
  }
  for (auto it = chain.rbegin(); it != chain.rend(); ++it) {
    const bool manifest = it->descriptor.form == Form::manifest;
    if (plan.layout == Layout::legacy && !manifest) {
      return cannot_hold(*it, "has a snapshot.json, which the legacy layout cannot hold without changing its digest");
    }
    if (plan.layout == Layout::current && manifest && !translating) {
      return cannot_hold(*it, "has a manifest.json, but is the parent of a snapshot.json; ask for the current layout");
    }
    MSB_TRY(ExportedSnapshot snapshot, describe(context, *it));
    if (plan.layout == Layout::current && manifest) {
      std::optional<std::string> parent;
      if (!plan.snapshots.empty()) parent = identity(plan.snapshots.back().descriptor).text();
      auto descriptor = translated(it->descriptor, parent);
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
