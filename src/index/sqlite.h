#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>

#include "base/call.h"
#include "os/fork.h"

struct sqlite3;
struct sqlite3_stmt;

namespace msb::index {

class Connection;

/// Value of a placeholder. Text is borrowed until the call that takes the parameter has returned.
class Param {
 public:
  Param(std::nullptr_t) {}                                           // NOLINT(google-explicit-constructor)
  Param(std::string_view text) : value_(text) {}                     // NOLINT(google-explicit-constructor)
  Param(const std::string& text) : Param(std::string_view(text)) {}  // NOLINT(google-explicit-constructor)
  Param(const char* text) : Param(std::string_view(text)) {}         // NOLINT(google-explicit-constructor)
  template <std::integral T>
  Param(T number) : value_(saturate(number)) {}  // NOLINT(google-explicit-constructor)
  template <typename T>
  Param(const std::optional<T>& value) {  // NOLINT(google-explicit-constructor)
    if (value) value_ = Param(*value).value_;
  }

 private:
  friend class Connection;

  /// SQLite's integers are signed; a larger size is stored as the largest one.
  template <std::integral T>
  static int64_t saturate(T number) {
    constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
    return std::cmp_greater(number, kMax) ? kMax : static_cast<int64_t>(number);
  }

  std::variant<std::nullptr_t, int64_t, std::string_view> value_ = nullptr;
};

/// A running statement. Going out of scope ends it and gives it back to its connection, so that none stays open.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  /// Moves to the next row; false at the end.
  Result<bool> step();

  // Columns of the row, from 0. Other types are converted as SQLite does; NULL reads as "" and 0.
  std::string text(int column) const;
  int64_t integer(int column) const;
  std::optional<std::string> maybe_text(int column) const;
  std::optional<int64_t> maybe_integer(int column) const;

 private:
  friend class Connection;
  Statement(Connection& connection, sqlite3_stmt* handle) : connection_(&connection), handle_(handle) {}

  Connection* connection_;
  sqlite3_stmt* handle_;
};

/// One SQLite connection with its prepared statements. For one thread at a time, which is in an os::Section whenever it
/// uses it. In a child made by fork() nothing can be done with one of the parent's but to destroy it, which leaves all
/// of it as it is: closing it would take the parent's log away. Opening another one of the same file is fine there.
///
/// Failures: `busy` when another process kept its lock for too long, `cancelled` and `deadline_exceeded` from the call
/// attended to, `io` when the file cannot be read or written, else `database`. All name the file (fact `path`).
class Connection {
 public:
  enum class Access {
    read_write,  ///< created when missing; SQLite falls back to reading where it may not write
    read_only,
    traceless,  ///< read_only, and not even a -shm is changed or made: it has to be there where there is a WAL
    immutable,  ///< takes no locks and ignores a WAL: for files that nobody can be writing
    memory,     ///< a new database without a file; `path` is used in messages only
  };
  static Result<std::unique_ptr<Connection>> open(const std::string& path, Access access);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  /// From here on statements are interrupted when `call` stops, and locks of others are waited for until `busy_until`
  /// at most. Also forgets earlier conflicts.
  void attend(const Call& call, Call::Clock::time_point busy_until);
  /// Back to running without interruption, and failing at once on a lock.
  void attend_nobody();
  /// True when something failed since attend() because another process held a lock: trying again may help.
  bool conflicted() const { return conflicted_; }
  /// Counts a conflict that only the caller can see.
  void note_conflict() { conflicted_ = true; }

  /// Starts one statement.
  Result<Statement> query(std::string_view sql, std::initializer_list<Param> params = {});
  /// Runs one statement to its end.
  Done execute(std::string_view sql, std::initializer_list<Param> params = {});
  /// Makes the content of this database that of the other one, as it is at one moment.
  Done copy_from(Connection& other);
  /// Runs several statements separated by semicolons.
  Done script(const std::string& sql);

  /// Rows changed by the last INSERT, UPDATE or DELETE.
  int64_t changes() const;
  int64_t last_row_id() const;
  bool in_transaction() const;
  /// True when the file cannot be written through this connection.
  bool read_only() const;
  const std::string& path() const { return path_; }

 private:
  friend class Statement;
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  explicit Connection(std::string path) : path_(std::move(path)) {}
  static int on_busy(void* self, int count);
  static int on_progress(void* self);
  Result<sqlite3_stmt*> prepare(std::string_view sql);
  void give_back(sqlite3_stmt* handle);
  Error failure(int code);

  std::string path_;
  sqlite3* handle_ = nullptr;
  std::unordered_map<std::string, sqlite3_stmt*, TextHash, std::equal_to<>> idle_;
  const os::Birthplace birthplace_;
  const Call* call_ = nullptr;
  Call::Clock::time_point busy_until_{};
  bool conflicted_ = false;
};

}  // namespace msb::index
