#include "runtime/qemu_process.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "os/file.h"
#include "runtime/qemu.h"

namespace msb::runtime {
namespace {

struct Pair {
  os::Fd ours, theirs;
};

Result<Pair> make_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return Error::io("cannot make", "a channel to a machine", errno);
  }
  Pair pair{os::Fd(os::above_standard(ends[0])), os::Fd(os::above_standard(ends[1]))};
  if (!pair.ours || !pair.theirs) return Error::io("cannot make", "a channel to a machine", EMFILE);
  ::fcntl(pair.ours.get(), F_SETFL, O_NONBLOCK);
  return pair;
}

struct Inherited {
  int from, to;
};

/// In the child: becomes QEMU, or ends.
[[noreturn]] void become(const std::vector<std::string>& arguments, const std::vector<Inherited>& inherited,
                         pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  sigset_t empty;
  sigemptyset(&empty);
  ::sigprocmask(SIG_SETMASK, &empty, nullptr);
  ::signal(SIGPIPE, SIG_DFL);

  // Above all targets first, as a descriptor may have the number that another one is to get.
  int above = 0;
  for (const Inherited& one : inherited) above = std::max(above, one.to + 1);
  std::vector<int> moved;
  moved.reserve(inherited.size());
  for (const Inherited& one : inherited) moved.push_back(::fcntl(one.from, F_DUPFD_CLOEXEC, above));
  for (size_t i = 0; i < inherited.size(); ++i) {
    if (moved[i] < 0 || ::dup2(moved[i], inherited[i].to) < 0) ::_exit(1);
  }
  const int unused = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (unused < 0 || ::dup2(unused, 0) < 0 || ::chdir("/") != 0) ::_exit(1);
  const auto given = [&](int fd) {
    return std::ranges::any_of(inherited, [&](const Inherited& one) { return one.to == fd; });
  };
  for (int fd = 1; fd < above; ++fd) {
    if (!given(fd)) ::close(fd);
  }
  ::close_range(static_cast<unsigned>(above), ~0U, CLOSE_RANGE_CLOEXEC);
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  ::dprintf(2, "cannot run %s\n", argv[0]);
  ::_exit(127);
}

/// A process without other threads has room for so many descriptors afterwards, if it may.
Done make_room(size_t descriptors) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return Error::io("cannot read", "the limit of open files", errno);
  if (limit.rlim_cur >= descriptors) return {};
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, descriptors);
  if (limit.rlim_cur == descriptors && ::setrlimit(RLIMIT_NOFILE, &limit) == 0) return {};
  return Error(Status::exec_failed, "a machine with so many layers needs " + std::to_string(descriptors) +
                                        " open files, and " + std::to_string(limit.rlim_max) +
                                        " are allowed; raise the limit (ulimit -Hn)");
}

/// What QEMU gets for the disks, in its order.
struct OpenDisks {
  std::vector<os::File> files;
  std::vector<os::Fd> joining;
  std::vector<int> fds;  // of both

  Done add(const Disk& disk);
  Done add(const std::string& path, bool writable) {
    MSB_TRY(os::File file, os::File::open_regular(os::real_fs(), AT_FDCWD, path, writable ? O_RDWR : O_RDONLY));
    fds.push_back(file.fd());
    files.push_back(std::move(file));
    return {};
  }
};

Done OpenDisks::add(const Disk& disk) {
  if (disk.rest.empty()) return add(disk.path, disk.writable);
  const int first_fd = kFirstDiskFd + static_cast<int>(fds.size());
  const os::Fd writer(::memfd_create("disk", MFD_CLOEXEC));
  // QEMU takes it only as it opens it itself.
  os::Fd reader(writer ? ::open(("/proc/self/fd/" + std::to_string(writer.get())).c_str(), O_RDONLY | O_CLOEXEC) : -1);
  if (!reader) return Error::io("cannot make", "a disk of " + disk.path + " and others", errno);
  fds.push_back(reader.get());
  joining.push_back(std::move(reader));
  std::vector<uint64_t> sizes;
  for (size_t i = 0; i <= disk.rest.size(); ++i) {
    MSB_CHECK(add(i == 0 ? disk.path : disk.rest[i - 1], false));
    MSB_TRY(const uint64_t size, files.back().size());
    sizes.push_back(size);
  }
  MSB_TRY(const std::string text, runtime::joining(sizes, first_fd));
  const ssize_t wrote = ::write(writer.get(), text.data(), text.size());
  if (wrote == static_cast<ssize_t>(text.size())) return {};
  return Error::io("cannot make", "a disk of " + disk.path + " and others", wrote < 0 ? errno : ENOSPC);
}

}  // namespace

Result<QemuProcess> start_qemu(const Machine& machine, Accelerator accelerator, int lock) {
  constexpr size_t kOthers = 128;
  size_t wanted = 0;
  for (const Disk& disk : machine.disks) wanted += descriptors_of(disk);
  MSB_CHECK(make_room(3 * wanted + kOthers));  // opened, moved out of the way, and where QEMU finds it
  OpenDisks disks;
  for (const Disk& disk : machine.disks) MSB_CHECK(disks.add(disk));
  MSB_TRY(Pair console, make_pair());
  MSB_TRY(Pair control, make_pair());
  MSB_TRY(Pair out, make_pair());
  MSB_TRY(Pair err, make_pair());
  MSB_TRY(Pair messages, make_pair());
  MSB_TRY(Pair monitor, make_pair());
  std::vector<Inherited> inherited{{messages.theirs.get(), 1},         {messages.theirs.get(), 2},
                                   {console.theirs.get(), kConsoleFd}, {control.theirs.get(), kControlFd},
                                   {out.theirs.get(), kStdoutFd},      {err.theirs.get(), kStderrFd},
                                   {monitor.theirs.get(), kMonitorFd}, {lock, kLockFd}};
  for (size_t i = 0; i < disks.fds.size(); ++i) {
    inherited.push_back({disks.fds[i], kFirstDiskFd + static_cast<int>(i)});
  }
  const std::vector<std::string> arguments = qemu_arguments(machine, accelerator);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return Error::io("cannot start", machine.qemu, errno);
  if (child == 0) become(arguments, inherited, parent);
  QemuProcess process;
  process.pid = child;
  process.console = std::move(console.ours);
  process.control = std::move(control.ours);
  process.out = std::move(out.ours);
  process.err = std::move(err.ours);
  process.messages = std::move(messages.ours);
  process.monitor = std::move(monitor.ours);
  return process;
}

}  // namespace msb::runtime
