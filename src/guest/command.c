#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/wait.h>

#include "guest.h"

struct identity {
  uid_t uid;
  gid_t gid;
  gid_t groups[64];
  size_t group_count;
  char name[64];
  char home[1024];
};

/// Cuts a line of /etc/passwd or /etc/group into its fields. (The C library's own readers need shared libraries, which
/// a static program has none of.)
static size_t split(char* line, char** fields, size_t most) {
  size_t count = 0;
  line[strcspn(line, "\n")] = '\0';
  while (count < most && line != NULL) fields[count++] = strsep(&line, ":");
  return count;
}

static bool is_number(const char* text, unsigned long* number) {
  char* end;
  errno = 0;
  *number = strtoul(text, &end, 10);
  return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && *number < UINT32_MAX;
}

static bool find_user(const char* wanted, struct identity* who) {
  unsigned long number = 0;
  const bool by_number = is_number(wanted, &number);
  if (by_number) who->uid = (uid_t)number;
  FILE* file = fopen("/etc/passwd", "re");
  if (file == NULL) return by_number || strcmp(wanted, "root") == 0;
  char line[2048], *fields[7];
  bool found = false;
  while (!found && fgets(line, sizeof line, file) != NULL) {
    unsigned long uid, gid;
    if (split(line, fields, 7) < 6 || !is_number(fields[2], &uid) || !is_number(fields[3], &gid)) continue;
    found = strcmp(fields[0], wanted) == 0 || (by_number && uid == number);
    if (!found) continue;
    who->uid = (uid_t)uid;
    who->gid = (gid_t)gid;
    snprintf(who->name, sizeof who->name, "%s", fields[0]);
    snprintf(who->home, sizeof who->home, "%s", fields[5]);
  }
  fclose(file);
  return found || by_number || strcmp(wanted, "root") == 0;
}

static bool has_member(char* list, const char* name) {
  for (char* member; (member = strsep(&list, ",")) != NULL;) {
    if (*name != '\0' && strcmp(member, name) == 0) return true;
  }
  return false;
}

/// Reads /etc/group for one group, or, without one, for all that the user is a member of.
static bool find_groups(const char* wanted, struct identity* who) {
  unsigned long number = 0;
  const bool by_number = wanted != NULL && is_number(wanted, &number);
  if (by_number) who->gid = (gid_t)number;
  FILE* file = fopen("/etc/group", "re");
  bool found = by_number;
  char line[4096], *fields[4];
  while (file != NULL && fgets(line, sizeof line, file) != NULL) {
    unsigned long gid;
    if (split(line, fields, 4) < 4 || !is_number(fields[2], &gid)) continue;
    if (wanted != NULL && strcmp(fields[0], wanted) == 0) {
      who->gid = (gid_t)gid;
      found = true;
    }
    if (wanted == NULL && who->group_count < 64 && has_member(fields[3], who->name)) {
      who->groups[who->group_count++] = (gid_t)gid;
    }
  }
  if (file != NULL) fclose(file);
  return wanted == NULL || found;
}

// What a shell ends with when there is no such program, and when there is one that cannot be run.
enum { NOT_FOUND = 127, NOT_RUN = 126 };

/// What a child that cannot become the command says before it ends.
static _Noreturn void refuse(int fd, const char* what, const char* subject, int errnum, int code) {
  char text[300];
  const int length = snprintf(text, sizeof text, "%s %.200s: %s", what, subject, strerror(errnum));
  write_all(fd, text, (size_t)length);
  _exit(code);
}

static void become(const char* user, int fd, struct identity* who) {
  char text[128];
  snprintf(text, sizeof text, "%s", user);
  char* group = strchr(text, ':');
  if (group != NULL) *group++ = '\0';
  if (!find_user(*text != '\0' ? text : "root", who)) refuse(fd, "no user", text, ENOENT, NOT_RUN);
  if (!find_groups(group != NULL && *group != '\0' ? group : NULL, who)) refuse(fd, "no group", group, ENOENT, NOT_RUN);
  if (setgroups(who->group_count, who->groups) != 0 || setgid(who->gid) != 0 || setuid(who->uid) != 0) {
    refuse(fd, "cannot become user", text, errno, NOT_RUN);
  }
}

static _Noreturn void run(const struct request* request, const int outputs[2], int failure) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);  // ignored here, and what is ignored stays so through execve(2)
  setsid();
  if (chroot(ROOT) != 0 || chdir("/") != 0) refuse(failure, "cannot enter", ROOT, errno, NOT_RUN);
  const int input = open("/dev/null", O_RDONLY);
  if (input < 0 || dup2(input, 0) < 0 || dup2(outputs[0], 1) < 0 || dup2(outputs[1], 2) < 0) {
    refuse(failure, "cannot redirect", "output", errno, NOT_RUN);
  }
  if (input > 2) close(input);
  // The command may open /dev/stdout anew, whoever it runs as.
  fchmod(1, 0622);
  fchmod(2, 0622);

  struct identity who = {.home = "/"};
  const char* directory = request->directory != NULL && *request->directory != '\0' ? request->directory : "/";
  // As OCI runtimes do: what is not there is made, and is root's.
  if (!make_directory(directory)) refuse(failure, "cannot make", directory, errno, NOT_RUN);
  become(request->user != NULL ? request->user : "root", failure, &who);
  if (chdir(directory) != 0) refuse(failure, "cannot work in", directory, errno, NOT_RUN);
  environ = request->environment;
  setenv("HOME", who.home, 0);
  setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 0);
  execvp(request->arguments[0], request->arguments);
  refuse(failure, "cannot run", request->arguments[0], errno, errno == ENOENT ? NOT_FOUND : NOT_RUN);
}

int start_command(const struct request* request, int* stdout_pipe, int* stderr_pipe) {
  int out[2], err[2], failure[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0 || pipe2(failure, O_CLOEXEC) != 0) {
    give_up("cannot make pipes: %s", strerror(errno));
  }
  const pid_t child = fork();
  if (child < 0) give_up("cannot start a process: %s", strerror(errno));
  if (child == 0) {
    const int outputs[2] = {out[1], err[1]};
    run(request, outputs, failure[1]);
  }
  close(out[1]);
  close(err[1]);
  close(failure[1]);
  char text[300];
  ssize_t length;
  do {
    length = read(failure[0], text, sizeof text - 1);
  } while (length < 0 && errno == EINTR);
  if (length > 0) {
    text[length] = '\0';
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    give_up_command(WIFEXITED(status) ? WEXITSTATUS(status) : NOT_RUN, text);
  }
  close(failure[0]);
  *stdout_pipe = out[0];
  *stderr_pipe = err[0];
  return child;
}
