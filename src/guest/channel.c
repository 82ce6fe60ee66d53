#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/reboot.h>

#include "guest.h"

int control_port = -1, stdout_port = -1, stderr_port = -1;

static int open_port(const char* wanted) {
  DIR* ports = opendir("/sys/class/virtio-ports");
  if (ports == NULL) return -1;
  int fd = -1;
  for (struct dirent* entry; fd < 0 && (entry = readdir(ports)) != NULL;) {
    char path[300], name[64] = "";
    snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", entry->d_name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) continue;
    ssize_t got = read(file, name, sizeof name - 1);
    close(file);
    if (got <= 0) continue;
    name[strcspn(name, "\n")] = '\0';
    if (strcmp(name, wanted) != 0) continue;
    snprintf(path, sizeof path, "/dev/%s", entry->d_name);
    fd = open(path, O_RDWR | O_CLOEXEC);
  }
  closedir(ports);
  return fd;
}

/// The host adds ports one by one, each after the kernel has asked for it.
static int await_port(const char* name) {
  for (int attempt = 0; attempt < 5000; ++attempt) {
    const int fd = open_port(name);
    if (fd >= 0) return fd;
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
  }
  fprintf(stderr, "msb: no port %s\n", name);
  reboot(RB_POWER_OFF);
  exit(1);
}

void open_ports(void) {
  control_port = await_port("msb.control");
  stdout_port = await_port("msb.stdout");
  stderr_port = await_port("msb.stderr");
}

void write_all(int fd, const void* bytes, size_t size) {
  const char* from = bytes;
  while (size > 0) {
    const ssize_t wrote = write(fd, from, size);
    if (wrote < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (wrote <= 0) return;
    from += wrote;
    size -= (size_t)wrote;
  }
}

static void tell_list(const char* format, va_list arguments) {
  char line[500];
  int length = vsnprintf(line, sizeof line - 1, format, arguments);
  if (length < 0) return;
  if ((size_t)length > sizeof line - 2) length = sizeof line - 2;
  line[length] = '\n';
  write_all(control_port, line, (size_t)length + 1);
}

void tell(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  tell_list(format, arguments);
  va_end(arguments);
}

void give_up(const char* format, ...) {
  char text[400];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  tell("fail 0 %s", text);
  switch_off();
}

void give_up_command(int code, const char* text) {
  tell("fail %d %s", code, text);
  switch_off();
}

void switch_off(void) {
  tell(unmount_root() ? "clean" : "dirty");
  // What the host has not read by now is lost with the machine.
  for (struct pollfd wait = {.fd = control_port, .events = POLLIN}; poll(&wait, 1, 5000) > 0;) {
    if (read_order() == ORDER_BYE) break;
  }
  reboot(RB_POWER_OFF);
  exit(1);
}

static void read_exactly(void* into, size_t size) {
  char* to = into;
  while (size > 0) {
    const ssize_t got = read(control_port, to, size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) give_up("the host has gone");
    to += got;
    size -= (size_t)got;
  }
}

/// The list always ends with NULL.
static char** append(char** list, size_t* count, char* text) {
  const size_t length = *count;
  if ((length & (length + 1)) == 0) {  // full: it has room for 1, 3, 7, … texts
    list = realloc(list, 2 * (length + 1) * sizeof *list);
    if (list == NULL) give_up("no memory for the request");
  }
  list[(*count)++] = text;
  list[*count] = NULL;
  return list;
}

void read_request(struct request* request) {
  unsigned char head[4];
  read_exactly(head, sizeof head);
  const size_t size = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
  char* text = malloc(size + 2);
  if (text == NULL) give_up("no memory for a request of %zu bytes", size);
  read_exactly(text, size);
  memset(text + size, 0, 2);

  memset(request, 0, sizeof *request);
  request->stop_signal = SIGTERM;
  size_t arguments = 0, variables = 0, shared = 0;
  request->environment = calloc(1, sizeof *request->environment);
  if (request->environment == NULL) give_up("no memory for the request");
  for (char* at = text; at < text + size;) {
    const char* key = at;
    char* value = at + strlen(at) + 1;
    at = value + strlen(value) + 1;
    if (strcmp(key, "argument") == 0) request->arguments = append(request->arguments, &arguments, value);
    if (strcmp(key, "variable") == 0) request->environment = append(request->environment, &variables, value);
    if (strcmp(key, "shared-layer") == 0) request->shared_layers = append(request->shared_layers, &shared, value);
    if (strcmp(key, "directory") == 0) request->directory = value;
    if (strcmp(key, "user") == 0) request->user = value;
    if (strcmp(key, "hostname") == 0) request->hostname = value;
    if (strcmp(key, "layers") == 0) request->layers = strtoul(value, NULL, 10);
    if (strcmp(key, "stop-signal") == 0) request->stop_signal = atoi(value);
    if (strcmp(key, "network") == 0) request->network = true;
  }
  if (shared != 0 && shared != request->layers) give_up("of %zu layers %zu share disks", request->layers, shared);
}

enum order read_order(void) {
  static char line[16];
  static size_t length;
  char byte;
  while (read(control_port, &byte, 1) == 1) {
    if (byte != '\n') {
      if (length < sizeof line - 1) line[length++] = byte;
      return ORDER_NONE;
    }
    line[length] = '\0';
    length = 0;
    if (strcmp(line, "stop") == 0) return ORDER_STOP;
    if (strcmp(line, "kill") == 0) return ORDER_KILL;
    if (strcmp(line, "bye") == 0) return ORDER_BYE;
    return ORDER_NONE;
  }
  return ORDER_KILL;  // the host has gone
}
