#include "snapshot/reference.h"

#include <cerrno>

#include "base/found.h"
#include "snapshot/directory.h"
#include "snapshot/group.h"
#include "snapshot/indexing.h"

namespace msb::snapshot {
namespace {

constexpr size_t kMaxName = 246;  // microsandbox stages under names nine bytes longer, and 255 is the most

Error invalid_name(std::string_view name, const std::string& rule) {
  return Error(Status::invalid_config, "snapshot name " + rule + ": '" + std::string(name) + "'").with("name", name);
}

Error empty_name() { return Error(Status::invalid_config, "snapshot name must not be empty"); }

Error not_found(const std::string& digest) { return Error(Status::snapshot_not_found, digest).with("digest", digest); }

/// The member of a group that is called so, by its files: `GROUP:NAME`, or an id.
Result<std::optional<std::string>> find_member(const Context& context, const std::string& name, const Call& call) {
  if (name.find(':') == std::string::npos && !is_group_id(name, kMemberPrefix)) return std::optional<std::string>();
  MSB_TRY(const std::vector<Artifact> artifacts, list_directory(context, std::nullopt, call));
  for (const Artifact& artifact : artifacts) {
    if (!artifact.descriptor.membership) continue;
    const std::string group = os::base_name(os::parent_path(artifact.path));
    const bool found = artifact.descriptor.membership->id == name || group + ":" + artifact.name() == name;
    if (found) return std::optional(artifact.path);
  }
  return std::optional<std::string>();
}

Result<std::string> resolve_name(const Context& context, const std::string& name, const Call& call) {
  MSB_TRY(std::string path, path_of_name(context, name));
  MSB_TRY(const bool there, os::exists(context.fs, path));
  if (there) return path;
  MSB_TRY(const auto row, context.database.read(call, [&](index::Transaction& transaction) {
    return find_row_named(transaction, name);
  }));
  if (row) return os::canonical_path(row->artifact_path);
  MSB_TRY(const auto member, find_member(context, name, call));
  if (member) return *member;
  return Error(Status::snapshot_not_found, path).with("path", path).with("name", name);
}

Result<std::string> resolve_digest(const Context& context, const std::string& digest, const Call& call) {
  auto row =
      context.database.read(call, [&](index::Transaction& transaction) { return find_row_of(transaction, digest); });
  MSB_CHECK(call.check());
  if (row && *row) {
    const auto artifact = open_artifact(context.fs, (*row)->artifact_path);
    if (artifact && artifact->digest.text() == (*row)->digest) return os::canonical_path(artifact->path);
  }
  // The row is missing, out of date or cannot be read. The directories are the truth.
  MSB_TRY(const std::vector<Artifact> artifacts, list_directory(context, std::nullopt, call));
  for (const Artifact& artifact : artifacts) {
    if (artifact.digest.text() == digest) return artifact.path;
  }
  if (!row) return std::move(row).error();
  return not_found(digest);
}

/// A member of a group by its id, beside another one.
Result<std::optional<Artifact>> open_sibling(const Context& context, const Artifact& member, const std::string& id) {
  MSB_TRY(auto artifact, if_there(open_artifact(context.fs, os::join_path(os::parent_path(member.path), id)),
                                  {Status::snapshot_not_found}));
  if (artifact && artifact->descriptor.membership && artifact->descriptor.membership->id == id) {
    return std::optional(*std::move(artifact));
  }
  return std::optional<Artifact>();
}

}  // namespace

RefKind ref_kind(std::string_view text) {
  if (text.empty()) return RefKind::none;
  if (text.starts_with("sha256:") || text.starts_with("sha512:")) return RefKind::digest;
  if (text.front() == '.' || text.front() == '~' || text.find('/') != std::string_view::npos) return RefKind::path;
  return RefKind::name;
}

Done check_name(std::string_view name) {
  if (!is_utf8(name)) return Error(Status::invalid_argument, "snapshot name is not UTF-8");
  if (name.empty()) return empty_name();
  if (name.find('/') != std::string_view::npos) {
    return invalid_name(name, "must be a bare identifier, not a path");
  }
  if (name.size() > kMaxName) {
    return invalid_name(name, "must not be longer than " + std::to_string(kMaxName) + " bytes");
  }
  for (const char c : name) {
    if (c == '\\' || c == ':') return invalid_name(name, std::string("must not contain ") + c);
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      return Error(Status::invalid_config,
                   "snapshot name must not contain control bytes, such as " + std::to_string(byte));
    }
  }
  if (name.front() == '.' || name.front() == '~' || name.front() == '-') {
    return invalid_name(name, std::string("must not begin with ") + name.front());
  }
  return {};
}

