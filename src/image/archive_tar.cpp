#include "image/archive_tar.h"

#include <optional>

#include "archive/layer_tree.h"
#include "archive/tar_reader.h"

namespace msb::image {
namespace {

constexpr int kMaxLinks = 8;

/// Limits for the archive around an image. It has few members; their sizes are checked against documents later, and
/// their bytes are in a file already, or come to one.
archive::TarLimits archive_limits() {
  archive::TarLimits limits;
  limits.max_entries = 200'000;
  limits.max_text = uint64_t{16} << 20;
  limits.max_file = archive::widest_layer_limits().max_file;
  limits.max_data = UINT64_MAX / 2;
  return limits;
}

/// `path` seen from directory `from`, without `.`, `..` and empty components; nothing when it leads out of the root.
std::optional<std::string> resolve(std::string_view from, std::string_view path) {
  std::string resolved = path.starts_with('/') ? std::string() : std::string(from);
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    const std::string_view component = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (component.empty() || component == ".") continue;
    if (component == "..") {
      if (resolved.empty()) return std::nullopt;
      const size_t slash = resolved.rfind('/');
      resolved.resize(slash == std::string::npos ? 0 : slash);
      continue;
    }
    if (!resolved.empty()) resolved.push_back('/');
    resolved.append(component);
  }
  return resolved;
}

std::string_view directory_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

}  // namespace

Result<std::unique_ptr<ArchiveFiles>> TarFiles::index(std::shared_ptr<const os::File> file, uint64_t offset,
                                                      ByteSource& source, const Call& call) {
  std::unique_ptr<TarFiles> files(new TarFiles(std::move(file)));
  const archive::TarLimits limits = archive_limits();
  archive::TarReader reader(source, nullptr, call, limits);
  archive::TarEntry entry;
  while (true) {
    MSB_TRY(const bool more, reader.next(entry));
    if (!more) break;
    auto normalised = archive::normalise_path(entry.path, limits);
    if (!normalised) {
      const std::string shown = archive::printable(entry.path);
      return std::move(normalised).error().in(shown).with("member", shown);
    }
    const std::string& path = *normalised;
    Place place;
    switch (entry.type) {
      case archive::TarType::regular:
        place.offset = offset + reader.offset();
        place.size = entry.size;
        place.usable = !entry.sparse;
        break;
      case archive::TarType::hard_link:
      case archive::TarType::symlink: {
        const bool symbolic = entry.type == archive::TarType::symlink;
        auto target = resolve(symbolic ? directory_of(path) : "", entry.link);
        // The tar of a root file system is full of them; nothing of an image is behind one.
        place.escapes = !target || entry.link.starts_with('/');
        if (!place.escapes) place.link = std::move(*target);
        place.usable = !place.link.empty();
        break;
      }
      default:
        place.usable = false;
    }
    files->places_.insert_or_assign(path, std::move(place));
  }
  MSB_CHECK(reader.finish());
  return std::unique_ptr<ArchiveFiles>(std::move(files));
}

Result<bool> TarFiles::contains(const std::string& path) const { return places_.count(path) != 0; }

Result<ArchiveFile> TarFiles::find(const std::string& path) const {
  const std::string* at = &path;
  for (int links = 0; links <= kMaxLinks; ++links) {
    const auto found = places_.find(*at);
    if (found == places_.end()) return invalid_member(path, "is not in the archive");
    const Place& place = found->second;
    if (place.escapes) return invalid_member(path, "links out of the archive");
    if (!place.usable) return invalid_member(path, "is no file");
    if (place.link.empty()) return ArchiveFile(path, file_, place.offset, place.size);
    at = &place.link;
  }
  return invalid_member(path, "is a link that leads in circles");
}

}  // namespace msb::image
