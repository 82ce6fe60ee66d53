#include <cerrno>
#include <memory>

#include <sys/stat.h>

#include "digest/digest.h"
#include "os/dir.h"
#include "os/publish.h"
#include "runtime/host.h"
#include "runtime/libarchive.h"

namespace msb::runtime {
namespace {

constexpr size_t kMaxFile = size_t{64} << 20;

struct ReadDeleter {
  void operator()(archive* reader) const { libarchive().read_free(reader); }
};
struct WriteDeleter {
  void operator()(archive* writer) const { libarchive().write_free(writer); }
};
struct EntryDeleter {
  void operator()(archive_entry* entry) const { libarchive().entry_free(entry); }
};

const std::vector<std::string> kModules{"virtio_pci", "virtio_blk", "virtio_console", "erofs", "ext4", "overlay"};
const std::vector<std::string> kOptionalModules{"crc32c_generic", "crc32c_intel", "virtio_net"};

Error archive_error(archive* of, const std::string& path) {
  const char* text = libarchive().error_string(of);
  return Error(Status::io, path + ": " + (text != nullptr ? text : "unknown failure")).with("path", path);
}

/// A module, unpacked: the kernel itself cannot always do that.
Result<std::string> read_module(const std::string& path) {
  const std::unique_ptr<archive, ReadDeleter> reader(libarchive().read_new());
  libarchive().read_support_filter_gzip(reader.get());
  libarchive().read_support_filter_xz(reader.get());
  libarchive().read_support_filter_zstd(reader.get());
  libarchive().read_support_format_raw(reader.get());
  archive_entry* entry = nullptr;
  if (libarchive().read_open_filename(reader.get(), path.c_str(), 65536) != ARCHIVE_OK ||
      libarchive().read_next_header(reader.get(), &entry) != ARCHIVE_OK) {
    return archive_error(reader.get(), path);
  }
  std::string content;
  char buffer[65536];
  for (;;) {
    const la_ssize_t got = libarchive().read_data(reader.get(), buffer, sizeof buffer);
    if (got < 0) return archive_error(reader.get(), path);
    if (got == 0) return content;
    content.append(buffer, static_cast<size_t>(got));
    if (content.size() > kMaxFile) return Error(Status::unsupported, "kernel module " + path + " is too large");
  }
}

/// Writes the cpio that the kernel unpacks (Documentation/driver-api/early-userspace/buffer-format.rst of Linux).
class CpioWriter {
 public:
  Done open(const os::File& file) {
    path_ = file.path();
    writer_.reset(libarchive().write_new());
    libarchive().write_set_format_cpio_newc(writer_.get());
    libarchive().write_add_filter_none(writer_.get());
    if (libarchive().write_open_fd(writer_.get(), file.fd()) != ARCHIVE_OK) return archive_error(writer_.get(), path_);
    return {};
  }

  Done add(const std::string& name, mode_t mode, std::string_view content = {}) {
    const std::unique_ptr<archive_entry, EntryDeleter> entry(libarchive().entry_new());
    libarchive().entry_set_pathname(entry.get(), name.c_str());
    libarchive().entry_set_mode(entry.get(), mode);
    libarchive().entry_set_ino(entry.get(), ++inode_);
    libarchive().entry_set_nlink(entry.get(), 1);
    libarchive().entry_set_mtime(entry.get(), 0, 0);
    libarchive().entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
    if (S_ISCHR(mode)) {
      libarchive().entry_set_rdevmajor(entry.get(), 5);
      libarchive().entry_set_rdevminor(entry.get(), 1);
    }
    if (libarchive().write_header(writer_.get(), entry.get()) != ARCHIVE_OK ||
        libarchive().write_data(writer_.get(), content.data(), content.size()) < 0) {
      return archive_error(writer_.get(), path_);
    }
    return {};
  }

  Done close() {
    if (libarchive().write_close(writer_.get()) != ARCHIVE_OK) return archive_error(writer_.get(), path_);
    return {};
  }