bool is_harmless_name(std::string_view name) {
  if (!check_name(name)) return false;
  static constexpr std::string_view kHarmless = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-+@,%";
  for (size_t i = 0; i < name.size(); ++i) {
    const auto byte = static_cast<unsigned char>(name[i]);
    if (byte < 0x80 && kHarmless.find(name[i]) == std::string_view::npos) return false;
    // The C1 controls, which UTF-8 spells C2 80 to C2 9F.
    if (byte == 0xC2 && static_cast<unsigned char>(name[i + 1]) < 0xA0) return false;
    // U+2000 to U+206F: spaces, line breaks, what has no width, and what turns the direction around.
    if (byte == 0xE2 && (name[i + 1] == '\x80' || (name[i + 1] == '\x81' && name[i + 2] >= '\xA0'))) return false;
  }
  return true;
}

Result<std::string> path_of_name(const Context& context, const std::string& name) {
  MSB_TRY(const std::string directory, directory_named(context, std::nullopt));
  std::string path = os::join_path(directory, name);
  auto group = os::open_dir(context.fs, path);
  if (!group) {
    switch (group.error().os_code()) {
      case ENOENT:
      case ENOTDIR:
      case ENAMETOOLONG:
      case EACCES:
      case ELOOP:
        return path;  // whoever opens it says what is wrong
      default:
        return std::move(group).error();
    }
  }
  MSB_TRY(const auto text, read_member(*group, kGroupHead, kMaxDescriptor));
  if (!text) return path;
  auto head = parse_group_head(*text);
  if (!head) return std::move(head).error().in(os::join_path(path, kGroupHead)).with("path", path);
  return os::join_path(path, *head);
}

Result<std::string> directory_named(const Context& context, const std::optional<std::string>& dir) {
  // A directory to look into is where its links lead; a trailing dot makes the whole path canonical.
  const std::string path = dir ? os::expand_home(*dir) : context.snapshots_dir;
  return os::canonical_path(os::join_path(path.empty() ? "." : path, "."));
}

Result<std::string> resolve(const Context& context, const std::string& ref, const Call& call) {
  switch (ref_kind(ref)) {
    case RefKind::none:
      return empty_name();
    case RefKind::path:
      return os::canonical_path(os::expand_home(ref));
    case RefKind::name:
      return resolve_name(context, ref, call);
    case RefKind::digest:
      return resolve_digest(context, ref, call);
  }
  return not_found(ref);
}

Result<Artifact> open(const Context& context, const std::string& ref, const Call& call) {
  MSB_TRY(const std::string path, resolve(context, ref, call));
  return open_artifact(context.fs, path);
}

Result<Artifact> open_parent(const Context& context, const Artifact& child, const Call& call) {
  const std::string& parent = child.descriptor.parent.value();
  if (child.descriptor.membership) {
    MSB_TRY(auto sibling, open_sibling(context, child, parent));
    if (sibling) return *std::move(sibling);
  }
  auto found = open(context, parent, call);
  if (found || found.error().status() != Status::snapshot_not_found) return found;
  return Error(Status::snapshot_not_found, parent + ", the parent of " + child.path)
      .with("digest", parent)
      .with("path", child.path);
}

}  // namespace msb::snapshot
