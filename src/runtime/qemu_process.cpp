#include "runtime/qemu_process.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

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
  Pair pair{os::Fd(ends[0]), os::Fd(ends[1])};
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
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
  constexpr int kAbove = kFirstDiskFd + static_cast<int>(kMaxDisks);
  std::vector<int> moved;
  moved.reserve(inherited.size());
  for (const Inherited& one : inherited) moved.push_back(::fcntl(one.from, F_DUPFD_CLOEXEC, kAbove));
  for (size_t i = 0; i < inherited.size(); ++i) {
    if (moved[i] < 0 || ::dup2(moved[i], inherited[i].to) < 0) ::_exit(1);
  }
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  ::execv(argv[0], argv.data());
  ::dprintf(2, "cannot run %s\n", argv[0]);
  ::_exit(127);
}

}  // namespace

Result<QemuProcess> start_qemu(const Machine& machine, Accelerator accelerator, int lock) {
  auto& fs = os::real_fs();
  std::vector<os::File> disks;
  for (const Disk& disk : machine.disks) {
    MSB_TRY(os::File file, os::File::open_regular(fs, AT_FDCWD, disk.path, disk.writable ? O_RDWR : O_RDONLY));
    disks.push_back(std::move(file));
  }
  MSB_TRY(Pair console, make_pair());
  MSB_TRY(Pair control, make_pair());
  MSB_TRY(Pair out, make_pair());
  MSB_TRY(Pair err, make_pair());
  MSB_TRY(Pair messages, make_pair());
  std::vector<Inherited> inherited{{messages.theirs.get(), 1},
                                   {messages.theirs.get(), 2},
                                   {console.theirs.get(), kConsoleFd},
                                   {control.theirs.get(), kControlFd},
                                   {out.theirs.get(), kStdoutFd},
                                   {err.theirs.get(), kStderrFd},
                                   {lock, kLockFd}};
  for (size_t i = 0; i < disks.size(); ++i) {
    inherited.push_back({disks[i].fd(), kFirstDiskFd + static_cast<int>(i)});
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
  return process;
}

}  // namespace msb::runtime
