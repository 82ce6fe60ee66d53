#include "sandbox/directory.h"

#include <cerrno>
#include <charconv>
#include <utility>

#include "base/found.h"
#include "digest/digest.h"
#include "json/node.h"
#include "json/parse.h"
#include "json/write.h"
#include "os/publish.h"

namespace msb::sandbox {
namespace {

constexpr size_t kMaxOrigin = 4096;
constexpr size_t kMaxMark = 64;
constexpr char kArtifact[] = "sandbox-origin";

}  // namespace

std::string origin_document(const std::string& snapshot) {
  return json::write(json::Object{{"schema", 1}, {"artifact", kArtifact}, {"snapshot", snapshot}}) + "\n";
}

Result<std::string> parse_origin(std::string_view text) {
  MSB_TRY(const json::Value document, json::parse(text));
  const json::Node root(document);
  MSB_CHECK(root.only({"schema", "artifact", "snapshot"}));
  MSB_TRY(const json::Node schema, root.member("schema"));
  MSB_TRY(const uint64_t version, schema.u64());
  MSB_TRY(const json::Node artifact, root.member("artifact"));
  MSB_TRY(const std::string_view kind, artifact.string());
  if (version != 1 || kind != kArtifact) return root.fault("is not of this library");
  MSB_TRY(const json::Node snapshot, root.member("snapshot"));
  MSB_TRY(const std::string_view digest, snapshot.string());
  const auto parsed = Digest::parse(digest);
  if (!parsed || !parsed->is_sha256()) return snapshot.fault("is not the digest of a snapshot");
  return std::string(digest);
}

Result<std::optional<std::string>> read_origin(const image::Context& context, const std::string& directory) {
  const std::string path = os::join_path(directory, kOrigin);
  auto read = os::read_small(context.fs, AT_FDCWD, path, kMaxOrigin);
  if (!read && is_unfit(read.error())) {
    context.log.warn("sandbox", path + " is ignored: " + read.error().message());
    return std::optional<std::string>();
  }
  MSB_TRY(const auto text, if_there(std::move(read)));
  if (!text) return std::optional<std::string>();
  auto digest = parse_origin(*text);
  if (digest) return std::optional(std::move(*digest));
  context.log.warn("sandbox", path + " is ignored: " + digest.error().message());
  return std::optional<std::string>();
}

Done mark_unrecorded(const image::Context& context, const std::string& directory) {
  auto dir = os::open_dir(context.fs, AT_FDCWD, directory, O_NOFOLLOW);
  if (!dir && dir.error().os_code() == ENOENT) return {};
  if (!dir) return std::move(dir).error();
  const int flags = O_WRONLY | O_CREAT | O_NOFOLLOW;
  MSB_TRY(const os::File mark, os::File::open(context.fs, AT_FDCWD, os::join_path(directory, kUnrecorded), flags));
  return dir->sync();
}

std::string mark_text(const Mark& mark) {
  return mark.replaces ? "replaces " + std::to_string(*mark.replaces) + "\n" : std::string();
}

Result<std::optional<Mark>> read_mark(const image::Context& context, const std::string& directory) {
  constexpr std::string_view kReplaces = "replaces ";
  auto text = os::read_small(context.fs, AT_FDCWD, os::join_path(directory, kUnrecorded), kMaxMark);
  if (!text) {
    const int code = text.error().os_code();
    if (code == ENOENT || code == ENOTDIR) return std::optional<Mark>();
    return std::move(text).error();
  }
  Mark mark;
  if (text->starts_with(kReplaces) && text->ends_with('\n')) {
    const std::string_view number =
        std::string_view(*text).substr(kReplaces.size(), text->size() - kReplaces.size() - 1);
    int64_t id = 0;
    const auto [end, failure] = std::from_chars(number.data(), number.data() + number.size(), id);
    if (failure == std::errc() && end == number.data() + number.size()) mark.replaces = id;
  }
  return std::optional(mark);
}

Done unmark(const image::Context& context, const std::string& directory) {
  const std::string path = os::join_path(directory, kUnrecorded);
  const int result = context.fs.unlink(AT_FDCWD, path.c_str(), 0);
  if (result < 0 && result != -ENOENT) return Error::io("remove", path, -result);
  return {};
}

Done discard_directory(const image::Context& context, const std::string& name) {
  auto retired = os::retire(context.fs, context.sandboxes_dir, name);
  if (!retired && retired.error().os_code() == ENOENT) return {};
  if (!retired) return std::move(retired).error();
  const Done removed = retired->remove(Call());
  if (!removed) context.log.warn("sandbox", "left for recovery: " + removed.error().message());
  return {};
}

}  // namespace msb::sandbox
