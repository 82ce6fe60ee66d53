#include <microsandbox.h>

#include <optional>
#include <string>

#include "input.h"
#include "job.h"
#include "operations.h"
#include "values.h"

namespace msb_node {
namespace {

constexpr bool kPatient = true;

/// What msb_sandbox_start_opts takes, with what it points to.
class StartOptions {
 public:
  explicit StartOptions(const Input& opts)
      : command_(opts["command"].texts()),
        env_(opts["env"].pairs()),
        cwd_(opts["cwd"].optional_text()),
        user_(opts["user"].optional_text()),
        hostname_(opts["hostname"].optional_text()),
        kernel_(opts["kernel"].optional_text()),
        idle_(!opts["command"].given()),
        network_(opts["network"].flag()),
        memory_(opts["memory"].number()),
        cpus_(opts["cpus"].number()),
        accelerator_(opts["accelerator"].one_of(kAccelerators)),
        ready_timeout_(opts["readyTimeoutMs"].number()),
        output_limit_(opts["outputLimit"].integer()),
        stop_limit_(opts["stopLimitMs"].number()),
        attached_(opts["attached"].flag()) {}

  /// Calls `use(msb_sandbox_start_opts&)`.
  template <typename Use>
  auto with(Use use) const {
    const auto command = command_.view();
    const auto env = env_.view();
    msb_sandbox_start_opts start = MSB_SANDBOX_START_OPTS_INIT;
    start.command = command.data();
    start.command_count = command.size();
    start.idle = idle_;
    start.env = env.data();
    start.env_count = env.size();
    start.working_dir = c_str(cwd_);
    start.user = c_str(user_);
    start.hostname = c_str(hostname_);
    start.memory_mib = memory_;
    start.cpus = cpus_;
    start.kernel = c_str(kernel_);
    start.accelerator = accelerator_;
    start.ready_timeout_ms = ready_timeout_;
    start.network = network_;
    start.output_limit = output_limit_;
    start.stop_limit_ms = stop_limit_;
    start.attached = attached_;
    return use(start);
  }

