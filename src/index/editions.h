#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace msb::index {

/// Which releases of microsandbox own a database, by what they make of snapshots (formats/snapshots.md §1). Values are
/// those of MSB_GENERATION_… in the header.
enum class Generation : uint32_t {
  none,        ///< no tables: nobody has used it yet
  manifest,    ///< up to 0.6.6: artifacts are described by `manifest.json`
  descriptor,  ///< 0.6.7 to 0.6.18: by `snapshot.json`
  groups,      ///< 0.7: artifacts in groups; we read its tables, and write none
  unknown,     ///< a migration that we do not know, or tables without a history
};

/// A state of the tables that releases of microsandbox stop at. A release refuses a database that is ahead of its own
/// edition, and upgrades one that is behind.
struct Edition {
  size_t migrations = 0;   ///< how many it has applied
  std::string_view first;  ///< the first release that stops there
  std::string_view last;   ///< the last one

  Generation generation() const;
  /// True for those whose rows we know how to write.
  bool writable() const;
  /// True for those that new databases can be made of.
  bool creatable() const;
};

/// The migrations that we know, in the order in which releases apply them (formats/snapshots.md §5.3).
std::span<const std::string_view> migrations();
/// The editions that we know, oldest first.
std::span<const Edition> editions();
/// The edition that has applied just that many; nothing in the middle of an upgrade.
std::optional<Edition> edition_after(size_t migrations);
/// The edition of a release, `0.6.14`; nothing when we do not know the release.
std::optional<Edition> edition_of(std::string_view release);
/// That of microsandbox 0.6.3, of which new databases are unless somebody asks for another.
Edition default_edition();
/// The newest one that we write.
Edition newest_edition();

/// The statements that make the tables and indices of an edition, word for word as its releases leave them in
/// sqlite_master. Only of those that are creatable().
std::vector<std::string_view> tables_of(const Edition& edition);

}  // namespace msb::index
