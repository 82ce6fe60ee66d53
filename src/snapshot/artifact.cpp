#include "snapshot/artifact.h"

#include <cerrno>

#include <sys/stat.h>

#include "json/parse.h"
#include "os/lock.h"
#include "os/publish.h"
#include "os/sparse.h"
#include "snapshot/group.h"

namespace msb::snapshot {
namespace {

Error not_found(const std::string& path, const std::string& why) {
  return Error(Status::snapshot_not_found, path + why).with("path", path);
}

Error damaged(const std::string& path, const std::string& what) {
  return Error(Status::snapshot_integrity, what + ": " + path).with("path", path);
}

/// What `name` in `dir` is, itself and not what it links to; nothing when there is no such name.
Result<std::optional<struct stat>> look_at(const os::File& dir, const std::string& name) {
  struct stat st {};
  const int result = dir.fs().fstatat(dir.fd(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW);
  if (result == -ENOENT || result == -ENAMETOOLONG) return std::optional<struct stat>();
  if (result < 0) return Error::io("stat", os::join_path(dir.path(), name), -result);
  return std::optional(st);
}

Result<os::File> open_directory(os::Fs& fs, const std::string& path) {
  auto dir = os::open_dir(fs, path);
  if (dir) return dir;
  switch (dir.error().os_code()) {
    case ENOENT:
    case ENAMETOOLONG:
      return not_found(path, "");
    case ENOTDIR:
      return not_found(path, " is not a directory (an archive has to be imported first)");
    default:
      return dir;
  }
}

bool has_schema_of_groups(std::string_view text) {
  json::ParseOptions options;
  options.max_bytes = kMaxDescriptor;
  const auto document = json::parse(text, options);
  if (!document) return false;
  const json::Value* schema = document->find("schema");
  return schema != nullptr && schema->string() != nullptr && schema->string()->starts_with("microsandbox.snapshot/");
}

/// A failure that lies in a file of an artifact.
Error fault_in(const os::File& dir, std::string_view name, Error error) {
  return std::move(error).in(dir.path()).with("path", os::join_path(dir.path(), name));
}

/// Nothing when the directory has no descriptor of that form.
Result<std::optional<Descriptor>> read_form(const os::File& dir, Form form) {
  MSB_TRY(const auto text, read_member(dir, file_name(form), kMaxDescriptor));
  if (!text) return std::optional<Descriptor>();
  auto descriptor = parse_descriptor(*text, form);
  if (!descriptor && has_schema_of_groups(*text)) descriptor = parse_descriptor(*text, Form::member);
  if (!descriptor) return fault_in(dir, file_name(form), std::move(descriptor).error());
  return std::optional(*std::move(descriptor));
}

/// The first descriptor that is there.
Result<Descriptor> read_any(const os::File& dir) {
  for (const Form form : {Form::snapshot, Form::manifest}) {
    MSB_TRY(auto descriptor, read_form(dir, form));
    if (descriptor) return *std::move(descriptor);
  }
  MSB_TRY(const auto group, look_at(dir, kGroupHead));
  if (group) {
    return Error(Status::unsupported, dir.path() + " is a group of snapshots of microsandbox 0.7; name one of them")
        .with("path", dir.path());
  }
  return not_found(dir.path(), " has neither a snapshot.json nor a manifest.json");
}

/// What a file beside the descriptor says; nothing when there is none.
template <typename T>
Result<std::optional<T>> read_beside(const os::File& dir, std::string_view name, Result<T> (*parse)(std::string_view)) {
  MSB_TRY(const auto text, read_member(dir, name, kMaxDescriptor));
  if (!text) return std::optional<T>();
  auto parsed = parse(*text);
  if (!parsed) return fault_in(dir, name, std::move(parsed).error().in(name));
  return std::optional(*std::move(parsed));
}

/// What else is told of a member of a group, and where its layer is.
Done complete_member(const os::File& dir, Descriptor& descriptor) {
  MSB_TRY(auto labels, read_beside(dir, kMemberLabels, parse_member_labels));
  if (labels) descriptor.labels = *std::move(labels);
  MSB_TRY(descriptor.membership->name, read_beside(dir, kMemberName, parse_member_name));
  // What 0.7 has converted keeps its disk where it was.
  MSB_TRY(const auto layers, look_at(dir, "layers"));
  if (!layers && !is_layered(descriptor)) {
    descriptor.upper_file = Descriptor().upper_file;
  } else if (!layers) {
    return damaged(os::join_path(dir.path(), "layers"), "the layers are missing");
  } else if (!S_ISDIR(layers->st_mode)) {
    return damaged(os::join_path(dir.path(), "layers"), "not a directory");
  }
  return {};
}

/// A disk, or a layer of one.
Result<struct stat> look_at_disk(const os::File& dir, const std::string& file) {
  const std::string path = os::join_path(dir.path(), file);
  MSB_TRY(const auto st, look_at(dir, file));
  if (!st) return damaged(path, "the disk is missing");
  if (!S_ISREG(st->st_mode)) return damaged(path, "the disk is not a regular file");
  return *st;
}

Done check_size(const os::File& dir, const std::string& file, const struct stat& st, uint64_t size) {
  if (static_cast<uint64_t>(st.st_size) == size) return {};
  const std::string expected = std::to_string(size);
  const std::string actual = std::to_string(st.st_size);
  return damaged(os::join_path(dir.path(), file), "the disk has " + actual + " bytes, not " + expected)
      .with("expected", expected)
      .with("actual", actual);
}

/// The bytes that the disk takes, in all its layers.
Result<uint64_t> check_disks(const os::File& dir, const Descriptor& descriptor) {
  if (!is_layered(descriptor)) {
    MSB_TRY(const struct stat st, look_at_disk(dir, descriptor.upper_file));
    MSB_CHECK(check_size(dir, descriptor.upper_file, st, descriptor.upper_size));
    return os::allocated_bytes(st);
  }
  uint64_t allocated = 0;
  for (const Layer& layer : descriptor.membership->layers) {
    const std::string file = layer_file(layer);
    MSB_TRY(const struct stat st, look_at_disk(dir, file));
    if (layer.format == "raw") MSB_CHECK(check_size(dir, file, st, descriptor.upper_size));
    allocated += os::allocated_bytes(st);
  }
  return allocated;
}

/// Everything is looked at below one open directory: a forced create may exchange it for another meanwhile.
Result<Artifact> read_artifact(const os::File& dir, const std::string& path) {
  Artifact artifact;
  artifact.path = path;
  MSB_TRY(artifact.descriptor, read_any(dir));
  if (artifact.descriptor.membership) MSB_CHECK(complete_member(dir, artifact.descriptor));
  if (!artifact.descriptor.checkpoint) {
    MSB_TRY(artifact.allocated_bytes, check_disks(dir, artifact.descriptor));
  }
  artifact.digest = identity(artifact.descriptor);
  return artifact;
}

}  // namespace

std::string Artifact::name() const {
  const auto& membership = descriptor.membership;
  return membership && membership->name ? *membership->name : os::base_name(path);
}

Result<Descriptor> read_descriptor(const os::File& dir) {
  MSB_TRY(Descriptor descriptor, read_any(dir));
  if (descriptor.membership) {
    return Error(Status::unsupported,
                 dir.path() + " is a snapshot of microsandbox 0.7; use that release to remove or replace it")
        .with("path", dir.path());
  }
  return descriptor;
}

Result<std::optional<std::string>> read_member(const os::File& dir, std::string_view name, size_t limit) {
  const std::string path = os::join_path(dir.path(), name);
  MSB_TRY(const auto st, look_at(dir, std::string(name)));
  if (!st) return std::optional<std::string>();
  if (!S_ISREG(st->st_mode)) return damaged(path, "not a regular file");
  if (static_cast<uint64_t>(st->st_size) > limit) {
    return damaged(path, "larger than " + std::to_string(limit) + " bytes");
  }
  auto text = os::read_small(dir.fs(), dir.fd(), std::string(name), limit);
  if (!text) return std::move(text).error().in(dir.path()).with("path", path);
  return std::optional(*std::move(text));
}

Result<Artifact> open_artifact(os::Fs& fs, const std::string& path) {
  constexpr int kAttempts = 8;
  MSB_TRY(std::string absolute, os::absolute_path(path));
  while (absolute.size() > 1 && absolute.back() == '/') absolute.pop_back();
  for (int attempt = 1;; ++attempt) {
    MSB_TRY(const os::File dir, open_directory(fs, absolute));
    auto artifact = read_artifact(dir, absolute);
    if (artifact || attempt == kAttempts) return artifact;
    // Something is missing from a snapshot that was removed or replaced in this moment: then look at what is there now.
    const auto same = os::names_same_file(dir, AT_FDCWD, absolute + "/.");
    if (same && !*same) continue;
    const auto retired = os::is_retired(dir);
    if (retired && *retired) return not_found(absolute, " is being removed");
    return artifact;
  }
}

}  // namespace msb::snapshot
