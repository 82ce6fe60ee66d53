#include "image/artifacts.h"

#include <cerrno>
#include <optional>

#include "json/parse.h"
#include "os/dir.h"
#include "os/publish.h"

namespace msb::image {
namespace {

constexpr size_t kMaxDescriptor = size_t{4} << 20;
constexpr const char* kDescriptors[] = {"snapshot.json", "manifest.json"};

bool is_absent(const Error& error) { return error.os_code() == ENOENT || error.os_code() == ENOTDIR; }

/// `image.manifest_digest`, which all kinds of descriptors share; empty when it is not to be found.
std::string pinned_manifest(const std::string& descriptor) {
  const auto value = json::parse(descriptor);
  if (!value) return {};
  const json::Value* image = value->find("image");
  const json::Value* digest = image != nullptr ? image->find("manifest_digest") : nullptr;
  return digest != nullptr && digest->string() != nullptr ? *digest->string() : std::string();
}

/// The artifact in the directory `path`; nothing when there is no descriptor in it.
std::optional<Artifact> read_artifact(const Context& context, const std::string& name, const std::string& path) {
  for (const char* file : kDescriptors) {
    const auto text = os::read_small(context.fs, AT_FDCWD, os::join_path(path, file), kMaxDescriptor);
    if (!text && is_absent(text.error())) continue;
    Artifact artifact{name, path, text ? pinned_manifest(*text) : std::string()};
    if (artifact.manifest_digest.empty()) {
      context.log.warn("image", "snapshot " + name + " does not say which image it needs, so none is given up: " +
                                    (text ? "its " + std::string(file) + " is malformed" : text.error().message()));
    }
    return artifact;
  }
  return std::nullopt;
}

/// Subdirectories, and symlinks that may lead to one. Hidden names are work in progress or given up.
Result<std::vector<std::string>> subdirectories(const Context& context, const std::string& path) {
  std::vector<std::string> names;
  auto directory = os::open_dir(context.fs, path);
  if (!directory) {
    if (is_absent(directory.error())) return names;
    return std::move(directory).error();
  }
  MSB_TRY(const std::vector<os::DirEntry> entries, os::list_dir(*directory));
  for (const os::DirEntry& entry : entries) {
    if (entry.name.front() == '.' || (entry.type != DT_DIR && entry.type != DT_LNK)) continue;
    names.push_back(entry.name);
  }
  return names;
}

}  // namespace

Result<std::vector<Artifact>> find_artifacts(const Context& context, const Call& call) {
  std::vector<Artifact> artifacts;
  MSB_TRY(const std::vector<std::string> names, subdirectories(context, context.snapshots_dir));
  for (const std::string& name : names) {
    MSB_CHECK(call.check());
    const std::string path = os::join_path(context.snapshots_dir, name);
    if (auto artifact = read_artifact(context, name, path)) {
      artifacts.push_back(*std::move(artifact));
      continue;
    }
    // No artifact: perhaps a group of them, as 0.7 keeps them.
    MSB_TRY(const std::vector<std::string> members, subdirectories(context, path));
    for (const std::string& member : members) {
      MSB_CHECK(call.check());
      auto artifact = read_artifact(context, os::join_path(name, member), os::join_path(path, member));
      if (artifact) artifacts.push_back(*std::move(artifact));
    }
  }
  return artifacts;
}

}  // namespace msb::image
