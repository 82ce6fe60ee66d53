#include "runtime/qemu.h"

#include <array>
#include <charconv>

#include "base/number.h"
#include "erofs/vmdk.h"

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

/// Number of the set that a descriptor is in: each is in one of its own.
std::string set_of(int fd) { return std::to_string(fd - kFirstDiskFd + 1); }

/// QEMU reads the numbers of slots as hexadecimal.
std::string hexadecimal(size_t number) {
  std::array<char, 2 * sizeof number> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number, 16).ptr;
  return std::string(text.data(), end);
}

void add_disk(std::vector<std::string>& arguments, const Disk& disk, size_t number, int first_fd) {
  constexpr size_t kFirstSlot = 3;
  constexpr size_t kFunctions = 8;
  for (size_t i = 0; i < descriptors_of(disk); ++i) {
    const int fd = first_fd + static_cast<int>(i);
    arguments.insert(arguments.end(), {"-add-fd", "fd=" + std::to_string(fd) + ",set=" + set_of(fd)});
  }
  const std::string driver = disk.rest.empty() ? "raw" : "vmdk";
  const std::string node = "disk" + std::to_string(number);
  const size_t slot = kFirstSlot + number / kFunctions;
  const size_t function = number % kFunctions;
  arguments.insert(
      arguments.end(),
      {"-blockdev",
       "driver=" + driver + ",node-name=" + node + ",file.driver=file,file.filename=/dev/fdset/" + set_of(first_fd) +
           (disk.writable ? ",discard=unmap,file.discard=unmap" : ",read-only=on,file.read-only=on"),
       "-device",
       "virtio-blk-pci,drive=" + node + ",serial=" + escaped(disk.serial) + ",addr=" + hexadecimal(slot) + '.' +
           std::to_string(function) + (function == 0 ? ",multifunction=on" : "")});
}

}  // namespace

size_t descriptors_of(const Disk& disk) { return disk.rest.empty() ? 1 : disk.rest.size() + 2; }

Result<std::string> joining(const std::vector<uint64_t>& sizes, int first_fd) {
  constexpr uint64_t kSector = 512;
  std::vector<erofs::Extent> extents;
  for (const uint64_t size : sizes) {
    const int fd = first_fd + 1 + static_cast<int>(extents.size());
    extents.push_back({"/dev/fdset/" + set_of(fd), size / kSector});
  }
  return erofs::format_vmdk(extents);
}

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
      "-chardev",
      "socket,id=monitor,fd=" + std::to_string(kMonitorFd),
      "-mon",
      "chardev=monitor,mode=control",
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
  int fd = kFirstDiskFd;
  for (size_t i = 0; i < machine.disks.size(); ++i) {
    add_disk(arguments, machine.disks[i], i, fd);
    fd += static_cast<int>(descriptors_of(machine.disks[i]));
  }
  return arguments;
}

}  // namespace msb::runtime
