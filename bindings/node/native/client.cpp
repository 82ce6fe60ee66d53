#include <microsandbox.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "environment.h"
#include "input.h"
#include "job.h"
#include "log.h"
#include "operations.h"
#include "values.h"

namespace msb_node {
namespace {

/// What msb_client_opts takes, without the log and with what it points to.
class ClientOptions {
 public:
  explicit ClientOptions(const Input& opts)
      : home_(opts["home"].optional_text()),
        cache_dir_(opts["cacheDir"].optional_text()),
        snapshots_dir_(opts["snapshotsDir"].optional_text()),
        sandboxes_dir_(opts["sandboxesDir"].optional_text()),
        new_home_release_(opts["newHomeRelease"].optional_text()),
        busy_timeout_(opts["busyTimeoutMs"].number()),
        threads_(opts["threads"].number()) {
    if (opts["readOnly"].flag()) flags_ |= MSB_CLIENT_READ_ONLY;
    if (opts["noCreate"].flag()) flags_ |= MSB_CLIENT_NO_CREATE;
    if (opts["noRecover"].flag()) flags_ |= MSB_CLIENT_NO_RECOVER;
  }

  /// Valid while this is, and does not move.
  msb_client_opts view() const {
    msb_client_opts client = MSB_CLIENT_OPTS_INIT;
    client.home = c_str(home_);
    client.cache_dir = c_str(cache_dir_);
    client.snapshots_dir = c_str(snapshots_dir_);
    client.sandboxes_dir = c_str(sandboxes_dir_);
    client.flags = flags_;
    client.busy_timeout_ms = busy_timeout_;
    client.threads = threads_;
    client.new_home_release = c_str(new_home_release_);
    return client;
  }

 private:
  std::optional<std::string> home_, cache_dir_, snapshots_dir_, sandboxes_dir_, new_home_release_;
  uint32_t flags_ = 0;
  uint32_t busy_timeout_;
  uint32_t threads_;
};

Napi::Value client_open(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  const Input opts = inputs.at(0, "options");
  const uint32_t verbosity = opts["logLevel"].one_of(kLogLevels);
  Environment& environment = Environment::of(info.Env());
  std::unique_ptr<Log> log;
  if (opts["onLog"].given()) log = std::make_unique<Log>(environment, opts["onLog"].listener());
  Log* const sink = log.get();
  return start<Owned<msb_client>>(
      inputs.at(1, "control"),
      [options = ClientOptions(opts), verbosity, sink](const msb_call*, Owned<msb_client>& out, msb_error** error) {
        msb_client_opts client = options.view();
        client.log_level = verbosity;
        client.on_log = sink != nullptr ? &Log::write : nullptr;
        client.log_user = sink;
        return msb_client_open(&client, out.out(), error);
      },
      [log = std::move(log), &environment](Napi::Env env, Owned<msb_client>& client) mutable {
        if (log) environment.keep_log(client.get(), std::move(log));
        Napi::Object object = Napi::Object::New(env);
        object["home"] = text(env, msb_client_dir(client.get(), MSB_DIR_HOME));
        object["cacheDir"] = text(env, msb_client_dir(client.get(), MSB_DIR_CACHE));
        object["snapshotsDir"] = text(env, msb_client_dir(client.get(), MSB_DIR_SNAPSHOTS));
        object["sandboxesDir"] = text(env, msb_client_dir(client.get(), MSB_DIR_SANDBOXES));
        object["readOnly"] = msb_client_read_only(client.get());
        object["handle"] = Handle::wrap(env, std::move(client));
        return object;
      });
}

Napi::Value client_close(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  const auto client = inputs.at(0, "client").handle<msb_client>();
  struct Nothing {};
  return start<Nothing>(
      inputs.at(1, "control"),
      [client](const msb_call*, Nothing&, msb_error** error) { return msb_client_close(client.get(), error); },
      [client](Napi::Env env, Nothing&) {
        Environment::of(env).drop_log(client.get());
        return env.Undefined();
      });
}

Napi::Value client_recover(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start<uint32_t>(
      inputs.at(1, "control"),
      [client = inputs.at(0, "client").handle<msb_client>()](const msb_call* call, uint32_t& repaired,
                                                             msb_error** error) {
        return msb_client_recover(client.get(), call, &repaired, error);
      },
      [](Napi::Env env, uint32_t& repaired) { return Napi::Number::New(env, repaired); });
}

Napi::Object problem_object(Napi::Env env, const msb_home_report* report, std::size_t index) {
  msb_problem problem{};
  problem.struct_size = sizeof problem;
  msb_home_report_problem_at(report, index, &problem);
  Napi::Object object = Napi::Object::New(env);
  object["kind"] = name_of(kProblems, problem.kind, "other");
  object["subject"] = text(env, problem.subject);
  object["path"] = text(env, problem.path);
  object["message"] = text(env, problem.message);
  return object;
}

Napi::Value report_object(Napi::Env env, Owned<msb_home_report>& report) {
  msb_home_info info{};
  info.struct_size = sizeof info;
  msb_home_report_read(report.get(), &info);
  Napi::Object object = Napi::Object::New(env);
  object["home"] = text(env, info.home);
  object["database"] = text(env, info.database);
  object["state"] = name_of(kHomeStates, info.state, "unknown");
  object["generation"] = name_of(kGenerations, info.generation, "unknown");
  object["writes"] = name_of(kHomeWrites, info.writes, "unknown");
  object["obstacle"] = text(env, info.obstacle);
  object["schema"] = text(env, info.schema);
  object["lastMigration"] = text(env, info.last_migration);
  object["migrations"] = info.migrations;
  object["oldestRelease"] = text(env, info.oldest_release);
  object["newestRelease"] = text(env, info.newest_release);
  object["images"] = number(env, true, info.images);
  object["sandboxes"] = number(env, true, info.sandboxes);
  object["running"] = number(env, true, info.running);
  object["indexedSnapshots"] = number(env, true, info.indexed_snapshots);
  object["snapshots"] = number(env, true, info.snapshots);
  object["problems"] = array(env, msb_home_report_problem_count(report.get()),
                             [&](std::size_t index) { return problem_object(env, report.get(), index); });
  return object;
}

Napi::Value home_inspect(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start<Owned<msb_home_report>>(
      inputs.at(1, "control"),
      [options = ClientOptions(inputs.at(0, "options"))](const msb_call* call, Owned<msb_home_report>& out,
                                                         msb_error** error) {
        const msb_client_opts home = options.view();
        return msb_home_inspect(&home, call, out.out(), error);
      },
      report_object);
}

}  // namespace

void export_client(Napi::Env env, Napi::Object exports) {
  export_function<client_open>(env, exports, "clientOpen");
  export_function<client_close>(env, exports, "clientClose");
  export_function<client_recover>(env, exports, "clientRecover");
  export_function<home_inspect>(env, exports, "homeInspect");
}

}  // namespace msb_node
