#include "index/sqlite.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include <sys/stat.h>

namespace msb::index {
namespace {

/// `path` as a file: URI, for the parameters that only a URI can carry.
std::string to_uri(std::string_view path, std::string_view parameters) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string uri = "file:";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '%' || c == '?' || c == '#' || byte < 0x21 || byte > 0x7e) {
      uri += '%';
      uri += kHex[byte >> 4];
      uri += kHex[byte & 15];
    } else {
      uri += c;
    }
  }
  uri += '?';
  uri += parameters;
  return uri;
}

/// SQLite knows for each file, by its device and inode, what locks its process has, and what of it is mapped. In a
/// child made by fork() none of that is so. What is opened there must not be added to what the parent had open, so in
/// the eyes of SQLite a file that the parent has opened lies on another device.
namespace lineage {

struct Opened {
  dev_t device;
  ino_t inode;
  uint64_t generation;  // the process that has opened it
  uint64_t disguise;    // 0 where no parent of that process has
};
// Guarded by os::fork_mutex(). What is opened again and again is in it once.
std::vector<Opened>& opened() {
  static auto& files = *new std::vector<Opened>;
  return files;
}

using Stat = int (*)(const char*, struct stat*);
using Fstat = int (*)(int, struct stat*);
Stat real_stat = nullptr;
Fstat real_fstat = nullptr;

void disguise(struct stat& status) {
  constexpr unsigned kDeviceBits = 40;
  const std::lock_guard lock(os::fork_mutex());
  for (const Opened& file : opened()) {
    if (file.device != status.st_dev || file.inode != status.st_ino) continue;
    status.st_dev += static_cast<dev_t>(file.disguise) << kDeviceBits;
    return;
  }
}

int look(const char* path, struct stat* status) {
  const int result = real_stat(path, status);
  if (result == 0) disguise(*status);
  return result;
}

int look_at(int fd, struct stat* status) {
  const int result = real_fstat(fd, status);
  if (result == 0) disguise(*status);
  return result;
}

/// For the one system call of SQLite that is `name`.
template <typename Function>
bool replace(sqlite3_vfs* vfs, const char* name, Function with, Function& real) {
  if (real != nullptr) return true;
  real = reinterpret_cast<Function>(vfs->xGetSystemCall(vfs, name));
  if (real == nullptr) return false;
  if (vfs->xSetSystemCall(vfs, name, reinterpret_cast<sqlite3_syscall_ptr>(with)) == SQLITE_OK) return true;
  real = nullptr;
  return false;
}

bool look_through_us() {
  sqlite3_vfs* const vfs = sqlite3_vfs_find("unix");
  if (vfs == nullptr || vfs->iVersion < 3 || vfs->xSetSystemCall == nullptr || vfs->xGetSystemCall == nullptr) {
    return false;
  }
  static std::mutex once;
  const std::lock_guard lock(once);
  return replace<Stat>(vfs, "stat", look, real_stat) && replace<Fstat>(vfs, "fstat", look_at, real_fstat);
}

/// Remembers that this process opens the file. False where the parent has, and nothing can be done about it.
bool note(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return true;
  const uint64_t now = os::process_generation();
  {
    const std::lock_guard lock(os::fork_mutex());
    const auto known = std::ranges::find_if(
        opened(), [&](const Opened& file) { return file.device == status.st_dev && file.inode == status.st_ino; });
    if (known == opened().end()) {
      opened().push_back({status.st_dev, status.st_ino, now, 0});
      return true;
    }
    if (known->generation != now) *known = {status.st_dev, status.st_ino, now, now};
    if (known->disguise == 0) return true;
  }
  return look_through_us();
}

}  // namespace lineage

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_), handle_(std::exchange(other.handle_, nullptr)) {}

Statement::~Statement() {
  if (handle_ != nullptr) connection_->give_back(handle_);
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return connection_->failure(code);
}

std::string Statement::text(int column) const { return maybe_text(column).value_or(std::string()); }

int64_t Statement::integer(int column) const { return sqlite3_column_int64(handle_, column); }

std::optional<std::string> Statement::maybe_text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  if (text == nullptr) return std::nullopt;
  return std::string(text, static_cast<size_t>(sqlite3_column_bytes(handle_, column)));
}

