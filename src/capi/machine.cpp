// Sandboxes that run.
#include "capi/buffer.h"
#include "capi/client.h"
#include "capi/labels.h"
#include "capi/structs.h"
#include "runtime/control.h"

struct msb_machine_end final : msb::capi::Object {
  static constexpr msb_handle_kind kKind = MSB_KIND_MACHINE_END;
  explicit msb_machine_end(msb::runtime::Outcome o) : Object(kKind), outcome(std::move(o)) {}

  const msb::runtime::Outcome outcome;
  std::optional<std::string> out, err;  ///< what was kept, unless it was passed on
};

namespace {

using namespace msb;

constexpr uint64_t kLogBytes = uint64_t{1} << 20;

Result<std::vector<std::string>> read_command(const char* const* command, size_t count) {
  std::vector<std::string> arguments;
  if (command == nullptr && count > 0) return Error(Status::invalid_argument, "command is NULL");
  for (size_t i = 0; i < count; ++i) {
    MSB_TRY(std::string argument, capi::need_path(command[i], "an argument of the command"));
    arguments.push_back(std::move(argument));
  }
  return arguments;
}

Result<runtime::StartRequest> read_start(const msb_sandbox_start_opts& opts) {
  runtime::StartRequest request;
  MSB_TRY(auto command, read_command(opts.command, opts.command_count));
  if (!command.empty()) request.command = std::move(command);
  request.idle = opts.idle;
  if (opts.idle && request.command) {
    return Error(Status::invalid_argument, "a command does not go with idle");
  }
  if (opts.env == nullptr && opts.env_count > 0) return Error(Status::invalid_argument, "env is NULL");
  for (size_t i = 0; i < opts.env_count; ++i) {
    MSB_TRY(std::string key, capi::need_path(opts.env[i].key, "the name of a variable"));
    MSB_TRY(std::string value, capi::need_path(opts.env[i].value, "the value of a variable"));
    if (key.empty() || key.find('=') != std::string::npos) {
      return Error(Status::invalid_argument, "no name of a variable: '" + key + "'");
    }
    request.environment.emplace_back(std::move(key), std::move(value));
  }
  request.directory = capi::read_path(opts.working_dir);
  MSB_TRY(request.user, capi::read_text(opts.user, "user"));
  MSB_TRY(request.hostname, capi::read_text(opts.hostname, "hostname"));
  request.memory_mib = opts.memory_mib;
  request.cpus = opts.cpus;
  request.kernel = capi::read_path(opts.kernel);
  if (opts.accelerator > MSB_ACCELERATOR_TCG) {
    return Error(Status::invalid_argument, "unknown accelerator " + std::to_string(opts.accelerator));
  }
  request.accelerator = static_cast<runtime::Accelerator>(opts.accelerator);
  request.ready_timeout = std::chrono::milliseconds(opts.ready_timeout_ms);
  request.network = opts.network;
  request.console = opts.console;
  request.output_limit = opts.output_limit;
  request.stop_limit = std::chrono::milliseconds(opts.stop_limit_ms);
  return request;
}

/// How it ended, with the output that is in the logs.
Result<msb_machine_end*> with_output(const image::Context& context, const std::string& name, runtime::Outcome outcome,
                                     const Call& call) {
  auto end = std::make_unique<msb_machine_end>(std::move(outcome));
  MSB_TRY(end->out, runtime::read_log(context, name, runtime::Source::out, UINT64_MAX, call));
  MSB_TRY(end->err, runtime::read_log(context, name, runtime::Source::err, UINT64_MAX, call));
  return end.release();
}

}  // namespace

extern "C" {

msb_status msb_sandbox_start(msb_client* client, const char* name, const msb_sandbox_start_opts* opts,
                             const msb_call* call, msb_error** err) {
  return capi::guard(err, [&]() -> Done {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto copied, capi::copy_opts(opts));
    MSB_TRY(const auto text, capi::need_text(name, "name"));
    MSB_TRY(const auto request, read_start(copied));
    MSB_TRY(const auto* context, session->client().context_to_change(session->call()));
    const std::string sandbox(text);
    if (copied.attached) {
      MSB_TRY(auto monitor, runtime::start_bound(*context, sandbox, request, session->call()));
      client->attached.keep(sandbox, std::move(monitor));
    } else {
      MSB_CHECK(runtime::start(*context, sandbox, request, session->call()));
    }
    capi::complete(session->call());
    return {};
  });
}

msb_status msb_sandbox_detach(msb_client* client, const char* name, msb_error** err) {
  return capi::guard(err, [&]() -> Done {
    MSB_TRY(const auto session, capi::Session::begin(client, nullptr));
    MSB_TRY(const auto text, capi::need_text(name, "name"));
    return client->attached.let_go(std::string(text), session->call());
  });
}

