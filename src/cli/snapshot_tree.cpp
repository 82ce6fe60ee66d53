#include <map>
#include <memory>
#include <set>
#include <string_view>

#include "cli/snapshot.h"
#include "cli/table.h"
#include "cli/text.h"

namespace msbctl {
namespace {

using Info = msb_snapshot_handle_info;

/// Who came from whom, as the index knows it. What names a parent that is not there is a root of its own. Several
/// copies of one snapshot are several lines, but its children follow the first of them only.
class Lineage {
 public:
  explicit Lineage(std::vector<Info> snapshots) : snapshots_(std::move(snapshots)) {
    for (const Info& snapshot : snapshots_) {
      known_.emplace(snapshot.digest, snapshot.digest);
      // In homes of 0.7 children name a parent by its id, which its directory is called.
      const std::string_view path = snapshot.path;
      const std::string_view id = path.substr(path.rfind('/') + 1);
      if (id.starts_with("snap_")) known_.emplace(id, snapshot.digest);
    }
    // The list is newest first; a lineage is read from the oldest.
    for (auto it = snapshots_.rbegin(); it != snapshots_.rend(); ++it) {
      if (has_parent(*it)) {
        children_[known_.at(it->parent)].push_back(&*it);
      } else {
        roots_.push_back(&*it);
      }
    }
  }

  bool has_parent(const Info& snapshot) const { return snapshot.parent != nullptr && known_.contains(snapshot.parent); }
  const std::vector<const Info*>& roots() const { return roots_; }

  /// The children of a snapshot, the first time that it is asked for: copies, and circles that a damaged index may
  /// have, end there.
  std::vector<const Info*> take_children(const Info& snapshot) {
    if (!taken_.insert(snapshot.digest).second) return {};
    const auto found = children_.find(snapshot.digest);
    return found == children_.end() ? std::vector<const Info*>() : found->second;
  }

 private:
  std::vector<Info> snapshots_;
  std::map<std::string_view, std::string_view> known_;  // digests, by what children call them
  std::set<std::string_view> taken_;
  std::map<std::string_view, std::vector<const Info*>> children_;
  std::vector<const Info*> roots_;
};

std::string title_of(const Info& snapshot) {
  return snapshot.name != nullptr ? snapshot.name : short_digest(snapshot.digest);
}

void draw(Session& session, Lineage& lineage, const Info& snapshot, const std::string& title, const std::string& margin,
          Table& table) {
  table.add({title, or_empty(snapshot.image_ref), snapshot.has_size_bytes ? session.size(snapshot.size_bytes) : "-",
             local_time(snapshot.created_at_ns), short_digest(snapshot.digest)});
  const auto children = lineage.take_children(snapshot);
  for (const Info* child : children) {
    const bool last = child == children.back();
    draw(session, lineage, *child, margin + (last ? "└── " : "├── ") + title_of(*child),
         margin + (last ? "    " : "│   "), table);
  }
}

Json json_with_children(Lineage& lineage, const Info& snapshot) {
  Json object = json_of(snapshot);
  Json children = Json::array();
  for (const Info* child : lineage.take_children(snapshot)) children.append(json_with_children(lineage, *child));
  object.set("children", children);
  return object;
}

int tree(Session& session, const std::string& ref) {
  const auto found = ask<msb_snapshot_index_list>(session.client(), nullptr, session.call());
  Lineage lineage(snapshots_of(found.get()));
  std::vector<const Info*> roots = lineage.roots();
  Handle<msb_snapshot_handle> chosen;
  Info root{};
  if (!ref.empty()) {
    chosen = ask<msb_snapshot_get>(session.client(), ref.c_str(), session.call());
    root = look<msb_snapshot_handle_read>(chosen.get()).value();
    roots = {&root};
  }
  if (session.json()) {
    Json array = Json::array();
    for (const Info* each : roots) array.append(json_with_children(lineage, *each));
    session.print(array);
    return kOk;
  }
  if (roots.empty()) session.notice("No snapshots. 'msbctl snapshot create NAME --from SANDBOX' makes one.");
  Table table({"SNAPSHOT", "IMAGE", "SIZE", "CREATED", "DIGEST"});
  for (const Info* each : roots) {
    std::string title = title_of(*each);
    if (each->parent != nullptr && ref.empty()) title += " (parent " + short_digest(each->parent) + " is not here)";
    draw(session, lineage, *each, title, {}, table);
  }
  session.streams.print(table.text(session.streams.out_colour()));
  return kOk;
}

}  // namespace

void add_tree(CLI::App& snapshots, Shell& shell) {
  Session& session = shell.session;
  auto ref = std::make_shared<std::string>();
  CLI::App* command = add_command(snapshots, "tree", "Show which snapshot came from which");
  command->add_option("SNAPSHOT", *ref, "Begin with this one: name, path or digest");
  add_format(command, session);
  add_bytes(command, session);
  set_action(command, shell, [&session, ref] { return tree(session, *ref); });
}

}  // namespace msbctl
