#include "client/inspect.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "client/maintain.h"
#include "index/downgrades.h"
#include "index/sandboxes.h"
#include "index/translations.h"
#include "os/access.h"
#include "os/dir.h"
#include "os/workers.h"
#include "sandbox/locks.h"
#include "sandbox/observe.h"
#include "snapshot/directory.h"

namespace msb::client {
namespace {

using image::ProblemKind;

/// Work that only reports: what it cannot do is one more thing to report. False when the call was stopped.
bool goes_on(const Error& error) {
  return error.status() != Status::cancelled && error.status() != Status::deadline_exceeded;
}

class Inspection {
 public:
  Inspection(os::Fs& fs, const Options& options, const Call& call) : fs_(fs), options_(options), call_(call) {}

  Result<HomeReport> run() {
    MSB_TRY(report_.home, locate_home(fs_, options_.home));
    report_.database_path = os::join_path(report_.home.database, "msb.db");
    MSB_CHECK(look_at_directory());
    name_releases(options_.edition);
    if (report_.state != HomeState::missing) {
      look_at_downgrades();
      MSB_CHECK(look_at_index());
    }
    return std::move(report_);
  }

 private:
  Done look_at_directory() {
    const std::string& root = report_.home.root;
    struct stat st {};
    const int result = fs_.fstatat(AT_FDCWD, root.c_str(), &st, 0);
    if (result < 0 && result != -ENOENT) return Error::io("look at the home", root, -result);
    if (result == 0 && !S_ISDIR(st.st_mode)) return Error::io("look at the home", root, ENOTDIR);
    report_.state = result == 0 ? HomeState::empty : HomeState::missing;
    std::string nearest = root;
    for (;;) {
      MSB_TRY(const bool there, os::exists(fs_, nearest));
      if (there) break;
      nearest = os::parent_path(nearest);
    }
    report_.writes = Writes::everything;
    obstruct(Writes::nothing, nearest);
    return {};
  }

  /// Lowers what can be written to `most` if `path` cannot be.
  void obstruct(Writes most, const std::string& path) {
    const int code = os::write_obstacle(path);
    if (code == 0 || code == ENOENT || report_.writes <= most) return;
    report_.writes = most;
    report_.obstacle = path + " cannot be written: " + std::strerror(code);
  }

  void obstruct_index(const std::string& why) {
    if (report_.writes != Writes::everything) return;
    report_.writes = Writes::files;
    report_.obstacle = why;
  }

  void name_releases(const std::optional<index::Edition>& edition) {
    report_.oldest_release = edition ? edition->first : "";
    report_.newest_release = edition ? edition->last : "";
  }

  void add_problem(ProblemKind kind, std::string subject, std::string path, std::string message) {
    report_.problems.push_back({kind, false, std::move(subject), std::move(path), std::move(message)});
  }

  void look_at_downgrades() {
    const Done ended = index::check_downgrades(fs_, report_.home.database);
    if (ended) return;
    const std::string& message = ended.error().message();
    report_.writes = Writes::nothing;
    if (report_.obstacle.empty()) report_.obstacle = message;
    add_problem(ProblemKind::home_reserved, report_.home.root, *ended.error().fact("path"), message);
  }

  Done look_at_index() {
    MSB_TRY(const bool there, os::exists(fs_, report_.database_path));
    index::DatabaseOptions options;
    options.read_only = true;
    options.copied = true;
    options.edition = options_.edition;
    options.busy_timeout = options_.busy_timeout.value_or(report_.home.busy_timeout.value_or(options.busy_timeout));
    auto database = index::Database::open(fs_, report_.home.database, options, call_);
    if (!database) return take_as_unreadable(std::move(database).error());
    auto schema = (*database)->schema(call_);
    if (!schema) return take_as_unreadable(std::move(schema).error());
    const bool made = there && schema->generation() != index::Generation::none;
    if (made) describe(*schema);
    obstruct(Writes::files, report_.home.database);
    obstruct(Writes::files, report_.database_path);
    return look_inside(**database, options.busy_timeout);
  }

  Done take_as_unreadable(Error error) {
    if (!goes_on(error)) return error;
    report_.state = HomeState::unreadable;
    report_.generation = index::Generation::unknown;
    name_releases(std::nullopt);
    obstruct_index(error.message());
    add_problem(ProblemKind::index_damaged, report_.database_path, report_.database_path, error.message());
    return {};
  }

  void describe(const index::Schema& schema) {
    report_.generation = schema.generation();
    report_.schema = schema.describe();
    report_.last_migration = schema.last_migration();
    report_.migrations = static_cast<uint32_t>(schema.migrations());
    name_releases(schema.edition());
    report_.state = schema.writable() ? HomeState::ready : HomeState::foreign;
    if (!schema.writable()) obstruct_index(schema.refusal(report_.database_path).message());
  }

