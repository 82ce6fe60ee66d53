#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The first process of a machine: a static program in the initramfs, without any file but its own and the modules.
// What it says to the host and hears from it is in src/runtime/FORMAT.md. Whatever fails here is told the host in one
// line; then the machine is switched off.

/// Where the root of the sandbox is built.
#define ROOT "/newroot"

/// What the host wants, read once. Texts point into one buffer that is never freed.
struct request {
  char** arguments;    ///< ends with NULL; NULL: run nothing until stopped
  char** environment;  ///< ends with NULL
  const char* directory;
  const char* user;  ///< NAME or NUMBER, perhaps `:` and a group; NULL for root
  const char* hostname;
  size_t layers;
  char** shared_layers;  ///< ends with NULL; for each of the layers its disk and its size; NULL: each is a disk
  int stop_signal;
  bool network;
};

// channel.c: the three ports.

extern int control_port, stdout_port, stderr_port;
void open_ports(void);
void read_request(struct request* request);
/// One line to the host; what does not fit is cut.
void tell(const char* format, ...) __attribute__((format(printf, 1, 2)));
/// Tells the host why there is nothing to run, and switches the machine off.
_Noreturn void give_up(const char* format, ...) __attribute__((format(printf, 1, 2)));
/// The same where it is for the command: `code` is what a shell would end with.
_Noreturn void give_up_command(int code, const char* text);
/// Leaves the disks as they should be, and ends the machine once the host has read everything.
_Noreturn void switch_off(void);
/// Whole, or not at all once the host is gone.
void write_all(int fd, const void* bytes, size_t size);

enum order { ORDER_NONE, ORDER_STOP, ORDER_KILL, ORDER_BYE };
/// The next order that has arrived on the control port, which polls as readable.
enum order read_order(void);

// paths.c: for a process inside ROOT. False with errno.

/// A directory and what leads there, 0755 each; what is there already is fine.
bool make_directory(const char* path);
/// The same for a regular file, empty when it is new.
bool make_file(const char* path);

// modules.c, disks.c, network.c

void load_modules(void);
void mount_root(const struct request* request);
/// Everything below ROOT, and the disks. True when nothing is left that was not written.
bool unmount_root(void);
void set_up_network(bool outside);

// command.c

/// Starts what is asked for inside ROOT, with pipes that it writes its output to. Returns when it runs.
int start_command(const struct request* request, int* stdout_pipe, int* stderr_pipe);
