#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "index/sqlite.h"

namespace msb::index {

/// Which releases of microsandbox own a database, by what they make of snapshots (formats/snapshots.md §1).
enum class Generation {
  none,        ///< no tables: nobody has used it yet
  manifest,    ///< up to 0.6.6: artifacts are described by `manifest.json`
  descriptor,  ///< 0.6.7 to 0.6.18: by `snapshot.json`
  groups,      ///< 0.7: artifacts in groups; we read its tables, and write none
  unknown,     ///< a migration that we do not know, or tables without a history
};

/// What a database's tables look like, from its migration history and its columns. A value: it describes the moment.
class Schema {
 public:
  static Result<Schema> read(Connection& connection);
  /// Makes the tables of microsandbox 0.6.3, with its migration rows, in the open transaction.
  static Done create(Connection& connection);

  Generation generation() const { return generation_; }
  /// True of 0.6.7 and 0.6.8, which open no `snapshot.json` but one with a digest of the disk by the sparse algorithm.
  bool needs_sparse_digests() const;
  /// True when the tables are those of a release whose rows we know how to write.
  bool writable() const;
  /// The release, for messages: `microsandbox 0.6.14 (23 migrations)`.
  std::string describe() const;
  /// Why nothing is written to the database at `path`; names both versions. Only when not writable().
  Error refusal(std::string_view path) const;
  /// True when the table is there and has the column: later releases add some, earlier ones lack them.
  bool has(std::string_view table, std::string_view column) const;

 private:
  Generation generation_ = Generation::none;
  size_t migrations_ = 0;  // rows in the history
  std::string stranger_;   // a migration that we do not know
  std::set<std::pair<std::string, std::string>, std::less<>> columns_;
};

}  // namespace msb::index
