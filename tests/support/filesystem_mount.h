#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include <sys/mount.h>

#include "support/temp_dir.h"

namespace msb::test {

/// A small filesystem of its own, mounted for one test: "ext4", "xfs", "btrfs", "tmpfs", or "overlay" on a tmpfs. Needs
/// root, the mkfs program and a kernel that knows it; skip_reason() says what was missing.
class FilesystemMount {
 public:
  FilesystemMount(const std::string& kind, size_t mebibytes) {
    std::filesystem::create_directory(path());
    if (::geteuid() != 0) {
      skip_reason_ = "mounting needs root";
    } else if (!(kind == "overlay" ? mount_overlay(mebibytes) : mount_one(kind, mebibytes, path().string()))) {
      skip_reason_ = "cannot make and mount " + kind + " here";
    }
  }
  FilesystemMount(const FilesystemMount&) = delete;
  FilesystemMount& operator=(const FilesystemMount&) = delete;
  ~FilesystemMount() {
    ::umount2(path().c_str(), MNT_DETACH);
    ::umount2(below().c_str(), MNT_DETACH);
  }

  const std::string& skip_reason() const { return skip_reason_; }
  std::filesystem::path path() const { return dir_.path() / "mnt"; }
  /// Makes what an overlay has got so far its lower layer, as it is in a container whose image came with it.
  /// Directories of it cannot be renamed.
  bool bake() const {
    if (::umount2(path().c_str(), 0) != 0) return false;
    std::filesystem::remove_all(below() / "lower");
    std::filesystem::remove_all(below() / "work");
    std::filesystem::rename(below() / "upper", below() / "lower");
    return mount_layers();
  }
  bool make_read_only() const {
    return ::mount(nullptr, path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0;
  }

 private:
  std::filesystem::path below() const { return dir_.path() / "below"; }

  bool mount_one(const std::string& kind, size_t mebibytes, const std::string& point) const {
    if (kind == "tmpfs") {
      const std::string size = "size=" + std::to_string(mebibytes) + "m";
      return ::mount("tmpfs", point.c_str(), "tmpfs", 0, size.c_str()) == 0;
    }
    const std::string image = dir_ / "image";
    write_text(image, "");
    std::filesystem::resize_file(image, mebibytes << 20);
    return run("mkfs." + kind + " -q '" + image + "'") &&
           run("mount -o loop -t " + kind + " '" + image + "' '" + point + "'");
  }

  bool mount_overlay(size_t mebibytes) const {
    std::filesystem::create_directory(below());
    return mount_one("tmpfs", mebibytes, below().string()) && mount_layers();
  }

  bool mount_layers() const {
    std::string options = "redirect_dir=off";
    for (const char* name : {"lower", "upper", "work"}) {
      std::filesystem::create_directory(below() / name);
      options += "," + std::string(name) + "dir=" + (below() / name).string();
    }
    return ::mount("overlay", path().c_str(), "overlay", 0, options.c_str()) == 0;
  }

  static bool run(const std::string& command) {
    return std::system(("PATH=$PATH:/usr/sbin:/sbin; " + command + " >/dev/null 2>&1").c_str()) == 0;
  }

  TempDir dir_{std::filesystem::path("/tmp")};
  std::string skip_reason_;
};

}  // namespace msb::test
