#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <utility>

#include "cli/command.h"

namespace msbctl {
namespace {

// --- run ---

struct RunOptions {
  std::string name;
  std::string snapshot;
  std::string image;               ///< or the first word of the command, where no image is wanted
  std::vector<std::string> words;  ///< the command
  std::vector<std::string> env;
  std::string directory;
  std::string user;
  std::string kernel;
  std::string accelerator = "auto";
  uint64_t memory = 0;
  uint32_t cpus = 0;
  bool network = false;
  bool detach = false;
};

std::string random_name() {
  std::random_device random;
  char name[16];
  std::snprintf(name, sizeof name, "run-%08x", static_cast<unsigned>(random()));
  return name;
}

bool exists(Session& session, const std::string& name) {
  try {
    ask<msb_sandbox_get>(session.client(), name.c_str(), session.call());
    return true;
  } catch (const Failure& failure) {
    if (failure.status() == MSB_ERR_SANDBOX_NOT_FOUND) return false;
    throw;
  }
}

void create(Session& session, const RunOptions& options) {
  msb_sandbox_create_opts opts = MSB_SANDBOX_CREATE_OPTS_INIT;
  if (options.snapshot.empty() && options.image.empty()) {
    throw Failure(MSB_ERR_INVALID_ARGUMENT, "invalid argument: there is nothing to run",
                  "name an image, --from-snapshot, or a sandbox that is there with --name");
  }
  opts.image = or_null(options.image);
  opts.from_snapshot = or_null(options.snapshot);
  ask<msb_sandbox_create>(session.client(), options.name.c_str(), &opts, session.call());
}

/// Where the output of a command goes: where it would go without a machine, byte by byte.
struct Output {
  Session& session;
  msb_cancel* cancel;  ///< for when nobody takes it any more
  uint64_t passed = 0;
  int error = 0;  ///< why nobody does

