#include "runtime/accelerator.h"

#include <fcntl.h>

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "os/dir.h"
#include "os/file.h"
#include "os/publish.h"

namespace msb::runtime {
namespace {

/// Names this boot of the host.
std::string boot_id() {
  constexpr size_t kMax = 64;
  // A file of the kernel, which has no size.
  const auto file = os::File::open(os::real_fs(), AT_FDCWD, "/proc/sys/kernel/random/boot_id", O_RDONLY);
  std::string text(kMax, '\0');
  const auto got = file ? file->read_at(std::as_writable_bytes(std::span(text)), 0) : Result<size_t>(0);
  text.resize(got ? *got : 0);
  return text;
}

std::string broken_mark() { return "kvm runs no guest, boot " + boot_id(); }

bool kvm_answers() {
  const auto device = os::File::open(os::real_fs(), AT_FDCWD, "/dev/kvm", O_RDWR);
  return device && ::ioctl(device->fd(), KVM_GET_API_VERSION, 0) == KVM_API_VERSION;
}

}  // namespace

std::vector<Accelerator> accelerators_to_try(const Machine& machine) {
  if (machine.accelerator != Accelerator::automatic) return {machine.accelerator};
  const auto known = os::read_small(os::real_fs(), AT_FDCWD, machine.accelerator_file, 256);
  if ((known && *known == broken_mark()) || !kvm_answers()) return {Accelerator::tcg};
  return {Accelerator::kvm, Accelerator::tcg};
}

void remember_broken_kvm(const std::string& file) {
  auto& fs = os::real_fs();
  if (!os::make_dirs(fs, os::parent_path(file))) return;
  auto staged = os::StagedFile::create(fs, os::parent_path(file));
  if (!staged || !staged->file().write_at(as_bytes(broken_mark()), 0)) return;
  if (!staged->publish(file, os::Existing::replace)) return;
}

}  // namespace msb::runtime