  Done look_inside(index::Database& database, std::chrono::milliseconds busy_timeout) {
    const image::Context context{
        .fs = fs_,
        .database = database,
        .log = options_.log,
        .paths = image::CachePaths(report_.home.cache),
        .snapshots_dir = report_.home.snapshots,
        .sandboxes_dir = report_.home.sandboxes,
        .busy_timeout = busy_timeout,
        .threads = options_.threads != 0 ? options_.threads : os::processor_count(),
        .read_only = true,
    };
    MSB_CHECK(note(database.read(call_, [this](index::Transaction& transaction) { return read_rows(transaction); })));
    MSB_CHECK(note(database.check_reserved(call_)));
    MSB_CHECK(note(look_at_sandboxes(context)));
    MSB_TRY(const auto found, snapshot::list_directory(context, std::nullopt, call_));
    report_.snapshots = found.size();
    if (report_.generation == index::Generation::groups || report_.generation == index::Generation::unknown) return {};
    auto problems = client::check(context, image::CheckOptions{}, call_);
    if (!problems) return note(std::move(problems).error());
    std::ranges::move(*problems, std::back_inserter(report_.problems));
    return {};
  }

  /// Makes a problem of a failure, unless the call was stopped.
  Done note(Done done) {
    if (done || !goes_on(done.error())) return done;
    const bool reserved = done.error().status() == Status::busy;
    add_problem(reserved ? ProblemKind::home_reserved : ProblemKind::index_damaged, report_.database_path,
                report_.database_path, done.error().message());
    return {};
  }

  Done read_rows(index::Transaction& transaction) {
    MSB_CHECK(check_pages(transaction));
    MSB_CHECK(count(transaction, "image_ref", "reference", report_.images));
    MSB_CHECK(count(transaction, "sandbox", "name", report_.sandboxes));
    MSB_CHECK(count(transaction, "snapshot_index", "digest", report_.indexed_snapshots));
    MSB_TRY(const auto unfinished, index::unfinished_translations(transaction));
    for (const std::string& path : unfinished) {
      add_problem(ProblemKind::not_translated, os::base_name(path), path,
                  path +
                      " has not been translated to the form that the owner of the home reads; open the home once "
                      "for writing");
    }
    return {};
  }

  Done check_pages(index::Transaction& transaction) {
    MSB_TRY(index::Statement rows, transaction.query("PRAGMA quick_check(1)"));
    MSB_TRY(const bool row, rows.step());
    if (row && rows.text(0) != "ok") {
      add_problem(ProblemKind::index_damaged, report_.database_path, report_.database_path,
                  report_.database_path + " is damaged (" + rows.text(0) + "); salvage it with `sqlite3 " +
                      report_.database_path + " .recover` while nothing uses it");
    }
    return {};
  }

  static Done count(index::Transaction& transaction, const std::string& table, const std::string& column,
                    uint64_t& into) {
    if (!transaction.schema().has(table, column)) return {};
    MSB_TRY(index::Statement rows, transaction.query("SELECT count(*) FROM " + table));
    MSB_TRY(const bool row, rows.step());
    if (row) into = static_cast<uint64_t>(rows.integer(0));
    return {};
  }

  Done look_at_sandboxes(const image::Context& context) {
    MSB_TRY(auto records, context.database.read(call_, index::list_sandbox_records));
    for (const index::SandboxRecord& record : records) {
      MSB_CHECK(call_.check());
      auto observed = sandbox::observe(context, record, sandbox::Lifecycle::free, call_);
      if (!observed && !goes_on(observed.error())) return std::move(observed).error();
      if (!observed) {
        add_problem(ProblemKind::status_stale, record.name, {}, observed.error().message());
        continue;
      }
      compare(context, record, observed->sandbox);
    }
    return {};
  }

  void compare(const image::Context& context, const index::SandboxRecord& record, const sandbox::Sandbox& sandbox) {
    if (sandbox::is_live(sandbox.status)) {
      ++report_.running;
      return;
    }
    if (sandbox::stored_status(sandbox.status) != record.status) {
      add_problem(ProblemKind::status_stale, record.name, {},
                  "sandbox " + record.name + " is recorded as " + record.status +
                      ", but the process that ran it is gone; whoever starts or removes it sets that right");
    } else if (sandbox::is_lifecycle_locked(context, record.name)) {
      add_problem(ProblemKind::status_stale, record.name, {},
                  "sandbox " + record.name + " is recorded as " + record.status +
                      ", but a process has its lock: it runs, is being started, or is being captured");
    }
  }

  os::Fs& fs_;
  const Options& options_;
  const Call& call_;
  HomeReport report_;
};

}  // namespace

Result<HomeReport> inspect(os::Fs& fs, const Options& options, const Call& call) {
  return Inspection(fs, options, call).run();
}

}  // namespace msb::client