  static void pass_on(uint32_t source, const void* bytes, size_t length, void* user) {
    auto& self = *static_cast<Output*>(user);
    if (self.error != 0) return;
    const std::string_view text(static_cast<const char*>(bytes), length);
    self.error = self.session.streams.pass_on(source == MSB_OUTPUT_STDERR, text);
    self.passed += length;
    if (self.error != 0) msb_cancel_trigger(self.cancel);
  }
};

/// Runs a command to its end. An interrupt asks it to stop, and so does whoever leaves its output.
int run_to_end(Session& session, const std::string& name, msb_sandbox_start_opts opts) {
  constexpr uint64_t kMostOutput = uint64_t{1} << 30;
  constexpr uint32_t kGrace = 10'000;
  const msb_call* call = session.call();
  Output output{session, call->cancel};
  opts.output_limit = kMostOutput;
  opts.stop_limit_ms = kGrace;
  opts.on_output = Output::pass_on;
  opts.user_data = &output;
  Handle<msb_machine_end> end;
  try {
    end = ask<msb_sandbox_run>(session.client(), name.c_str(), &opts, call);
  } catch (const Failure&) {
    if (output.error == EPIPE) return kFailed;
    if (output.error == 0) throw;
    throw Failure(MSB_ERR_IO, std::string("io error: cannot write the output: ") + std::strerror(output.error));
  }
  const auto info = look<msb_machine_end_read>(end.get()).value();
  if (info.exit_code < 0) {
    throw Failure(MSB_ERR_EXEC_FAILED, "exec failed: " + name + ": " + or_empty(info.message),
                  "'msbctl logs --source console' shows what the machine said");
  }
  if (info.stdout_total + info.stderr_total == output.passed) return info.exit_code;
  session.streams.say_error("the command wrote more than " + session.size(kMostOutput) + ": what came later is lost");
  return info.exit_code != 0 ? info.exit_code : kFailed;
}

/// Exit code of the command.
int run_machine(Session& session, const RunOptions& options) {
  constexpr uint64_t kMebibyte = uint64_t{1} << 20;
  std::vector<const char*> command;
  for (const std::string& word : options.words) command.push_back(word.c_str());
  const Labels variables(options.env, false);
  msb_sandbox_start_opts opts = MSB_SANDBOX_START_OPTS_INIT;
  opts.command = command.data();
  opts.command_count = command.size();
  opts.env = variables.data();
  opts.env_count = variables.count();
  opts.working_dir = or_null(options.directory);
  opts.user = or_null(options.user);
  opts.kernel = or_null(options.kernel);
  opts.memory_mib = static_cast<uint32_t>(options.memory / kMebibyte);
  opts.cpus = options.cpus;
  opts.network = options.network;
  if (options.accelerator == "kvm") opts.accelerator = MSB_ACCELERATOR_KVM;
  if (options.accelerator == "tcg") opts.accelerator = MSB_ACCELERATOR_TCG;
  if (options.detach) {
    ask<msb_sandbox_start>(session.client(), options.name.c_str(), &opts, session.call());
    session.streams.print(options.name + '\n');
    return kOk;
  }
  return run_to_end(session, options.name, opts);
}

int run(Session& session, RunOptions options) {
  const bool passing = options.name.empty();  // nobody could find it again
  if (passing) options.name = random_name();
  const bool there = !passing && exists(session, options.name);
  if ((there || !options.snapshot.empty()) && !options.image.empty()) {
    options.words.insert(options.words.begin(), std::exchange(options.image, {}));
  }
  if (!there) create(session, options);
  if (!passing) return run_machine(session, options);
  const auto remove = [&] { msb_sandbox_remove(session.client(), options.name.c_str(), nullptr, nullptr); };
  try {
    const int code = run_machine(session, options);
    if (!options.detach) remove();
    return code;
  } catch (...) {
    remove();
    throw;
  }
}

void add_run(CLI::App& app, Shell& shell) {
  Session& session = shell.session;
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = add_command(app, "run", "Run a command in a sandbox, in a virtual machine");
  // Two arguments, because what stands behind -- goes to one that has nothing yet.
  command->add_option("IMAGE", options->image,
                      "Image to run. Not with --from-snapshot, nor with --name and a sandbox that is there");
  command->add_option("COMMAND", options->words, "Command to run in place of the image's own");
  command->add_option("--name", options->name, "Name of the sandbox, which stays; one that is there is used")
      ->type_name("NAME");
  command->add_option("--from-snapshot,--from-snap,--snapshot", options->snapshot, "Make the sandbox from a snapshot")
      ->type_name("SNAPSHOT");
  add_repeated(command, "-e,--env", options->env, "K=V", "Set a variable for the command");
  command->add_option("-w,--workdir", options->directory, "Directory to run it in")->type_name("DIR");
  command->add_option("-u,--user", options->user, "User to run it as, and perhaps a group: USER[:GROUP]")
      ->type_name("USER");
  add_size(command, "-m,--memory", options->memory, "Memory of the machine; 512MiB unless told");
  command->add_option("-c,--cpus", options->cpus, "Processors of the machine; 1 unless told")->type_name("N");
  command->add_flag("--network", options->network,
                    "Let it reach the network, and with it what listens on this host's loopback");
  command->add_option("--kernel", options->kernel, "Kernel to boot; the newest in /boot unless told")
      ->type_name("PATH");
  restrict_to(command->add_option("--accelerator", options->accelerator, "What makes its processor; auto unless told"),
              {"auto", "kvm", "tcg"});
  command->add_flag("-d,--detach", options->detach, "Return once the command runs, and print the sandbox's name");
  command->footer(
      "Without --name the sandbox is removed afterwards. "
      "The exit code is the command's; 127 when there is none of that name, 126 when it cannot be run. "
      "An interrupt asks it to stop, and makes it after 10s; a second one at once. "
      "Put -- before a command that has options.\n\n"
      "Examples:\n"
      "  msbctl run --name baseline python:3.12 -- pip install numpy\n"
      "  msbctl run --from-snapshot after-setup -- python -c 'import numpy'");
  set_action(command, shell, [&session, options] { return run(session, *options); });
}

// --- stop ---

void add_stop(CLI::App& app, Shell& shell) {
  constexpr uint64_t kSeconds = 10;
  constexpr uint64_t kMilliseconds = 1000;
  Session& session = shell.session;
  auto names = std::make_shared<std::vector<std::string>>();
  auto limit = std::make_shared<uint64_t>(kSeconds);
  CLI::App* command = add_command(app, "stop", "Stop sandboxes that run");
  command->add_option("SANDBOXES", *names, "Names of sandboxes")->required();
  add_time(command, "-t,--time", *limit, "How long each may take to end by itself, 10s unless told; 5 is 5s",
           CLI::AsNumberWithUnit::UNIT_OPTIONAL);
  add_format(command, session);
  add_quiet(command, session, "Print nothing but errors");
  set_action(command, shell, [&session, names, limit] {
    const auto milliseconds =
        static_cast<uint32_t>(std::min<uint64_t>(*limit, UINT32_MAX / kMilliseconds) * kMilliseconds);
    return for_each(session, *names, "stopped", "Stopped", "some sandboxes failed to stop",
                    [&](const std::string& name) {
                      ask<msb_sandbox_stop>(session.client(), name.c_str(), milliseconds, session.call());
                    });
  });
}

// --- logs ---

struct LogOptions {
  std::string name;
  std::string source;
  uint64_t most = UINT64_MAX;
};

int logs(Session& session, const LogOptions& options) {
  const auto show = [&](uint32_t source) {
    const auto log =
        ask<msb_sandbox_logs>(session.existing_client(), options.name.c_str(), source, options.most, session.call());
    size_t length = 0;
    const char* bytes = static_cast<const char*>(msb_buffer_data(log.get(), &length));
    const std::string_view text(bytes, length);
    const bool to_err = source == MSB_OUTPUT_STDERR && options.source.empty();
    to_err ? static_cast<void>(session.streams.pass_on(true, text)) : session.streams.print(text);
  };
  if (options.source.empty()) {
    show(MSB_OUTPUT_STDOUT);
    session.streams.flush();
    show(MSB_OUTPUT_STDERR);
    return kOk;
  }
  static const std::vector<std::string> words{"stdout", "stderr", "console", "machine"};
  const auto at = std::find(words.begin(), words.end(), options.source);
  show(static_cast<uint32_t>(at - words.begin()) + MSB_OUTPUT_STDOUT);
  return kOk;
}

void add_logs(CLI::App& app, Shell& shell) {
  Session& session = shell.session;
  auto options = std::make_shared<LogOptions>();
  CLI::App* command = add_command(app, "logs", "Show what a sandbox has written when it ran last");
  command->add_option("SANDBOX", options->name, "Name of a sandbox")->required();
  restrict_to(command->add_option("--source", options->source, "Only this; unless told, both outputs of the command"),
              {"stdout", "stderr", "console", "machine"});
  add_size(command, "--tail", options->most, "Only so much of the end");
  set_action(command, shell, [&session, options] { return logs(session, *options); });
}

}  // namespace

void add_machine_commands(Shell& shell) {
  add_run(shell.app, shell);
  add_stop(shell.app, shell);
  add_logs(shell.app, shell);
}

}  // namespace msbctl
