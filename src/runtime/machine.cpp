#include "runtime/machine.h"

#include <charconv>

namespace msb::runtime {
namespace {

template <typename T>
T number_of(const std::string& text) {
  T number{};
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

const char* accelerator_name(Accelerator accelerator) {
  switch (accelerator) {
    case Accelerator::kvm:
      return "kvm";
    case Accelerator::tcg:
      return "tcg";
    default:
      return "auto";
  }
}

Records to_records(const Machine& machine) {
  Records records{{"name", machine.name},
                  {"directory", machine.directory},
                  {"home", machine.home},
                  {"cache", machine.cache},
                  {"snapshots", machine.snapshots},
                  {"sandboxes", machine.sandboxes},
                  {"qemu", machine.qemu},
                  {"kernel", machine.kernel},
                  {"initramfs", machine.initramfs},
                  {"accelerator-file", machine.accelerator_file},
                  {"accelerator", std::to_string(static_cast<uint32_t>(machine.accelerator))},
                  {"memory", std::to_string(machine.memory_mib)},
                  {"cpus", std::to_string(machine.cpus)},
                  {"network", machine.network ? "1" : "0"},
                  {"console", machine.console ? "1" : "0"},
                  {"bound", machine.bound ? "1" : "0"},
                  {"stop-limit", std::to_string(machine.stop_limit.count())},
                  {"ready-timeout", std::to_string(machine.ready_timeout.count())},
                  {"output-limit", std::to_string(machine.output_limit)}};
  for (const Disk& disk : machine.disks) {
    records.emplace_back("disk", disk.path);
    records.emplace_back(disk.writable ? "writable-serial" : "serial", disk.serial);
    for (const std::string& path : disk.rest) records.emplace_back("rest-of-disk", path);
  }
  return records;
}

Result<Machine> machine_of(const Records& records) {
  Machine machine;
  for (const auto& [key, value] : records) {
    if (key == "name") machine.name = value;
    if (key == "directory") machine.directory = value;
    if (key == "home") machine.home = value;
    if (key == "cache") machine.cache = value;
    if (key == "snapshots") machine.snapshots = value;
    if (key == "sandboxes") machine.sandboxes = value;
    if (key == "qemu") machine.qemu = value;
    if (key == "kernel") machine.kernel = value;
    if (key == "initramfs") machine.initramfs = value;
    if (key == "accelerator-file") machine.accelerator_file = value;
    if (key == "accelerator") machine.accelerator = static_cast<Accelerator>(number_of<uint32_t>(value));
    if (key == "memory") machine.memory_mib = number_of<uint32_t>(value);
    if (key == "cpus") machine.cpus = number_of<uint32_t>(value);
    if (key == "network") machine.network = value == "1";
    if (key == "console") machine.console = value == "1";
    if (key == "bound") machine.bound = value == "1";
    if (key == "stop-limit") machine.stop_limit = std::chrono::milliseconds(number_of<int64_t>(value));
    if (key == "ready-timeout") machine.ready_timeout = std::chrono::milliseconds(number_of<int64_t>(value));
    if (key == "output-limit") machine.output_limit = number_of<uint64_t>(value);
    if (key == "disk") machine.disks.push_back({value, {}, false, {}});
    if (key == "rest-of-disk" && !machine.disks.empty()) machine.disks.back().rest.push_back(value);
    if ((key == "serial" || key == "writable-serial") && !machine.disks.empty()) {
      machine.disks.back().serial = value;
      machine.disks.back().writable = key == "writable-serial";
    }
  }
  if (machine.name.empty() || machine.qemu.empty() || machine.disks.empty()) {
    return Error(Status::invalid_argument, "the description of a machine is not complete");
  }
  return machine;
}

}  // namespace msb::runtime
