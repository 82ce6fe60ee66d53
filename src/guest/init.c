#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "guest.h"

/// An output of the command on its way to the host.
struct output {
  int pipe, port;
  unsigned long long bytes;
};

struct life {
  struct output outputs[2];
  pid_t command;  ///< 0: none, or it has ended
  bool asked;     ///< to stop
  int status;     ///< as of waitpid(2)
};

/// Passes on what is there. False once there will be nothing more.
static bool pass_on(struct output* output) {
  static char buffer[32768];
  const ssize_t got = read(output->pipe, buffer, sizeof buffer);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (got <= 0) {
    close(output->pipe);
    output->pipe = -1;
    return false;
  }
  write_all(output->port, buffer, (size_t)got);
  output->bytes += (unsigned long long)got;
  return true;
}

static void reap(struct life* life) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid != life->command) continue;
    life->command = 0;
    life->status = status;
  }
}

static void obey(struct life* life, const struct request* request, enum order order) {
  if (order != ORDER_STOP && order != ORDER_KILL) return;
  life->asked = true;
  if (life->command > 0) kill(life->command, order == ORDER_KILL ? SIGKILL : request->stop_signal);
}

/// Until the command has ended, or, without one, until the host says so.
static void live(struct life* life, const struct request* request, int children) {
  while (life->command > 0 || (request->arguments == NULL && !life->asked)) {
    struct pollfd events[] = {{.fd = control_port, .events = POLLIN},
                              {.fd = children, .events = POLLIN},
                              {.fd = life->outputs[0].pipe, .events = POLLIN},
                              {.fd = life->outputs[1].pipe, .events = POLLIN}};
    if (poll(events, 4, -1) < 0) continue;
    if (events[0].revents != 0) obey(life, request, read_order());
    if (events[1].revents != 0) {
      struct signalfd_siginfo signal;
      if (read(children, &signal, sizeof signal) > 0) reap(life);
    }
    for (int i = 0; i < 2; ++i) {
      if (events[2 + i].revents != 0) pass_on(&life->outputs[i]);
    }
  }
}

/// What the command has left running goes: asked first, then not asked.
static void end_others(struct life* life) {
  for (int round = 0; round < 50; ++round) {
    if (round == 0) kill(-1, SIGTERM);
    if (round >= 25) kill(-1, SIGKILL);
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
    if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD) break;
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
  }
  for (int i = 0; i < 2; ++i) {
    struct output* output = &life->outputs[i];
    if (output->pipe >= 0) fcntl(output->pipe, F_SETFL, O_NONBLOCK);
    struct pollfd there = {.fd = output->pipe, .events = POLLIN};
    while (output->pipe >= 0 && poll(&there, 1, 0) > 0 && pass_on(output)) continue;
  }
}

static void report_end(const struct life* life) {
  const unsigned long long out = life->outputs[0].bytes, err = life->outputs[1].bytes;
  if (WIFSIGNALED(life->status)) {
    tell("signal %d %llu %llu", WTERMSIG(life->status), out, err);
  } else {
    tell("exit %d %llu %llu", WEXITSTATUS(life->status), out, err);
  }
}

int main(void) {
  mkdir("/proc", 0755);
  mkdir("/sys", 0755);
  mkdir("/dev", 0755);
  mount("proc", "/proc", "proc", 0, NULL);
  mount("sysfs", "/sys", "sysfs", 0, NULL);
  mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
  load_modules();
  open_ports();
  tell("hello");

  struct request request;
  read_request(&request);
  if (request.hostname != NULL) sethostname(request.hostname, strlen(request.hostname));
  mount_root(&request);
  set_up_network(request.network);

  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGCHLD);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  signal(SIGPIPE, SIG_IGN);
  const int children = signalfd(-1, &blocked, SFD_CLOEXEC);

  struct life life = {.outputs = {{.pipe = -1, .port = stdout_port}, {.pipe = -1, .port = stderr_port}}};
  if (request.arguments != NULL) {
    life.command = start_command(&request, &life.outputs[0].pipe, &life.outputs[1].pipe);
  }
  tell("ready");
  live(&life, &request, children);
  end_others(&life);
  report_end(&life);
  switch_off();
}
