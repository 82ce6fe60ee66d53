#include "snapshot/archive_member.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "archive/tar_entry.h"
#include "base/bytes.h"
#include "snapshot/descriptor.h"
#include "snapshot/group.h"
#include "snapshot/reference.h"

namespace msb::snapshot {
namespace {

constexpr size_t kMaxFileName = 255;

struct ImageFolder {
  MemberKind kind;
  std::string_view folder;
  std::string_view suffix;
};
constexpr auto kImageFolders = std::to_array<ImageFolder>({
    {MemberKind::image_document, "manifests", ".json"},
    {MemberKind::fsmeta, "fsmeta", ".erofs"},
    {MemberKind::vmdk, "vmdk", ".vmdk"},
    {MemberKind::layer, "layers", ".erofs"},
    {MemberKind::recipe, "layers", ".recipe"},
});

bool is_hex_digest(std::string_view text) { return text.size() == 64 && from_hex(text).has_value(); }

/// `sha256_` and the digits, as caches name files by digest; documents are named by digits alone.
bool is_image_name(MemberKind kind, std::string_view text) {
  constexpr std::string_view kAlgorithm = "sha256_";
  if (kind == MemberKind::image_document) return is_hex_digest(text);
  return text.starts_with(kAlgorithm) && is_hex_digest(text.substr(kAlgorithm.size()));
}

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

std::optional<MemberName> parse_image(const std::vector<std::string_view>& parts, Layout layout, bool directory) {
  if (directory) {
    const bool known =
        parts.size() == 1 ||
        (parts.size() == 2 && std::any_of(kImageFolders.begin(), kImageFolders.end(),
                                          [&](const ImageFolder& place) { return place.folder == parts[1]; }));
    return known ? std::optional(MemberName{MemberKind::directory, layout, {}, {}}) : std::nullopt;
  }
  if (parts.size() != 3) return std::nullopt;
  for (const ImageFolder& place : kImageFolders) {
    if (parts[1] != place.folder) continue;
    if (layout == Layout::legacy && parts[2].ends_with(".lock")) return MemberName{MemberKind::litter, layout, {}, {}};
    if (!parts[2].ends_with(place.suffix)) continue;
    const std::string_view name = parts[2].substr(0, parts[2].size() - place.suffix.size());
    if (is_image_name(place.kind, name)) return MemberName{place.kind, layout, {}, std::string(name)};
  }
  return std::nullopt;
}

/// What is below `snapshots` or `files`.
std::optional<MemberName> parse_current(const std::vector<std::string_view>& parts, bool directory) {
  MemberName name{MemberKind::directory, Layout::current, {}, {}};
  if (parts.size() >= 2) {
    if (!is_hex_digest(parts[1])) return std::nullopt;
    name.owner = parts[1];
  }
  if (directory) return parts.size() <= 2 ? std::optional(name) : std::nullopt;
  if (parts.size() != 3) return std::nullopt;
  name.file = parts[2];
  if (parts[0] == "snapshots") {
    name.kind = MemberKind::descriptor;
    return name.file == file_name(Form::snapshot) ? std::optional(name) : std::nullopt;
  }
  name.kind = MemberKind::file;
  return is_payload_name(name.file) && name.file.size() <= kMaxFileName ? std::optional(name) : std::nullopt;
}

std::optional<MemberName> parse_legacy(const std::vector<std::string_view>& parts, bool directory) {
  if (!is_prefix(parts[0])) return std::nullopt;
  MemberName name{MemberKind::directory, Layout::legacy, std::string(parts[0]), {}};
  if (directory) return parts.size() == 1 ? std::optional(name) : std::nullopt;
  if (parts.size() != 2 || parts[1].empty() || parts[1].size() > kMaxFileName) return std::nullopt;
  name.file = parts[1];
  // Beside a manifest.json this one would count as the descriptor.
  if (name.file == file_name(Form::snapshot) || name.file == "." || name.file == "..") return std::nullopt;
  name.kind = name.file == file_name(Form::manifest) ? MemberKind::descriptor : MemberKind::file;
  return name;
}

bool is_of_groups(const std::vector<std::string_view>& parts, bool directory) {
  if (parts.size() == 1) return directory && parts[0] == "layers";
  return (parts[0] == "snapshots" && parts[1].starts_with(kMemberPrefix)) ||
         (parts[0] == "layers" && parts[1].starts_with(kLayerPrefix));
}

std::optional<MemberName> parse_groups(const std::vector<std::string_view>& parts, bool directory) {
  MemberName name{MemberKind::directory, Layout::groups, {}, {}};
  if (parts.size() == 1) return name;
  const bool layer = parts[0] == "layers";
  const std::string_view owner = layer ? parts[1].substr(0, parts[1].find('.')) : parts[1];
  if (!is_group_id(owner, layer ? kLayerPrefix : kMemberPrefix)) return std::nullopt;
  name.owner = owner;
  if (directory) return parts.size() == 2 && !layer ? std::optional(name) : std::nullopt;
  if (layer) {
    name.kind = MemberKind::file;
    name.file = Descriptor().upper_file;  // what it will be
    const std::string_view suffix = parts[1].substr(owner.size());
    return parts.size() == 2 && (suffix == ".raw" || suffix == ".qcow2") ? std::optional(name) : std::nullopt;
  }
  if (parts.size() != 3) return std::nullopt;
  name.file = parts[2];
  name.kind = name.file == kMemberLabels ? MemberKind::labels : MemberKind::descriptor;
  const bool known = name.kind == MemberKind::labels || name.file == file_name(Form::member);
  return known ? std::optional(name) : std::nullopt;
}

}  // namespace

Error bad_member(std::string_view member, std::string_view why) {
  const std::string shown = archive::printable(member);
  return Error(Status::snapshot_archive, "\"" + shown + "\" " + std::string(why)).with("member", shown);
}

bool is_prefix(std::string_view name) {
  static constexpr auto kOthers =
      std::to_array<std::string_view>({kInventoryName, "snapshots", "files", "images", "cache"});
  return std::find(kOthers.begin(), kOthers.end(), name) == kOthers.end() && check_name(name);
}

std::string digest_prefix(const Digest& digest) { return "sha256-" + std::string(digest.hex().substr(0, 16)); }

Result<MemberName> parse_member(std::string_view path, bool directory) {
  std::string_view rest = path;
  if (directory && rest.ends_with('/')) rest.remove_suffix(1);
  if (!is_utf8(rest) || rest.find('\0') != std::string_view::npos) return bad_member(path, "is not UTF-8");
  const std::vector<std::string_view> parts = split(rest);
  std::optional<MemberName> name;
  if (is_of_groups(parts, directory)) {
    name = parse_groups(parts, directory);
  } else if (parts[0] == kInventoryName) {
    if (parts.size() == 1 && !directory) name = MemberName{MemberKind::inventory, Layout::current, {}, {}};
  } else if (parts[0] == "snapshots" || parts[0] == "files") {
    name = parse_current(parts, directory);
  } else if (parts[0] == "images" || parts[0] == "cache") {
    name = parse_image(parts, parts[0] == "images" ? Layout::current : Layout::legacy, directory);
  } else {
    name = parse_legacy(parts, directory);
  }
  if (!name) return bad_member(path, "is not among what a snapshot archive may have");
  return *std::move(name);
}

std::string descriptor_member(Layout layout, std::string_view owner) {
  const bool legacy = layout == Layout::legacy;
  return (legacy ? "" : "snapshots/") + std::string(owner) + "/" +
         std::string(file_name(legacy ? Form::manifest : Form::snapshot));
}

std::string file_member(Layout layout, std::string_view owner, std::string_view file) {
  return (layout == Layout::legacy ? "" : "files/") + std::string(owner) + "/" + std::string(file);
}

std::string image_member(Layout layout, MemberKind kind, std::string_view name) {
  const auto* const place = std::find_if(kImageFolders.begin(), kImageFolders.end(),
                                         [kind](const ImageFolder& folder) { return folder.kind == kind; });
  return std::string(layout == Layout::legacy ? "cache/" : "images/") + std::string(place->folder) + "/" +
         std::string(name) + std::string(place->suffix);
}

}  // namespace msb::snapshot