msb_status msb_sandbox_stop(msb_client* client, const char* name, uint32_t limit_ms, const msb_call* call,
                            msb_error** err) {
  return capi::guard(err, [&]() -> Done {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto text, capi::need_text(name, "name"));
    MSB_TRY(const auto* context, session->client().context_to_change(session->call()));
    MSB_CHECK(runtime::stop(*context, std::string(text), std::chrono::milliseconds(limit_ms), session->call()));
    client->attached.drop(std::string(text));
    capi::complete(session->call());
    return {};
  });
}

msb_status msb_sandbox_request_stop(msb_client* client, const char* name, bool at_once, const msb_call* call,
                                    msb_error** err) {
  return capi::guard(err, [&]() -> Done {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto text, capi::need_text(name, "name"));
    MSB_TRY(const auto* context, session->client().context_to_change(session->call()));
    MSB_CHECK(runtime::request_stop(*context, std::string(text), at_once, session->call()));
    capi::complete(session->call());
    return {};
  });
}

msb_status msb_sandbox_wait(msb_client* client, const char* name, const msb_call* call, msb_machine_end** out,
                            msb_error** err) {
  const auto work = [&]() -> Result<msb_machine_end*> {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto text, capi::need_text(name, "name"));
    const auto& context = session->client().context();
    MSB_TRY(auto outcome, runtime::wait(context, std::string(text), session->call()));
    client->attached.drop(std::string(text));
    MSB_TRY(auto* const end, with_output(context, std::string(text), std::move(outcome), session->call()));
    capi::complete(session->call());
    return end;
  };
  return capi::guard(out, err, work, true);
}

msb_status msb_sandbox_run(msb_client* client, const char* name, const msb_sandbox_start_opts* opts,
                           const msb_call* call, msb_machine_end** out, msb_error** err) {
  const auto work = [&]() -> Result<msb_machine_end*> {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto copied, capi::copy_opts(opts));
    MSB_TRY(const auto text, capi::need_text(name, "name"));
    MSB_TRY(const auto request, read_start(copied));
    MSB_TRY(const auto* context, session->client().context_to_change(session->call()));
    const auto sink = [&](runtime::Source source, std::string_view bytes) {
      if (copied.on_output == nullptr) return;
      copied.on_output(static_cast<uint32_t>(source), bytes.data(), bytes.size(), copied.user_data);
    };
    MSB_TRY(auto outcome, runtime::run(*context, std::string(text), request, sink, session->call()));
    capi::complete(session->call());
    if (copied.on_output != nullptr) return new msb_machine_end(std::move(outcome));
    return with_output(*context, std::string(text), std::move(outcome), session->call());
  };
  return capi::guard(out, err, work, true);
}

msb_status msb_sandbox_logs(msb_client* client, const char* name, uint32_t source, uint64_t most, const msb_call* call,
                            msb_buffer** out, msb_error** err) {
  return capi::guard(out, err, [&]() -> Result<msb_buffer*> {
    MSB_TRY(const auto session, capi::Session::begin(client, call));
    MSB_TRY(const auto text, capi::need_text(name, "name"));
    if (source < MSB_OUTPUT_STDOUT || source > MSB_OUTPUT_MACHINE) {
      return Error(Status::invalid_argument, "unknown source of output " + std::to_string(source));
    }
    MSB_TRY(auto log,
            runtime::read_log(session->client().context(), std::string(text), static_cast<runtime::Source>(source),
                              most != 0 ? most : kLogBytes, session->call()));
    return new msb_buffer(std::move(log));
  });
}

bool msb_machine_end_read(const msb_machine_end* end, msb_machine_end_info* out) {
  if (end == nullptr) return false;
  constexpr int kSignalled = 128;
  const runtime::Outcome& from = end->outcome;
  msb_machine_end_info info{};
  info.end = static_cast<uint32_t>(from.end);
  info.exit_code = -1;
  if (from.end == runtime::End::exited) info.exit_code = from.number;
  if (from.end == runtime::End::failed && from.number > 0) info.exit_code = from.number;
  if (from.end == runtime::End::signalled) info.exit_code = kSignalled + from.number;
  info.clean = from.clean;
  info.message = capi::text_or_null(from.message);
  info.stdout_bytes = capi::c_str_or_null(end->out);
  info.stdout_length = end->out ? end->out->size() : 0;
  info.stdout_total = from.out_bytes;
  info.stderr_bytes = capi::c_str_or_null(end->err);
  info.stderr_length = end->err ? end->err->size() : 0;
  info.stderr_total = from.err_bytes;
  info.accelerator = static_cast<uint32_t>(from.accelerator);
  info.ready_ms = from.ready_ms;
  info.total_ms = from.total_ms;
  return capi::fill(out, info);
}

}  // extern "C"
