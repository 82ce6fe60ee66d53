#include "support/mount.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

namespace msb::test {

LoopDevice::LoopDevice(const std::string& file) {
  const int backing = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  const int control = ::open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  // Another process may take the free device first.
  for (int attempt = 0; attempt < 50 && backing >= 0 && control >= 0 && fd_ < 0; ++attempt) {
    const int number = ::ioctl(control, LOOP_CTL_GET_FREE);
    if (number < 0) break;
    path_ = "/dev/loop" + std::to_string(number);
    fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) break;
    loop_config config{};
    config.fd = static_cast<uint32_t>(backing);
    config.block_size = 4096;
    config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR;
    if (::ioctl(fd_, LOOP_CONFIGURE, &config) == 0) break;
    ::close(fd_);
    fd_ = -1;
    if (errno != EBUSY) break;
  }
  if (backing >= 0) ::close(backing);
  if (control >= 0) ::close(control);
}

LoopDevice::~LoopDevice() {
  if (fd_ >= 0) ::close(fd_);  // the last close detaches the file
}

ErofsMount::ErofsMount(const std::string& file, const std::vector<std::string>& devices) {
  const auto attach = [&](const std::string& path) {
    loops_.push_back(std::make_unique<LoopDevice>(path));
    if (!*loops_.back()) error_ = "no loop device for " + path;
  };
  attach(file);
  std::string options;
  for (const std::string& device : devices) {
    attach(device);
    options += (options.empty() ? "device=" : ",device=") + loops_.back()->path();
  }
  if (!error_.empty()) return;
  mounted_ = ::mount(loops_[0]->path().c_str(), path().c_str(), "erofs", MS_RDONLY, options.c_str()) == 0;
  if (!mounted_) error_ = "mount " + file + ": " + std::strerror(errno);
}

ErofsMount::~ErofsMount() {
  if (mounted_) ::umount2(path().c_str(), MNT_DETACH);
}

std::optional<std::string> reason_not_to_mount() {
  if (::geteuid() != 0) return "only root may mount";
  const TempDir folder;
  const std::string file = folder / "layer.erofs";
  std::filesystem::copy_file(std::filesystem::path(MSB_TESTS_DIR) / "fuzz/corpus/erofs/layer.erofs", file);
  const ErofsMount mount(file);
  if (!mount) return "the kernel does not mount EROFS files here (" + mount.error() + ")";
  return std::nullopt;
}

}  // namespace msb::test
