#include "index/database.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/time.h"
#include "index/downgrades.h"
#include "os/dir.h"
#include "os/file.h"
#include "os/lock.h"

namespace msb::index {
namespace {

constexpr std::chrono::milliseconds kFirstRetry{10};
constexpr std::chrono::milliseconds kLongestRetry{500};
constexpr int kAttempts = 8;

/// Whether that is how a place answers that nothing can be written in it.
bool refuses_writing(const Error& error) {
  return error.os_code() == EROFS || error.os_code() == EACCES || error.os_code() == EPERM;
}

}  // namespace

/// Exclusive use of the connection by one thread, for one call.
class Database::Turn {
 public:
  static Result<Turn> take(Database& database, const Call& call) {
    constexpr std::chrono::milliseconds kLook{20};
    MSB_CHECK(os::check_process());
    std::unique_lock lock(os::fork_mutex());
    if (database.generation_ != os::process_generation()) database.disinherit();
    if (database.taken_ && database.owner_ == std::this_thread::get_id()) {
      return Error(Status::internal, "a database transaction was begun inside another one");
    }
    while (database.taken_) {
      MSB_CHECK(call.check());
      database.turn_over_->wait_for(lock, kLook);
    }
    database.taken_ = true;
    database.owner_ = std::this_thread::get_id();
    return Turn(database);
  }
  Turn(Turn&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Turn& operator=(Turn&&) = delete;
  ~Turn() {
    if (database_ == nullptr) return;
    if (database_->connection_) database_->connection_->attend_nobody();
    {
      const std::lock_guard lock(os::fork_mutex());
      database_->taken_ = false;
      database_->owner_ = {};
    }
    database_->turn_over_->notify_one();
  }

 private:
  explicit Turn(Database& database) : database_(&database) {}

  Database* database_;
};

Database::Database(os::Fs& fs, const std::string& directory, const DatabaseOptions& options)
    : fs_(fs), directory_(directory), path_(directory + "/msb.db"), options_(options) {}

Database::~Database() {
  if (generation_ != os::process_generation()) static_cast<void>(turn_over_.release());
  const os::Section section;
  connection_.reset();
}

/// Leaves to the parent what is its own. Threads that waited or had the turn are not in this process.
void Database::disinherit() {
  generation_ = os::process_generation();
  static_cast<void>(turn_over_.release());  // its destructor would wait for them
  turn_over_ = std::make_unique<std::condition_variable>();
  taken_ = false;
  owner_ = {};
  connection_.reset();
  data_version_.reset();
  reconnect_ = false;
}

Result<std::unique_ptr<Database>> Database::open(os::Fs& fs, const std::string& directory,
                                                 const DatabaseOptions& options, const Call& call) {
  MSB_CHECK(os::check_process());
  std::unique_ptr<Database> database(new Database(fs, directory, options));
  const os::Section section;
  MSB_CHECK(database->connect(call));
  return database;
}

Done Database::connect(const Call& call) {
  if (options_.read_only && options_.copied) return connect_to_copy(call);
  if (!options_.read_only) MSB_CHECK(prepare_for_writing(call));
  return opened_for_writing() ? Done() : connect_for_reading(call, traces_);
}

/// Every process holds this lock from before it opens the database until the schema is settled. Nothing where the home
/// cannot be written.
Result<std::optional<os::FileLock>> Database::lock_migrations(const Call& call,
                                                              std::optional<std::chrono::milliseconds> timeout) {
  const os::Outside waiting;
  auto lock = os::FileLock::acquire(fs_, path_ + ".migration.lock", os::LockMode::exclusive, call, timeout);
  if (lock) return std::optional(*std::move(lock));
  if (refuses_writing(lock.error())) return std::optional<os::FileLock>();
  return std::move(lock).error();
}

/// Whether there is a database that we must not write, or must not make. SQLite makes files beside it as soon as it is
/// opened for writing, so this has to be known before. A look at the schema that fails settles nothing.
Result<bool> Database::is_closed_to_us(const Call& call) {
  Done ended = check_downgrades(fs_, directory_);
  if (!ended && (ended.error().status() == Status::database || refuses_writing(ended.error()))) return true;
  MSB_CHECK(std::move(ended));
  if (!exists()) return false;
  const bool looked = connect_for_reading(call, Traces::none) && refresh_schema();
  connection_.reset();
  data_version_.reset();
  reconnect_ = false;
  return looked && schema_.generation() != Generation::none && !schema_.writable();
}

Done Database::prepare_for_writing(const Call& call) {
  std::optional<os::FileLock> lock;
  if (exists() && exists(".migration.lock")) {
    MSB_TRY(lock, lock_migrations(call));
  }
  MSB_TRY(const bool closed, is_closed_to_us(call));
  if (closed) {
    read_only_why_ = "could not be written when it was opened";  // check_writable() says it better as long as it is so
    traces_ = Traces::none;
    return {};
  }
  if (!lock) {
    Done made = os::make_dirs(fs_, directory_);
    if (made) {
      MSB_TRY(lock, lock_migrations(call));
    } else if (!refuses_writing(made.error())) {
      return made;
    }
  }
  if (!lock) {
    read_only_why_ = "is in a home that cannot be written";
    return {};
  }
  MSB_TRY(connection_, Connection::open(path_, Connection::Access::read_write));
  if (connection_->read_only()) {
    read_only_why_ = "is a file that cannot be written";
    return {};
  }
  // The first look at the file can meet the lock of a process that is closing it, so it has to be ready to wait.
  connection_->attend(call, Call::Clock::now() + options_.busy_timeout);
  MSB_CHECK(connection_->script("PRAGMA synchronous=NORMAL"));
  MSB_CHECK(refresh_schema());
  if (schema_.generation() == Generation::none) {
    MSB_CHECK(connection_->script("PRAGMA journal_mode=WAL"));
    MSB_CHECK(connection_->script("BEGIN IMMEDIATE"));
    MSB_CHECK(Schema::create(*connection_, options_.edition));
    MSB_CHECK(connection_->script("COMMIT"));
    data_version_.reset();
  } else if (schema_.writable()) {
    MSB_CHECK(connection_->script("PRAGMA journal_mode=WAL"));
  } else {
    read_only_why_ = "cannot be written";
  }
  connection_->attend_nobody();
  return {};
}

/// With synchronous=NORMAL a commit is in the log, but not yet on the disk.
Done Database::make_durable() const {
  auto log = os::File::open_regular(fs_, AT_FDCWD, path_ + "-wal");
  if (log) return log->sync();
  if (log.error().os_code() == ENOENT) return {};
  return std::move(log).error();
}

bool Database::exists(const char* suffix) const {
  struct stat status {};
  return fs_.fstatat(AT_FDCWD, (path_ + suffix).c_str(), &status, 0) == 0;
}

/// SQLite reads a WAL database without making files only where both -wal and -shm are there, so a database that was
/// closed properly is read as a file that does not change; for the length of one transaction, in case it does.
Done Database::connect_for_reading(const Call& call, Traces traces) {
  data_version_.reset();
  reconnect_ = false;
  if (!exists()) {
    reconnect_ = true;
    frozen_.reset();
    MSB_TRY(connection_, Connection::open(path_, Connection::Access::memory));
    return Schema::create(*connection_, options_.edition);
  }
  Done readable;
  if ((exists("-wal") && exists("-shm")) || exists("-journal")) {
    readable =
        try_connection(call, traces == Traces::none ? Connection::Access::traceless : Connection::Access::read_only);
    if (readable || readable.error().status() != Status::io) return readable;
  }
  struct stat log {};
  if (fs_.fstatat(AT_FDCWD, (path_ + "-wal").c_str(), &log, 0) == 0 && log.st_size != 0) {
    Error error = Error(Status::database, path_ +
                                              " was not closed properly, and has to be recovered before it can be "
                                              "read: open it once for writing, or copy it with its -wal and -shm "
                                              "files")
                      .with("path", path_);
    if (!readable) error = std::move(error).because(std::move(readable).error());
    return error;
  }
  reconnect_ = true;
  MSB_TRY(frozen_, os::Stamp::of(fs_, path_));
  return try_connection(call, Connection::Access::immutable);
}

Done Database::try_connection(const Call& call, Connection::Access access) {
  MSB_TRY(connection_, Connection::open(path_, access));
  connection_->attend(call, Call::Clock::now() + options_.busy_timeout);
  Done readable = connection_->execute("SELECT count(*) FROM sqlite_master");
  connection_->attend_nobody();
  return readable;
}

/// SQLite shares among the connections of a process how it has opened a -shm. So while one reads without traces nobody
/// here may open the database for writing: the lock sees to that. Who waits for it in vain waits for an upgrade by
/// another program.
Done Database::connect_to_copy(const Call& call) {
  std::optional<os::FileLock> lock;
  if (exists(".migration.lock")) {
    auto taken = lock_migrations(call, options_.busy_timeout);
    if (!taken && taken.error().status() != Status::busy) return std::move(taken).error();
    if (taken) lock = *std::move(taken);
  }
  for (int attempts = 1;; ++attempts) {
    MSB_CHECK(connect_for_reading(call, Traces::none));
    MSB_TRY(auto copy, Connection::open(path_, Connection::Access::memory));
    connection_->attend(call, Call::Clock::now() + options_.busy_timeout);
    Done copied = copy->copy_from(*connection_);
    connection_->attend_nobody();
    if (changed_meanwhile() && attempts < kAttempts) continue;
    MSB_CHECK(std::move(copied));
    connection_ = std::move(copy);
    reconnect_ = false;
    data_version_.reset();
    return {};
  }
}

/// Whether somebody has written to what was read as a file that does not change.
bool Database::changed_meanwhile() const {
  if (!reconnect_) return false;
  if (!frozen_) return exists();
  const auto now = os::Stamp::of(fs_, path_);
  return !now || *now != *frozen_;
}

/// Another process may upgrade the database while we have it open, so every transaction looks whether it is still what
/// it was. As long as nobody else commits this costs one look at a counter.
Done Database::refresh_schema() {
  MSB_TRY(Statement query, connection_->query("PRAGMA data_version"));
  MSB_TRY(const bool row, query.step());
  const int64_t version = row ? query.integer(0) : 0;
  if (data_version_ == version) return {};
  MSB_TRY(schema_, Schema::read(*connection_));
  data_version_ = version;
  return {};
}

Done Database::check_writable() {
  if (options_.read_only) {
    return Error(Status::unsupported, path_ + " was opened for reading only").with("path", path_);
  }
  MSB_CHECK(check_downgrades(fs_, directory_));
  if (!schema_.writable()) return schema_.refusal(path_);
  if (!read_only_why_.empty()) return Error(Status::database, path_ + " " + read_only_why_).with("path", path_);
  return {};
}

/// While an installation or an upgrade holds this lease, every other program stays away (formats/snapshots.md §3).
Done Database::check_lease() {
  if (!schema_.has("maintenance_lease", "lease_expires_at")) return {};
  MSB_TRY(Statement query, connection_->query("SELECT lease_expires_at, holder_pid FROM maintenance_lease "
                                              "WHERE name = 'install_exclusive' AND lease_expires_at > ?",
                                              {format_db_time(now_ns())}));
  MSB_TRY(const bool held, query.step());
  if (!held) return {};
  connection_->note_conflict();
  return Error(Status::busy, "an installation or upgrade of microsandbox (process " + std::to_string(query.integer(1)) +
                                 ") has reserved " + path_ + " until " + query.text(0) + " UTC; try again later")
      .with("path", path_);
}

Done Database::attempt(Kind kind, const std::function<bool(Transaction&)>& work, bool& worked) {
  const bool writing = kind == Kind::write && opened_for_writing();
  MSB_CHECK(connection_->execute(writing ? "BEGIN IMMEDIATE" : "BEGIN"));
  MSB_CHECK(refresh_schema());
  if (kind == Kind::write) {
    MSB_CHECK(check_writable());
    MSB_CHECK(check_lease());
  }
  Transaction transaction(*connection_, schema_);
  worked = work(transaction);
  if (!worked) return {};
  return connection_->execute("COMMIT");
}

Done Database::run(Kind kind, const Call& call, const std::function<bool(Transaction&)>& work) {
  MSB_TRY(const Turn turn, Turn::take(*this, call));
  const os::Section section;
  MSB_CHECK(call.check());
  if (!connection_) {
    if (Done connected = connect(call); !connected) {
      connection_.reset();
      return connected;
    }
  }
  const auto busy_until = Call::Clock::now() + options_.busy_timeout;
  auto delay = kFirstRetry;
  for (int attempts = 1;; ++attempts) {
    if (reconnect_) MSB_CHECK(connect_for_reading(call, traces_));
    connection_->attend(call, busy_until);
    bool worked = true;
    auto done = attempt(kind, work, worked);
    const bool torn = changed_meanwhile();
    if (done && worked && !torn) return {};
    MSB_CHECK(os::check_process());
    connection_->attend_nobody();
    if (connection_->in_transaction()) MSB_CHECK(connection_->execute("ROLLBACK"));
    const bool again = (torn || connection_->conflicted()) && attempts < kAttempts && Call::Clock::now() < busy_until;
    if (!again && torn && done) {
      return Error(Status::busy, "other processes keep changing " + path_ + "; try again").with("path", path_);
    }
    if (!again) return done;
    const os::Outside waiting;
    MSB_CHECK(call.pause(delay));
    delay = std::min(2 * delay, kLongestRetry);
  }
}

}  // namespace msb::index
