#include "runtime/accelerator.h"

#include <fcntl.h>

#include <cerrno>

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "os/dir.h"
#include "os/file.h"
#include "os/publish.h"

namespace msb::runtime {
namespace {

constexpr char kDevice[] = "/dev/kvm";

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

Done ask_kvm() {
  MSB_TRY(const auto device, os::File::open(os::real_fs(), AT_FDCWD, kDevice, O_RDWR));
  if (::ioctl(device.fd(), KVM_GET_API_VERSION, 0) == KVM_API_VERSION) return {};
  return Error::io("cannot use", kDevice, errno);
}

}  // namespace

Done check_accelerator(Accelerator accelerator) {
  if (accelerator != Accelerator::kvm) return {};
  auto usable = ask_kvm();
  if (usable) return {};
  const char* advice =
      usable.error().os_code() == EACCES ? "be a member of the group kvm" : "load the module of the host";
  return Error(Status::unsupported, std::string("KVM cannot be used here; ") + advice + ", or choose tcg or auto")
      .with("path", kDevice)
      .because(std::move(usable).error());
}

std::vector<Accelerator> accelerators_to_try(const Machine& machine) {
  if (machine.accelerator != Accelerator::automatic) return {machine.accelerator};
  const auto known = os::read_small(os::real_fs(), AT_FDCWD, machine.accelerator_file, 256);
  if ((known && *known == broken_mark()) || !ask_kvm()) return {Accelerator::tcg};
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