 private:
  Texts command_;
  Pairs env_;
  std::optional<std::string> cwd_, user_, hostname_, kernel_;
  bool idle_;
  bool network_;
  uint32_t memory_;
  uint32_t cpus_;
  uint32_t accelerator_;
  uint32_t ready_timeout_;
  uint64_t output_limit_;
  uint32_t stop_limit_;
  bool attached_;
};

Napi::Value buffer(Napi::Env env, const void* bytes, std::size_t length) {
  return Napi::Buffer<char>::Copy(env, static_cast<const char*>(bytes), bytes != nullptr ? length : 0);
}

Napi::Value end_object(Napi::Env env, Owned<msb_machine_end>& end) {
  msb_machine_end_info info{};
  info.struct_size = sizeof info;
  msb_machine_end_read(end.get(), &info);
  constexpr int32_t kSignalled = 128;
  Napi::Object object = Napi::Object::New(env);
  object["end"] = name_of(kEnds, info.end);
  object["exitCode"] = info.exit_code < 0 ? env.Null() : Napi::Number::New(env, info.exit_code);
  object["signal"] =
      info.end == MSB_END_SIGNALLED ? Napi::Value(Napi::Number::New(env, info.exit_code - kSignalled)) : env.Null();
  object["stdout"] = buffer(env, info.stdout_bytes, info.stdout_length);
  object["stderr"] = buffer(env, info.stderr_bytes, info.stderr_length);
  object["stdoutTotal"] = number(env, true, info.stdout_total);
  object["stderrTotal"] = number(env, true, info.stderr_total);
  object["clean"] = info.clean;
  object["message"] = text(env, info.message);
  object["accelerator"] = name_of(kAccelerators, info.accelerator);
  object["readyMs"] = number(env, true, info.ready_ms);
  object["totalMs"] = number(env, true, info.total_ms);
  return object;
}

Napi::Value sandbox_start(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start(
      inputs.at(3, "control"),
      [client = inputs.at(0, "client").handle<msb_client>(), name = inputs.at(1, "name").text(),
       options = StartOptions(inputs.at(2, "options"))](const msb_call* call, msb_error** error) {
        return options.with([&](const msb_sandbox_start_opts& opts) {
          return msb_sandbox_start(client.get(), name.c_str(), &opts, call, error);
        });
      },
      kPatient);
}

Napi::Value sandbox_run(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start<Owned<msb_machine_end>>(
      inputs.at(3, "control"),
      [client = inputs.at(0, "client").handle<msb_client>(), name = inputs.at(1, "name").text(),
       options = StartOptions(inputs.at(2, "options")), streams = inputs.at(3, "control")["onOutput"].given()](
          const msb_call* call, Owned<msb_machine_end>& out, msb_error** error) {
        return options.with([&](msb_sandbox_start_opts& opts) {
          opts.on_output = streams ? &Job::on_output : nullptr;
          opts.user_data = call->user;
          return msb_sandbox_run(client.get(), name.c_str(), &opts, call, out.out(), error);
        });
      },
      end_object, kPatient);
}

Napi::Value sandbox_stop(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start(
      inputs.at(3, "control"),
      [client = inputs.at(0, "client").handle<msb_client>(), name = inputs.at(1, "name").text(),
       limit = inputs.at(2, "limitMs").number()](const msb_call* call, msb_error** error) {
        return msb_sandbox_stop(client.get(), name.c_str(), limit, call, error);
      },
      kPatient);
}

Napi::Value sandbox_request_stop(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start(inputs.at(3, "control"),
               [client = inputs.at(0, "client").handle<msb_client>(), name = inputs.at(1, "name").text(),
                at_once = inputs.at(2, "atOnce").flag()](const msb_call* call, msb_error** error) {
                 return msb_sandbox_request_stop(client.get(), name.c_str(), at_once, call, error);
               });
}

/// On the JavaScript thread: it waits for nothing.
Napi::Value sandbox_detach(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  const auto client = inputs.at(0, "client").handle<msb_client>();
  const std::string name = inputs.at(1, "name").text();
  if (!inputs.good()) return inputs.refuse();
  return Napi::Boolean::New(info.Env(), msb_sandbox_detach(client.get(), name.c_str(), nullptr) == MSB_OK);
}

Napi::Value sandbox_wait(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start<Owned<msb_machine_end>>(
      inputs.at(2, "control"),
      [client = inputs.at(0, "client").handle<msb_client>(), name = inputs.at(1, "name").text()](
          const msb_call* call, Owned<msb_machine_end>& out, msb_error** error) {
        return msb_sandbox_wait(client.get(), name.c_str(), call, out.out(), error);
      },
      end_object, kPatient);
}

Napi::Value sandbox_logs(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  const Input opts = inputs.at(2, "options");
  return start<Owned<msb_buffer>>(
      inputs.at(3, "control"),
      [client = inputs.at(0, "client").handle<msb_client>(), name = inputs.at(1, "name").text(),
       source = opts["source"].given() ? opts["source"].one_of(kOutputs) : MSB_OUTPUT_STDOUT,
       most = opts["maxBytes"].integer()](const msb_call* call, Owned<msb_buffer>& out, msb_error** error) {
        return msb_sandbox_logs(client.get(), name.c_str(), source, most, call, out.out(), error);
      },
      [](Napi::Env env, Owned<msb_buffer>& log) {
        std::size_t length = 0;
        const void* bytes = msb_buffer_data(log.get(), &length);
        return buffer(env, bytes, length);
      });
}

}  // namespace

void export_machine(Napi::Env env, Napi::Object exports) {
  export_function<sandbox_start>(env, exports, "sandboxStart");
  export_function<sandbox_run>(env, exports, "sandboxRun");
  export_function<sandbox_stop>(env, exports, "sandboxStop");
  export_function<sandbox_request_stop>(env, exports, "sandboxRequestStop");
  export_function<sandbox_detach>(env, exports, "sandboxDetach");
  export_function<sandbox_wait>(env, exports, "sandboxWait");
  export_function<sandbox_logs>(env, exports, "sandboxLogs");
}

}  // namespace msb_node