 private:
  std::unique_ptr<archive, WriteDeleter> writer_;
  std::string path_;
  int64_t inode_ = 0;
};

Done write_initramfs(const image::Context& context, const os::File& file, const std::string& init, const Kernel& kernel,
                     const std::vector<std::string>& modules, const Call& call) {
  MSB_CHECK(load_libarchive());
  CpioWriter cpio;
  MSB_CHECK(cpio.open(file));
  for (const char* directory : {"dev", "modules", "proc", "sys"}) MSB_CHECK(cpio.add(directory, S_IFDIR | 0755));
  MSB_CHECK(cpio.add("dev/console", S_IFCHR | 0600));
  MSB_TRY(const std::string program, os::read_small(context.fs, AT_FDCWD, init, kMaxFile));
  MSB_CHECK(cpio.add("init", S_IFREG | 0755, program));
  std::string list;
  for (const std::string& module : modules) {
    MSB_CHECK(call.check());
    std::string name = "modules/" + os::base_name(module);
    name.resize(std::min(name.find(".ko"), name.size()));
    MSB_TRY(const std::string content, read_module(os::join_path(kernel.modules, module)));
    MSB_CHECK(cpio.add(name + ".ko", S_IFREG | 0644, content));
    list += "/" + name + ".ko\n";
  }
  MSB_CHECK(cpio.add("modules/list", S_IFREG | 0644, list));
  return cpio.close();
}

/// Says of a file what changes when it is another one.
Result<std::string> stamp(os::Fs& fs, const std::string& path) {
  struct stat st {};
  if (const int failed = fs.fstatat(AT_FDCWD, path.c_str(), &st, 0); failed < 0) {
    return Error::io("cannot look at", path, -failed);
  }
  return path + ' ' + std::to_string(st.st_size) + ' ' + std::to_string(st.st_mtim.tv_sec) + '.' +
         std::to_string(st.st_mtim.tv_nsec) + '\n';
}

void remove_older(const image::Context& context, const std::string& folder, const std::string& prefix,
                  const std::string& name) {
  const auto dir = os::open_dir(context.fs, folder);
  const auto entries = dir ? os::list_dir(*dir) : Result<std::vector<os::DirEntry>>(std::vector<os::DirEntry>());
  if (!entries) return;
  for (const os::DirEntry& entry : *entries) {
    if (entry.name.starts_with(prefix) && entry.name != name) context.fs.unlink(dir->fd(), entry.name.c_str(), 0);
  }
}

}  // namespace

Result<std::string> provide_initramfs(const image::Context& context, const Kernel& kernel, const Call& call) {
  constexpr size_t kTag = 16;
  MSB_TRY(const std::string init, find_helper(kGuestInit));
  MSB_TRY(const auto modules, resolve_modules(context.fs, kernel, kModules, kOptionalModules));
  MSB_TRY(std::string made_of, stamp(context.fs, init));
  for (const std::string& module : modules) {
    MSB_TRY(const std::string one, stamp(context.fs, os::join_path(kernel.modules, module)));
    made_of += one;
  }
  const std::string folder = os::join_path(context.paths.root(), "runtime");
  const std::string prefix = "initramfs-" + kernel.release + '_';
  const std::string name = prefix + std::string(Digest::sha256_of(as_bytes(made_of)).hex().substr(0, kTag)) + ".cpio";
  std::string path = os::join_path(folder, name);
  MSB_TRY(const bool there, os::exists(context.fs, path));
  if (there) return path;
  MSB_CHECK(os::make_dirs(context.fs, folder));
  MSB_TRY(os::StagedFile staged, os::StagedFile::create(context.fs, folder));
  MSB_CHECK(write_initramfs(context, staged.file(), init, kernel, modules, call));
  MSB_CHECK(staged.publish(path, os::Existing::replace));
  remove_older(context, folder, prefix, name);
  return path;
}

}  // namespace msb::runtime
