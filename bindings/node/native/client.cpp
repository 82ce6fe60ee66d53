#include <microsandbox.h>

#include <memory>
#include <utility>

#include "environment.h"
#include "input.h"
#include "job.h"
#include "log.h"
#include "operations.h"
#include "values.h"

namespace msb_node {
namespace {

Napi::Value client_open(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  const Input opts = inputs.at(0, "options");
  uint32_t flags = 0;
  if (opts["readOnly"].flag()) flags |= MSB_CLIENT_READ_ONLY;
  if (opts["noCreate"].flag()) flags |= MSB_CLIENT_NO_CREATE;
  if (opts["noRecover"].flag()) flags |= MSB_CLIENT_NO_RECOVER;
  const uint32_t verbosity = opts["logLevel"].one_of(kLogLevels);
  Environment& environment = Environment::of(info.Env());
  std::unique_ptr<Log> log;
  if (opts["onLog"].given()) log = std::make_unique<Log>(environment, opts["onLog"].listener());
  Log* const sink = log.get();
  return start<Owned<msb_client>>(
      inputs.at(1, "control"),
      [home = opts["home"].optional_text(), cache = opts["cacheDir"].optional_text(),
       snapshots = opts["snapshotsDir"].optional_text(), sandboxes = opts["sandboxesDir"].optional_text(), flags,
       busy = opts["busyTimeoutMs"].number(), threads = opts["threads"].number(), verbosity,
       sink](const msb_call*, Owned<msb_client>& out, msb_error** error) {
        msb_client_opts client = MSB_CLIENT_OPTS_INIT;
        client.home = c_str(home);
        client.cache_dir = c_str(cache);
        client.snapshots_dir = c_str(snapshots);
        client.sandboxes_dir = c_str(sandboxes);
        client.flags = flags;
        client.busy_timeout_ms = busy;
        client.threads = threads;
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

}  // namespace

void export_client(Napi::Env env, Napi::Object exports) {
  export_function<client_open>(env, exports, "clientOpen");
  export_function<client_close>(env, exports, "clientClose");
  export_function<client_recover>(env, exports, "clientRecover");
}

}  // namespace msb_node
