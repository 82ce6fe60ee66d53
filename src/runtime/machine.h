#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/records.h"

namespace msb::runtime {

/// Values are those of MSB_ACCELERATOR_… in the header.
enum class Accelerator : uint32_t { automatic = 0, kvm = 1, tcg = 2 };
/// `auto`, `kvm` or `tcg`.
const char* accelerator_name(Accelerator accelerator);

struct Disk {
  std::string path;
  std::string serial;  ///< by which the guest knows it: `image`, `upper`, `layer0`, `layers0`, …
  bool writable = false;
  std::vector<std::string> rest;  ///< files that follow `path` on the same disk; it is not writable then
};

/// All that a monitor must know of the machine it is to run.
struct Machine {
  std::string name;
  std::string directory;  ///< of the sandbox
  std::string home, cache, snapshots, sandboxes;
  std::string qemu, kernel, initramfs;
  std::string accelerator_file;  ///< where the choice that worked is remembered
  std::vector<Disk> disks;
  Accelerator accelerator = Accelerator::automatic;
  uint32_t memory_mib = 512;
  uint32_t cpus = 1;
  bool network = false;
  bool console = false;
  bool bound = false;                       ///< ends when its starter does
  std::chrono::milliseconds stop_limit{0};  ///< time that it then has to end by itself
  std::chrono::milliseconds ready_timeout{60'000};
  uint64_t output_limit = 0;  ///< bytes that are kept of each output
  std::string request;        ///< records for the guest, with their length
};

Records to_records(const Machine& machine);
Result<Machine> machine_of(const Records& records);

// In the directory of the sandbox (FORMAT.md).
inline constexpr char kLogs[] = "logs";
inline constexpr char kStdoutLog[] = "logs/stdout.log";
inline constexpr char kStderrLog[] = "logs/stderr.log";
inline constexpr char kConsoleLog[] = "logs/console.log";
inline constexpr char kQemuLog[] = "logs/qemu.log";
inline constexpr char kMonitorLog[] = "logs/monitor.log";
inline constexpr char kRuntime[] = "runtime";
inline constexpr char kOutcome[] = "runtime/machine.json";

}  // namespace msb::runtime
