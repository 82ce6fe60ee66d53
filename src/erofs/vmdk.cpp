#include "erofs/vmdk.h"

#include <algorithm>
#include <optional>

#include "base/bytes.h"
#include "base/number.h"

namespace msb::erofs {
namespace {

constexpr size_t kMaxText = size_t{2} << 20;  // what microsandbox reads
constexpr uint64_t kSectorsPerCylinder = 16 * 63;
constexpr std::string_view kHead =
    "# Disk DescriptorFile\n"
    "version=1\n"
    "CID=fffffffe\n"
    "parentCID=ffffffff\n"
    "createType=\"twoGbMaxExtentFlat\"\n"
    "\n"
    "# Extent description\n";

bool is_plain(std::string_view path) {
  return !path.empty() &&
         std::ranges::none_of(path, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '"'; });
}

Error invalid(size_t line, std::string_view what) {
  return Error(Status::image_invalid, "VMDK descriptor, line " + std::to_string(line) + ": " + std::string(what));
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

/// Takes the text up to the first space, and the space.
std::string_view take_word(std::string_view& text) {
  const size_t space = text.find(' ');
  const std::string_view word = text.substr(0, space);
  text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
  return word;
}

struct ExtentLine {
  Extent extent;
  uint64_t offset = 0;  // in sectors
};

/// `RW <sectors> FLAT "<path>" <offset>`; nothing when the line is malformed.
std::optional<ExtentLine> parse_extent(std::string_view line) {
  ExtentLine result;
  const std::string_view access = take_word(line);
  if (access != "RW" && access != "RDONLY") return std::nullopt;
  const auto sectors = parse_number<uint64_t>(take_word(line));
  if (!sectors || *sectors == 0 || take_word(line) != "FLAT") return std::nullopt;
  if (!line.starts_with('"')) return std::nullopt;
  const size_t end = line.find('"', 1);
  if (end == std::string_view::npos || !is_plain(line.substr(1, end - 1))) return std::nullopt;
  result.extent = {std::string(line.substr(1, end - 1)), *sectors};
  const std::string_view rest = trim(line.substr(end + 1));
  const auto offset = rest.empty() ? 0 : parse_number<uint64_t>(rest);
  if (!offset) return std::nullopt;
  result.offset = *offset;
  return result;
}

/// A `key=value` line of the head or of the disk data base.
bool is_known_setting(std::string_view line) {
  const size_t equals = line.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view key = trim(line.substr(0, equals));
  const std::string_view value = trim(line.substr(equals + 1));
  if (key == "version") return value == "1" || value == "2" || value == "3";
  if (key == "parentCID") return value == "ffffffff";  // a child disk would need its parent
  if (key == "createType") return value == "\"twoGbMaxExtentFlat\"" || value == "\"monolithicFlat\"";
  return key == "CID" || key.starts_with("ddb.");
}

}  // namespace

Result<std::string> format_vmdk(std::span<const Extent> extents) {
  std::string text(kHead);
  uint64_t total = 0;
  for (const Extent& extent : extents) {
    if (!is_plain(extent.path)) {
      return Error(Status::invalid_argument, "path cannot be in a VMDK descriptor: " + extent.path);
    }
    text += "RW " + std::to_string(extent.sectors) + " FLAT \"" + extent.path + "\" 0\n";
    total += extent.sectors;
  }
  text += "\n# The Disk Data Base\n#DDB\nddb.virtualHWVersion = \"4\"\nddb.geometry.cylinders = \"";
  text += std::to_string(ceil_div(total, kSectorsPerCylinder));
  text += "\"\nddb.geometry.heads = \"16\"\nddb.geometry.sectors = \"63\"\nddb.adapterType = \"ide\"\n";
  return text;
}

Result<std::vector<Extent>> parse_vmdk(std::string_view text) {
  if (text.size() > kMaxText) return Error(Status::image_invalid, "VMDK descriptor: larger than 2 MiB");
  std::vector<Extent> extents;
  uint64_t total = 0;
  for (size_t line_number = 1; !text.empty(); ++line_number) {
    const size_t end = text.find('\n');
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line.front() == '#' || is_known_setting(line)) continue;
    const auto parsed = parse_extent(line);
    if (!parsed) return invalid(line_number, "neither an extent of a flat file nor a setting known here");
    const auto sum = checked_add(total, parsed->extent.sectors);
    if (!sum || *sum > UINT64_MAX / 512) return invalid(line_number, "disk is too large");
    total = *sum;
    if (parsed->offset == 0) {
      extents.push_back(parsed->extent);
    } else if (!extents.empty() && extents.back().path == parsed->extent.path &&
               extents.back().sectors == parsed->offset) {
      extents.back().sectors += parsed->extent.sectors;
    } else {
      return invalid(line_number, "extent does not begin where its file does");
    }
  }
  if (extents.empty()) return Error(Status::image_invalid, "VMDK descriptor: has no extents");
  return extents;
}

}  // namespace msb::erofs
