#include "runtime/start.h"

#include <algorithm>
#include <cerrno>

#include "index/sandboxes.h"
#include "os/dir.h"
#include "runtime/accelerator.h"
#include "runtime/await_end.h"
#include "runtime/boot_config.h"
#include "runtime/host.h"
#include "runtime/image_disks.h"
#include "sandbox/directory.h"
#include "sandbox/hold.h"
#include "sandbox/registry.h"
#include "sandbox/variables.h"

namespace msb::runtime {
namespace {

using sandbox::Variables;

constexpr std::chrono::milliseconds kReadyTimeout{60'000};
constexpr std::chrono::milliseconds kGivenUpTimeout{5'000};
constexpr uint64_t kOutputLimit = uint64_t{8} << 20;
constexpr uint32_t kMinMemory = 64;
constexpr uint32_t kMaxMemory = uint32_t{1} << 20;
constexpr uint32_t kMaxCpus = 256;

Result<uint32_t> choose(uint32_t wanted, const std::optional<uint64_t>& configured, uint32_t least, uint32_t most,
                        uint32_t otherwise, const char* what) {
  const uint64_t value = wanted != 0 ? wanted : configured.value_or(otherwise);
  if (value >= least && value <= most) return static_cast<uint32_t>(value);
  return Error(Status::invalid_argument, std::string(what) + " of a machine must be " + std::to_string(least) + " to " +
                                             std::to_string(most) + ", not " + std::to_string(value));
}

Result<std::vector<std::string>> choose_command(const std::string& name, const StartRequest& request,
                                                const BootConfig& config) {
  if (request.idle) return std::vector<std::string>();
  std::vector<std::string> command;
  if (request.command) {
    command = *request.command;
  } else {
    command = config.entrypoint.value_or(std::vector<std::string>());
    if (config.command) command.insert(command.end(), config.command->begin(), config.command->end());
  }
  if (command.empty() || command.front().empty()) {
    return Error(Status::no_default_command, "neither the caller nor the image of " + name + " names one")
        .with("name", name);
  }
  return command;
}

Result<Variables> variables_of(const StartRequest& request, const Call& call) {
  constexpr size_t kLook = 1024;
  Variables variables;
  uint64_t bytes = 0;
  for (size_t i = 0; i < request.environment.size(); ++i) {
    if (i % kLook == 0) MSB_CHECK(call.check());
    const auto& [key, value] = request.environment[i];
    variables.put(key, value);
    bytes += key.size() + value.size();
  }
  if (bytes <= kMaxRecords) return variables;
  return Error(Status::invalid_argument, "the environment takes " + std::to_string(bytes) + " bytes, and may take " +
                                             std::to_string(kMaxRecords));
}

/// What the sandbox sets, and `given` over it.
Variables environment_of(const BootConfig& config, const Variables& given) {
  Variables variables;
  for (const std::string& variable : config.environment) {
    const size_t end = std::min(variable.find('='), variable.size());
    variables.put(variable.substr(0, end), variable.substr(std::min(end + 1, variable.size())));
  }
  for (const auto& [key, value] : given.all()) variables.put(key, value);
  return variables;
}

Result<std::string> request_of(const std::string& name, const StartRequest& request, const BootConfig& config,
                               const Variables& given, const ImageDisks& image) {
  MSB_TRY(const auto command, choose_command(name, request, config));
  Records records;
  for (const std::string& argument : command) records.emplace_back("argument", argument);
  const Variables environment = environment_of(config, given);
  for (const auto& [key, value] : environment.all()) {
    records.emplace_back("variable", std::string(key).append(1, '=').append(value));
  }
  const auto add = [&](const char* key, const std::optional<std::string>& first,
                       const std::optional<std::string>& second) {
    if (const auto& value = first ? first : second; value && !value->empty()) records.emplace_back(key, *value);
  };
  add("directory", request.directory, config.directory);
  add("user", request.user, config.user);
  add("hostname", request.hostname, config.hostname ? config.hostname : name.substr(0, 63));
  records.emplace_back("layers", std::to_string(image.layers));
  for (const auto& [disk, sectors] : image.shared) {
    records.emplace_back("shared-layer", std::string(disk).append(1, ' ').append(std::to_string(sectors)));
  }
  records.emplace_back("stop-signal", std::to_string(signal_number(config.stop_signal)));
  if (request.network) records.emplace_back("network", "1");
  return encode_records(records);
}

Result<Machine> describe(const image::Context& context, const sandbox::Sandbox& sandbox, const StartRequest& request,
                         const Variables& given, const Call& call) {
  if (!sandbox.upper_path || !sandbox.image_digest) {
    return Error(Status::invalid_config, "sandbox " + sandbox.name + " has no image or no disk of its own")
        .with("name", sandbox.name);
  }
  MSB_TRY(const auto image, context.database.read(call, [&](index::Transaction& transaction) {
    return index::find_config(transaction, *sandbox.image_digest);
  }));
  const BootConfig config = read_boot_config(sandbox.config_json, image);
  Machine machine;
  MSB_TRY(ImageDisks disks, image_disks(context, *sandbox.image_digest));
  MSB_TRY(machine.request, request_of(sandbox.name, request, config, given, disks));
  machine.disks = std::move(disks.disks);
  machine.disks.push_back({*sandbox.upper_path, "upper", true, {}});
  MSB_TRY(machine.memory_mib,
          choose(request.memory_mib, config.memory_mib, kMinMemory, kMaxMemory, 512, "memory (MiB)"));
  MSB_TRY(machine.cpus, choose(request.cpus, config.cpus, 1, kMaxCpus, 1, "processors"));
  MSB_CHECK(check_accelerator(request.accelerator));
  MSB_TRY(machine.qemu, find_qemu());
  MSB_TRY(const Kernel kernel, find_kernel(context.fs, request.kernel));
  MSB_TRY(machine.kernel, os::absolute_path(kernel.path));
  MSB_TRY(machine.initramfs, provide_initramfs(context, kernel, call));

  machine.name = sandbox.name;
  machine.directory = sandbox::directory_of(context, sandbox.name);
  machine.home = os::parent_path(os::parent_path(context.database.path()));
  machine.cache = context.paths.root();
  machine.snapshots = context.snapshots_dir;
  machine.sandboxes = context.sandboxes_dir;
  machine.accelerator_file = machine.home + "/run/accelerator";
  machine.accelerator = request.accelerator;
  machine.network = request.network;
  machine.console = request.console;
  machine.ready_timeout = request.ready_timeout.count() > 0 ? request.ready_timeout : kReadyTimeout;
  machine.output_limit = request.output_limit > 0 ? request.output_limit : kOutputLimit;
  return machine;
}

/// What the last machine has left must not be taken for this one's.
Done clear_traces(const image::Context& context, const std::string& directory) {
  for (const char* folder : {kLogs, kRuntime}) MSB_CHECK(os::make_dirs(context.fs, os::join_path(directory, folder)));
  for (const char* file : {kOutcome, kStdoutLog, kStderrLog, kConsoleLog, kQemuLog}) {
    const std::string path = os::join_path(directory, file);
    const int result = context.fs.unlink(AT_FDCWD, path.c_str(), 0);
    if (result < 0 && result != -ENOENT) return Error::io("cannot remove", path, -result);
  }
  return {};
}

Result<MonitorProcess> launch(const image::Context& context, const std::string& name, const StartRequest& request,
                              bool bound, const Call& call) {
  // What takes as long as the caller has given much is done before anybody waits for the lock.
  MSB_TRY(const Variables given, variables_of(request, call));
  MSB_TRY(sandbox::StoppedHold held, sandbox::hold_idle(context, name, call));
  MSB_TRY(Machine machine, describe(context, held.sandbox(), request, given, call));
  machine.bound = bound;
  machine.stop_limit = request.stop_limit;
  MSB_CHECK(clear_traces(context, machine.directory));
  MSB_TRY(MonitorProcess monitor, MonitorProcess::start(machine, held.lock_fd(), call));
  MSB_CHECK(sandbox::record_starting(context, held, monitor.pid(), call));
  held.hand_on();
  if (auto ready = monitor.go(call); !ready) {
    // The machine is given up, and ends at once. Whether it does changes nothing in what is reported.
    { const MonitorProcess given_up = std::move(monitor); }
    static_cast<void>(await_end(context, name, kGivenUpTimeout, Call()));
    return std::move(ready).error();
  }
  return monitor;
}

}  // namespace

Done start(const image::Context& context, const std::string& name, const StartRequest& request, const Call& call) {
  MSB_CHECK(launch(context, name, request, false, call));
  return {};
}

Result<MonitorProcess> start_bound(const image::Context& context, const std::string& name, const StartRequest& request,
                                   const Call& call) {
  return launch(context, name, request, true, call);
}

}  // namespace msb::runtime
