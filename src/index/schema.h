#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "index/editions.h"
#include "index/sqlite.h"

namespace msb::index {

/// What a database's tables look like, from its migration history and its columns. A value: it describes the moment.
class Schema {
 public:
  static Result<Schema> read(Connection& connection);
  /// Makes the tables of a creatable edition, with its migration rows, in the open transaction.
  static Done create(Connection& connection, const Edition& edition);

  Generation generation() const { return generation_; }
  /// Nothing in the middle of an upgrade, and of what we do not know.
  std::optional<Edition> edition() const;
  /// True of 0.6.7 and 0.6.8, which open no `snapshot.json` but one with a digest of the disk by the sparse algorithm.
  bool needs_sparse_digests() const;
  /// True when the tables are those of a release whose rows we know how to write.
  bool writable() const;
  /// The release, for messages: `microsandbox 0.6.14 (23 migrations)`.
  std::string describe() const;
  /// Rows in the history.
  size_t migrations() const { return migrations_; }
  /// The migration that was applied last: one that we do not know, if there is any. Empty without a history.
  const std::string& last_migration() const { return last_migration_; }
  /// Why nothing is written to the database at `path`; names both versions. Only when not writable().
  Error refusal(std::string_view path) const;
  /// True when the table is there and has the column: later releases add some, earlier ones lack them.
  bool has(std::string_view table, std::string_view column) const;

 private:
  Done read_history(Connection& connection);

  Generation generation_ = Generation::none;
  size_t migrations_ = 0;
  bool strange_ = false;  // one of them is unknown
  std::string last_migration_;
  std::set<std::pair<std::string, std::string>, std::less<>> columns_;
};

}  // namespace msb::index
