#include "index/schema.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/time.h"

namespace msb::index {
namespace {

std::string describe_release(const Edition& edition) {
  return "microsandbox " + std::string(edition.last) + " (" + std::to_string(edition.migrations) + " migrations)";
}

}  // namespace

Result<Schema> Schema::read(Connection& connection) {
  Schema schema;
  MSB_TRY(Statement columns, connection.query("SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c "
                                              "WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'"));
  for (;;) {
    MSB_TRY(const bool row, columns.step());
    if (!row) break;
    schema.columns_.emplace(columns.text(0), columns.text(1));
  }
  if (schema.columns_.empty()) return schema;
  schema.generation_ = Generation::unknown;
  if (schema.has("seaql_migrations", "version")) MSB_CHECK(schema.read_history(connection));
  return schema;
}

Done Schema::read_history(Connection& connection) {
  // The set counts, not the order: ids with older dates were appended later.
  const auto known = index::migrations();
  std::vector<bool> applied(known.size());
  MSB_TRY(Statement history, connection.query("SELECT version FROM seaql_migrations ORDER BY version"));
  for (;;) {
    MSB_TRY(const bool row, history.step());
    if (!row) break;
    ++migrations_;
    std::string id = history.text(0);
    const auto found = std::ranges::find(known, id);
    if (found != known.end()) {
      applied[static_cast<size_t>(found - known.begin())] = true;
    } else {
      strange_ = true;
      last_migration_ = std::move(id);
    }
  }
  const auto last = std::find(applied.rbegin(), applied.rend(), true);
  if (!strange_ && last != applied.rend()) last_migration_ = known[static_cast<size_t>(applied.rend() - last) - 1];
  const auto prefix = static_cast<size_t>(std::find(applied.begin(), applied.end(), false) - applied.begin());
  if (prefix == 0 || prefix != migrations_ || strange_) return {};
  generation_ = Edition{prefix, {}, {}}.generation();
  return {};
}

Done Schema::create(Connection& connection, const Edition& edition) {
  for (const std::string_view sql : tables_of(edition)) MSB_CHECK(connection.execute(sql));
  constexpr int64_t kNanosPerSecond = 1'000'000'000;
  const int64_t now = now_ns() / kNanosPerSecond;
  for (const std::string_view id : index::migrations().first(edition.migrations)) {
    MSB_CHECK(connection.execute("INSERT INTO seaql_migrations (version, applied_at) VALUES (?, ?)", {id, now}));
  }
  return {};
}

std::optional<Edition> Schema::edition() const {
  if (generation_ == Generation::none || generation_ == Generation::unknown) return std::nullopt;
  return edition_after(migrations_);
}

bool Schema::writable() const {
  const auto found = edition();
  return found && found->writable();
}

std::string Schema::describe() const {
  if (generation_ == Generation::none) return "an empty database";
  if (generation_ == Generation::unknown) {
    if (strange_) return "a later microsandbox (migration " + last_migration_ + ")";
    return "an unknown program (no complete migration history)";
  }
  if (const auto found = edition()) return describe_release(*found);
  const auto next =
      std::ranges::find_if(editions(), [&](const Edition& edition) { return edition.migrations > migrations_; });
  return "an unfinished upgrade to microsandbox " + std::string(next->last) + " (" + std::to_string(migrations_) +
         " migrations)";
}

bool Schema::needs_sparse_digests() const {
  // The first migration of 0.6.9 makes that table.
  return generation_ == Generation::descriptor && !has("cpu_allocation", "id");
}

Error Schema::refusal(std::string_view path) const {
  std::string detail(path);
  detail += " has the schema of " + describe();
  const auto oldest = std::ranges::find_if(editions(), &Edition::writable);
  const std::string newest = describe_release(newest_edition());
  if (generation_ == Generation::manifest && migrations_ < oldest->migrations) {
    detail += "; this library writes from " + describe_release(*oldest) +
              " on: start a later microsandbox once to upgrade it";
  } else {
    detail += "; this library reads it, but writes only up to " + newest;
  }
  return Error(Status::database, detail).with("path", path).with("actual", describe()).with("expected", newest);
}

bool Schema::has(std::string_view table, std::string_view column) const {
  return columns_.contains(std::pair<std::string, std::string>(table, column));
}

}  // namespace msb::index
