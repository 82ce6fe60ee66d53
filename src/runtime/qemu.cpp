#include "runtime/qemu.h"

namespace msb::runtime {
namespace {

/// QEMU's own way to write a comma in a value.
std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) result.append(c == ',' ? 2 : 1, c);
  return result;
}

std::string kernel_command_line(const Machine& machine, Accelerator accelerator) {
  // With panic=-1 the kernel reboots at once, and -no-reboot makes that the end.
  std::string line = "console=ttyS0 rdinit=/init panic=-1";
  line += machine.console ? " loglevel=7" : " quiet loglevel=3";
  // What is worked around there is not in an emulated processor.
  if (accelerator == Accelerator::tcg) line += " mitigations=off";
  return line;
}

void add_disk(std::vector<std::string>& arguments, const Disk& disk, size_t number) {
  constexpr size_t kFirstSlot = 3;
  constexpr size_t kFunctions = 8;
  const std::string set = std::to_string(number + 1);
  const std::string node = "disk" + std::to_string(number);
  const size_t slot = kFirstSlot + number / kFunctions;
  const size_t function = number % kFunctions;
  arguments.insert(
      arguments.end(),
      {"-add-fd", "fd=" + std::to_string(kFirstDiskFd + static_cast<int>(number)) + ",set=" + set, "-blockdev",
       "driver=raw,node-name=" + node + ",file.driver=file,file.filename=/dev/fdset/" + set +
           (disk.writable ? ",discard=unmap,file.discard=unmap" : ",read-only=on,file.read-only=on"),
       "-device",
       "virtio-blk-pci,drive=" + node + ",serial=" + escaped(disk.serial) + ",addr=" + std::to_string(slot) + '.' +
           std::to_string(function) + (function == 0 ? ",multifunction=on" : "")});
}

}  // namespace

std::vector<std::string> qemu_arguments(const Machine& machine, Accelerator accelerator) {
  std::vector<std::string> arguments{
      machine.qemu,
      "-M",
      "q35",
      "-accel",
      accelerator_name(accelerator),
      "-cpu",
      accelerator == Accelerator::kvm ? "host" : "max",
      "-m",
      std::to_string(machine.memory_mib) + 'M',
      "-smp",
      std::to_string(machine.cpus),
      "-nodefaults",
      "-no-user-config",
      "-display",
      "none",
      "-no-reboot",
      "-sandbox",
      "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
      "-kernel",
      machine.kernel,
      "-initrd",
      machine.initramfs,
      "-append",
      kernel_command_line(machine, accelerator),
      "-chardev",
      "socket,id=console,fd=" + std::to_string(kConsoleFd),
      "-serial",
      "chardev:console",
      "-device",
      "virtio-serial-pci,addr=1.0",
  };
  const struct {
    const char* name;
    int fd;
  } ports[] = {{"control", kControlFd}, {"stdout", kStdoutFd}, {"stderr", kStderrFd}};
  for (const auto& port : ports) {
    const std::string name(port.name);
    std::string channel = "socket,id=" + name;
    channel += ",fd=" + std::to_string(port.fd);
    std::string device = "virtserialport,chardev=" + name;
    device += ",name=msb." + name;
    arguments.insert(arguments.end(), {"-chardev", std::move(channel), "-device", std::move(device)});
  }
  if (machine.network) {
    arguments.insert(arguments.end(),
                     {"-netdev", "user,id=net,ipv6=off", "-device", "virtio-net-pci,netdev=net,romfile=,addr=2.0"});
  }
  for (size_t i = 0; i < machine.disks.size(); ++i) add_disk(arguments, machine.disks[i], i);
  return arguments;
}

}  // namespace msb::runtime