std::optional<int64_t> Statement::maybe_integer(int column) const {
  if (sqlite3_column_type(handle_, column) == SQLITE_NULL) return std::nullopt;
  return integer(column);
}

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, Access access) {
  MSB_CHECK(os::check_process());
  if (access != Access::memory && !lineage::note(path)) {
    return Error(Status::unsupported, path +
                                          " was open in the parent of this process, and SQLite cannot open it again "
                                          "after a fork; start a program in the child (exec)")
        .with("path", path);
  }
  std::unique_ptr<Connection> connection(new Connection(path));
  std::string name = path;
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  switch (access) {
    case Access::read_write:
      flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
      break;
    case Access::read_only:
      flags |= SQLITE_OPEN_READONLY;
      break;
    case Access::traceless:
      name = to_uri(path, "readonly_shm=1");
      flags |= SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
      break;
    case Access::immutable:
      name = to_uri(path, "immutable=1");
      flags |= SQLITE_OPEN_READONLY | SQLITE_OPEN_URI;
      break;
    case Access::memory:
      name = ":memory:";
      flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY;
      break;
  }
  const int code = sqlite3_open_v2(name.c_str(), &connection->handle_, flags, nullptr);
  if (connection->handle_ == nullptr) return Error(Status::no_memory, "opening database " + path);
  if (code != SQLITE_OK) return connection->failure(code);
  if (access != Access::memory) lineage::note(path);  // now that it is there
  sqlite3_busy_handler(connection->handle_, &Connection::on_busy, connection.get());
  sqlite3_db_config(connection->handle_, SQLITE_DBCONFIG_ENABLE_FKEY, 1, nullptr);
  sqlite3_db_config(connection->handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return connection;
}

Connection::~Connection() {
  if (!birthplace_.is_here()) return;
  for (const auto& [sql, statement] : idle_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

void Connection::attend(const Call& call, Call::Clock::time_point busy_until) {
  // About a millisecond of work between two looks at the call.
  constexpr int kInstructions = 10'000;
  call_ = &call;
  busy_until_ = busy_until;
  conflicted_ = false;
  sqlite3_progress_handler(handle_, kInstructions, &Connection::on_progress, this);
}

void Connection::attend_nobody() {
  call_ = nullptr;
  sqlite3_progress_handler(handle_, 0, nullptr, nullptr);
}

int Connection::on_busy(void* self, int count) {
  const auto& connection = *static_cast<const Connection*>(self);
  if (connection.call_ == nullptr) return 0;
  static constexpr auto kDelays = std::to_array<int>({1, 2, 5, 10, 15, 20, 25, 50});
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(connection.busy_until_ - Call::Clock::now());
  if (left.count() <= 0) return 0;
  const std::chrono::milliseconds delay(kDelays[std::min(static_cast<size_t>(count), kDelays.size() - 1)]);
  const os::Outside waiting;
  return connection.call_->pause(std::min(delay, left)).ok() && connection.birthplace_.is_here() ? 1 : 0;
}

int Connection::on_progress(void* self) { return static_cast<const Connection*>(self)->call_->stopped() ? 1 : 0; }

Result<sqlite3_stmt*> Connection::prepare(std::string_view sql) {
  if (const auto found = idle_.find(sql); found != idle_.end()) {
    sqlite3_stmt* statement = found->second;
    idle_.erase(found);
    return statement;
  }
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
  if (code != SQLITE_OK) return failure(code);
  return statement;
}

void Connection::give_back(sqlite3_stmt* handle) {
  if (!birthplace_.is_here()) return;
  sqlite3_reset(handle);
  sqlite3_clear_bindings(handle);
  bool added = false;
  try {
    added = idle_.try_emplace(sqlite3_sql(handle), handle).second;
  } catch (const std::bad_alloc&) {
    added = false;
  }
  if (!added) sqlite3_finalize(handle);  // it ran twice at once, or cannot be remembered
}

Result<Statement> Connection::query(std::string_view sql, std::initializer_list<Param> params) {
  MSB_TRY(sqlite3_stmt * handle, prepare(sql));
  Statement statement(*this, handle);
  int index = 0;
  for (const Param& param : params) {
    ++index;
    int code = SQLITE_OK;
    if (const auto* number = std::get_if<int64_t>(&param.value_)) {
      code = sqlite3_bind_int64(handle, index, *number);
    } else if (const auto* text = std::get_if<std::string_view>(&param.value_)) {
      // An empty view may have no address, which SQLite would take for NULL.
      code = sqlite3_bind_text64(handle, index, text->empty() ? "" : text->data(), text->size(), SQLITE_TRANSIENT,
                                 SQLITE_UTF8);
    }
    if (code != SQLITE_OK) return failure(code);
  }
  return statement;
}

Done Connection::execute(std::string_view sql, std::initializer_list<Param> params) {
  MSB_TRY(Statement statement, query(sql, params));
  for (;;) {
    MSB_TRY(const bool row, statement.step());
    if (!row) return {};
  }
}

Done Connection::copy_from(Connection& other) {
  sqlite3_backup* const copy = sqlite3_backup_init(handle_, "main", other.handle_, "main");
  if (copy == nullptr) return failure(sqlite3_errcode(handle_));
  const int step = sqlite3_backup_step(copy, -1);
  const int code = sqlite3_backup_finish(copy);
  if (step == SQLITE_DONE) return {};
  return other.failure(code != SQLITE_OK ? code : step);
}

Done Connection::script(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failure(code);
  return {};
}

int64_t Connection::changes() const { return sqlite3_changes64(handle_); }
int64_t Connection::last_row_id() const { return sqlite3_last_insert_rowid(handle_); }
bool Connection::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }
bool Connection::read_only() const { return sqlite3_db_readonly(handle_, "main") == 1; }

Error Connection::failure(int code) {
  const std::string text = path_ + ": " + sqlite3_errmsg(handle_);
  const auto about = [&](Status status, const std::string& detail) {
    return Error(status, detail).with("path", path_).with_os_code(sqlite3_system_errno(handle_));
  };
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_INTERRUPT:
      if (call_ != nullptr) {
        if (auto stopped = call_->check(); !stopped) return std::move(stopped).error();
      }
      conflicted_ = true;
      return about(Status::busy, "another process holds the database " + path_ + "; try again");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return about(Status::database, text + "; restore a backup, or salvage it with `sqlite3 " + path_ +
                                         " .recover` while nothing uses it");
    case SQLITE_FULL:
      return about(Status::io, text).with_os_code(ENOSPC);  // the system did not fail: less was written
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return about(Status::io, text);
    case SQLITE_NOMEM:
      return about(Status::no_memory, text);
    default:
      return about(Status::database, text);
  }
}

}  // namespace msb::index
