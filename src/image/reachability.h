#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/call.h"
#include "image/context.h"
#include "image/inventory.h"
#include "image/item.h"
#include "index/images.h"

namespace msb::image {

// Who needs what in the cache: the one answer that remove, prune, garbage collection, disk usage and check are views
// of.
//
// Roots are references, sandboxes (their root file system's row, and the manifest that a stored configuration pins),
// snapshots (indexed ones, and artifacts on disk whether indexed or not) and leases of work in flight. They hold
// images; images need layers with their recipes, fsmeta, VMDK, the document, kept blobs and flat files. What a root
// needs is known even where the index has forgotten the image: from its document, else from its VMDK.

inline constexpr uint32_t kNobody = UINT32_MAX;

struct Reference {
  index::ImageRow row;
  std::string normalized;    ///< empty when the stored text is no reference
  std::string key;           ///< of its document
  uint32_t image = kNobody;  ///< none when the row of its manifest is missing
};

/// One manifest, however it is known.
struct Image {
  std::string digest;
  std::string name;                   ///< its safe name, in file names
  int64_t row = 0;                    ///< id in the index; 0 when only files or users know it
  std::vector<std::string> diff_ids;  ///< bottom first, repeats included; as far as known
  std::vector<uint32_t> references;   ///< that name it, in the index or by their document
  std::vector<std::string>
      holders;  ///< who keeps it but for references: `sandbox web`, `snapshot base`, `work in flight`
};

/// A thing in the cache: a row, a file, or both. A layer counts with its recipe.
struct Item {
  ItemKind kind = ItemKind::temporary;
  std::string name;  ///< reference, digest or file name
  std::vector<CacheFile> files;
  FileSize size;               ///< of all files
  bool indexed = false;        ///< the index knows it or an image that uses it, so that it is nobody's work in progress
  bool leased = false;         ///< named by work in flight, or held by it
  uint32_t subject = kNobody;  ///< the reference or image it is, for those kinds
  int64_t row = 0;             ///< id of a layer
  std::vector<uint32_t> images;  ///< that use it; the one it says, for a document

  std::string path() const { return files.empty() ? std::string() : files.front().path; }
};

struct Reachability {
  std::vector<Reference> references;
  std::vector<Image> images;
  std::vector<Item> items;  ///< sorted by kind, then name
  /// Who may need any image, as what they say cannot be read: `snapshot base`. While there is one, no image is given
  /// up.
  std::vector<std::string> doubts;
  int64_t last_reference = 0;  ///< highest id of a reference at the time
  UnixNanos at = 0;            ///< when it was looked at

  /// Position of the reference with that text, else of one that means the same; kNobody when there is none.
  uint32_t find_reference(const std::string& text, const std::string& normalized) const;
  /// Everyone who keeps the item, sorted.
  std::vector<std::string> pins(const Item& item) const;
};

/// Looks at everything. Reads leases first, rows after artifacts, and files last: what came into being meanwhile is
/// either seen or young.
Result<Reachability> survey(const Context& context, const Call& call);

/// Files that belong to nobody are left alone until they are this old.
inline constexpr UnixNanos kYoung = UnixNanos{3600} * 1'000'000'000;

struct Verdict {
  bool remove = false;
  bool orphan = false;  ///< to be removed because of its age
  std::string reason;
};

/// What would go if the references that are not spared went.
struct Selection {
  std::vector<std::string> spared;  ///< why, for each reference; empty for one that may go
  uint32_t dropped = kNobody;       ///< a reference that goes in any case
  bool unnamed_images = true;       ///< images without a reference go too
};

/// One verdict for each item.
std::vector<Verdict> judge(const Reachability& reachability, const Selection& selection);

}  // namespace msb::image
