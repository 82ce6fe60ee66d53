#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tree/tree.h"

namespace msb::archive {

/// What a tar may ask for. The figures are microsandbox's (formats/images.md §4) where it has one, else the kernel's,
/// else they bound our memory. Real layers exceed the first ones: see layer_limits().
struct TarLimits {
  uint64_t max_entries = 1'000'000;            ///< members, and directories that their paths imply
  uint64_t max_file = uint64_t{5} << 30;       ///< apparent size of one file
  uint64_t max_data = uint64_t{10} << 30;      ///< sum of the apparent sizes
  bool optional = false;                       ///< options raise the three above; who is refused is told which
  uint64_t max_runs = 1'000'000;               ///< stored runs of all sparse files
  uint64_t max_text = uint64_t{128} << 20;     ///< names, link targets and extended attributes together
  uint64_t max_extension = uint64_t{1} << 20;  ///< one PAX header or long name; Go's reader has the same limit
  size_t max_path = 4096;                      ///< bytes, normalised
  size_t max_depth = 128;                      ///< components
  size_t max_component = 255;                  ///< the kernel shows no longer ones
  size_t max_target = 4096;                    ///< of a symlink; symlink(2) makes 4095, EROFS shows 4096
  size_t max_xattr_name = 255;                 ///< XATTR_NAME_MAX
  size_t max_xattr_value = size_t{64} << 10;   ///< XATTR_SIZE_MAX
};

enum class TarType : uint8_t { regular, hard_link, symlink, character, block, directory, fifo, socket, other };

/// One member, with its PAX and GNU extensions applied.
struct TarEntry {
  TarType type = TarType::other;
  std::string path;  ///< as the archive has it; not NUL-terminated inside, otherwise any bytes
  std::string link;  ///< target of a hard link or symlink
  uint16_t mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  int64_t mtime = 0;  ///< with mtime_nsec: from PAX where given
  uint32_t mtime_nsec = 0;
  int64_t header_mtime = 0;  ///< of the plain header; 0 where that is negative or unreadable
  uint32_t rdev_major = 0;
  uint32_t rdev_minor = 0;
  uint64_t size = 0;    ///< apparent size of a file; of other members what their body has
  uint64_t stored = 0;  ///< bytes of content in the archive
  bool sparse = false;
  std::vector<tree::Run> runs;      ///< of a sparse file, in order; `stored` counts from the first byte of content
  std::vector<uint64_t> map;        ///< of a sparse file as the archive lists it: offset, length, offset, …
  std::vector<tree::Xattr> xattrs;  ///< sorted by name
};

/// Options that raise limits, as every interface spells them but for its own way with words.
inline constexpr std::string_view kMaxFileBytes = "max_file_bytes";
inline constexpr std::string_view kMaxLayerBytes = "max_layer_bytes";
inline constexpr std::string_view kMaxLayerEntries = "max_layer_entries";

/// What layers may ask for: far more than they do, unless told. Zero is the default; none can be more than what layer
/// files hold.
TarLimits layer_limits(uint64_t max_file = 0, uint64_t max_data = 0, uint64_t max_entries = 0);
/// Of layers that were let in before, whatever the limits were then.
inline TarLimits widest_layer_limits() { return layer_limits(UINT64_MAX, UINT64_MAX, UINT64_MAX); }
/// Most bytes of the tar of a layer: of its files, and of headers and padding.
uint64_t max_tar_size(const TarLimits& limits);

/// A tar that must not be accepted: names the member in the message and as the fact `member`, both in printable form.
Error refuse_member(std::string_view member, std::string_view why);
/// The same where no member is known.
Error refuse_tar(std::string_view why);
/// The same because of a limit that `option` raises.
Error refuse_size(const std::string& why, const TarLimits& limits, std::string_view option);
/// Text that is safe on one line: other than printable ASCII and UTF-8 as `\xNN`, cut after 200 bytes.
std::string printable(std::string_view bytes);

}  // namespace msb::archive
