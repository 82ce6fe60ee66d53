#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>

#include "base/call.h"
#include "index/schema.h"
#include "index/sqlite.h"
#include "os/fork.h"
#include "os/fs.h"
#include "os/lock.h"
#include "os/stamp.h"

namespace msb::index {

/// What runs inside one transaction of a Database: statements, and the schema as it is within it. The row functions of
/// this module (images.h, sandboxes.h, snapshots.h) take one, so that callers compose them into one atomic step.
class Transaction {
 public:
  Result<Statement> query(std::string_view sql, std::initializer_list<Param> params = {}) {
    return connection_->query(sql, params);
  }
  Done execute(std::string_view sql, std::initializer_list<Param> params = {}) {
    return connection_->execute(sql, params);
  }
  int64_t changes() const { return connection_->changes(); }
  int64_t last_row_id() const { return connection_->last_row_id(); }
  const Schema& schema() const { return *schema_; }

 private:
  friend class Database;
  Transaction(Connection& connection, const Schema& schema) : connection_(&connection), schema_(&schema) {}

  Connection* connection_;
  const Schema* schema_;
};

struct DatabaseOptions {
  std::chrono::milliseconds busy_timeout{5000};  ///< how long locks of other processes are waited for
  bool read_only = false;
  /// With read_only: from a copy in memory of what is there at open, which leaves no trace at all.
  bool copied = false;
  Edition edition = default_edition();  ///< what a database is made that has no tables yet; a creatable one
};

/// The catalogue of a home, `<home>/db/msb.db`, shared with other processes and other releases
/// (formats/images.md §3, formats/snapshots.md §5).
///
/// A database without tables is made one of microsandbox 0.6.3, or of the edition that is asked for. Others are used as
/// they are: never migrated, and written only where Schema::writable() and no downgrade is unfinished (downgrades.h).
/// Where it is otherwise, the home cannot be written, or `read_only` is asked for, everything opens for reading, and no
/// file is made or changed, except for a -shm that is there. A database that is missing then reads as an empty one.
///
/// Any thread may call; transactions of one object take turns on its one connection (they last microseconds, and this
/// is fairer among threads than SQLite's polling). A child made by fork() connects anew with its first transaction.
class Database {
 public:
  /// `directory` is `<home>/db`; made when missing, with the home.
  static Result<std::unique_ptr<Database>> open(os::Fs& fs, const std::string& directory,
                                                const DatabaseOptions& options, const Call& call);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  /// Runs `work(Transaction&)`, which returns a Result, on one consistent state of the tables.
  template <typename Work>
  auto read(const Call& call, Work&& work) -> std::invoke_result_t<Work&, Transaction&> {
    return within(Kind::read, call, work);
  }
  /// Runs `work(Transaction&)` as one atomic change: committed if it succeeds, undone if it fails. It is the only
  /// writer meanwhile. After a conflict with another process it runs again, so it must not do anything else that
  /// counts. Fails with `busy` after the busy timeout, also while an installation holds the home's lease; with
  /// `database` when the schema or an unfinished downgrade forbid writing, `unsupported` when `read_only` was asked
  /// for.
  template <typename Work>
  auto write(const Call& call, Work&& work) -> std::invoke_result_t<Work&, Transaction&> {
    return within(Kind::write, call, work);
  }

  /// What has been committed survives a power failure once this has succeeded. For whoever changes, on the strength of
  /// a row, what is not in the database.
  Done make_durable() const;

  /// Fails with `busy` while an installation or an upgrade of microsandbox has reserved the home.
  Done check_reserved(const Call& call) {
    return read(call, [this](Transaction&) { return check_lease(); });
  }
  /// Fails, in the words of write(), when nothing can be written for as long as things are as they are.
  Done check_writable(const Call& call) {
    return read(call, [this](Transaction&) { return check_writable(); });
  }
  /// Whether it was opened to be written, and its schema then allowed it.
  bool opened_for_writing() const { return !options_.read_only && read_only_why_.empty(); }
  Result<Schema> schema(const Call& call) {
    return read(call, [](Transaction& transaction) -> Result<Schema> { return transaction.schema(); });
  }
  const std::string& path() const { return path_; }

 private:
  enum class Kind { read, write };
  class Turn;

  Database(os::Fs& fs, const std::string& directory, const DatabaseOptions& options);
  void disinherit();

  template <typename Work>
  auto within(Kind kind, const Call& call, Work& work) -> std::invoke_result_t<Work&, Transaction&> {
    std::optional<std::invoke_result_t<Work&, Transaction&>> result;
    auto done = run(kind, call, [&](Transaction& transaction) {
      result.emplace(work(transaction));
      return result->ok();
    });
    if (!done) return std::move(done).error();
    return std::move(*result);
  }
  /// Succeeds when `work` has returned true and was committed, or has returned false and was undone.
  Done run(Kind kind, const Call& call, const std::function<bool(Transaction&)>& work);
  Done attempt(Kind kind, const std::function<bool(Transaction&)>& work, bool& worked);

  /// Before anything is known of it in this process.
  Done connect(const Call& call);
  Result<std::optional<os::FileLock>> lock_migrations(const Call& call,
                                                      std::optional<std::chrono::milliseconds> timeout = {});
  Result<bool> is_closed_to_us(const Call& call);
  Done prepare_for_writing(const Call& call);
  enum class Traces { some, none };
  Done connect_for_reading(const Call& call, Traces traces);
  Done connect_to_copy(const Call& call);
  Done try_connection(const Call& call, Connection::Access access);
  bool changed_meanwhile() const;
  Done refresh_schema();
  Done check_writable();
  Done check_lease();
  bool exists(const char* suffix = "") const;

  os::Fs& fs_;
  const std::string directory_;
  const std::string path_;
  const DatabaseOptions options_;

  // os::fork_mutex() guards these; who has the turn owns what follows.
  uint64_t generation_ = os::process_generation();  // of the process whose turns and connection these are
  std::unique_ptr<std::condition_variable> turn_over_ = std::make_unique<std::condition_variable>();
  bool taken_ = false;
  std::thread::id owner_;

  std::unique_ptr<Connection> connection_;  // null in a child that has not used it yet
  bool reconnect_ = false;                  // the connection sees a frozen state: make a new one for each transaction
  std::optional<os::Stamp> frozen_;         // the file then; nothing when it was not there
  Traces traces_ = Traces::some;            // that the connection may leave, when it is for reading
  std::string read_only_why_;               // not empty when it could not be opened for writing
  Schema schema_;
  std::optional<int64_t> data_version_;  // SQLite's counter of others' commits at the time schema_ was read
};

}  // namespace msb::index
