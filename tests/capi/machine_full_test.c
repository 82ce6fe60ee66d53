/* A host without space for what a guest writes. Usage: machine_full_test HOME ARCHIVE */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>

#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "machine.h"

enum { ROOM = 96 << 20, LEFT = 8 << 20 };

static char filler[4096];

/* Takes what is free on the file system of the home, but for what is LEFT. */
static void fill(void) {
    struct statvfs all;
    const int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && fstatvfs(fd, &all) == 0);
    const off_t free_bytes = (off_t)all.f_bavail * (off_t)all.f_frsize;
    CHECK(free_bytes > LEFT && posix_fallocate(fd, 0, free_bytes - LEFT) == 0);
    close(fd);
}

static bool machine_said(msb_client *client, const char *text) {
    msb_buffer *log = NULL;
    CHECK(msb_sandbox_logs(client, "full", MSB_OUTPUT_MACHINE, 0, NULL, &log, NULL) == MSB_OK);
    const bool said = has(msb_buffer_data(log, NULL), text);
    msb_handle_free(log);
    return said;
}

static int warned;
static void on_log(uint32_t level, const char *target, const char *message, void *user) {
    (void)user;
    if (level == MSB_LOG_WARN && strcmp(target, "machine") == 0 && strstr(message, "sandbox full is paused") != NULL)
        ++warned;
}

static void start_writing(msb_client *client) {
    const char *const words[] = {"/bin/sh", "-c",
                                 "busybox dd if=/dev/urandom of=/root/big bs=1M count=24 conv=fsync 2>/dev/null && "
                                 "echo written"};
    msb_sandbox_start_opts opts = shell(words);
    msb_error *error = NULL;
    fill();
    must(msb_sandbox_start(client, "full", &opts, NULL, &error), error, "start");
    CHECK(comes_to(client, "full", MSB_SANDBOX_PAUSED));
    CHECK(machine_said(client, "no space left for the disk"));
}

/* It says so, stays so, and goes on once there is space. */
static void goes_on(msb_client *client) {
    start_writing(client);
    msb_call soon = MSB_CALL_INIT;
    soon.deadline_ns = msb_deadline_after_ms(3000);
    CHECK(msb_sandbox_wait(client, "full", &soon, NULL, NULL) == MSB_ERR_DEADLINE_EXCEEDED);
    CHECK(warned == 1);
    CHECK(status_of(client, "full") == MSB_SANDBOX_PAUSED);
    CHECK(unlink(filler) == 0);
    msb_machine_end *end = NULL;
    msb_error *error = NULL;
    must(msb_sandbox_wait(client, "full", NULL, &end, &error), error, "wait");
    msb_machine_end_info info = {.struct_size = sizeof info};
    CHECK(msb_machine_end_read(end, &info) && info.end == MSB_END_EXITED && info.exit_code == 0 && info.clean);
    CHECK_TEXT(info.stdout_bytes, "written\n");
    msb_handle_free(end);
    CHECK(machine_said(client, "goes on"));
    disk_is_sound(client, "full");
}

/* Without space it can still be stopped, and says what that costs. */
static void stops(msb_client *client) {
    start_writing(client);
    msb_error *error = NULL;
    must(msb_sandbox_stop(client, "full", 2000, NULL, &error), error, "stop");
    CHECK(status_of(client, "full") == MSB_SANDBOX_STOPPED);
    msb_machine_end *end = NULL;
    must(msb_sandbox_wait(client, "full", NULL, &end, &error), error, "wait");
    msb_machine_end_info info = {.struct_size = sizeof info};
    /* In the moments when it may try again, the command can still end, and the guest can still say so. */
    CHECK(msb_machine_end_read(end, &info) && (info.end == MSB_END_KILLED || info.end == MSB_END_SIGNALLED));
    CHECK(!info.clean);
    CHECK(has(info.message, "no space left for its disk"));
    msb_handle_free(end);
    CHECK(machine_said(client, "yet is lost"));
    CHECK(unlink(filler) == 0);
    disk_is_sound(client, "full");
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: machine_full_test HOME ARCHIVE\n");
        return 2;
    }
    char room[32];
    snprintf(room, sizeof room, "size=%d", ROOM);
    /* In a name space of its own the file system goes with the last process that uses it. */
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mkdir(argv[1], 0700) != 0 || mount("full", argv[1], "tmpfs", 0, room) != 0) {
        printf("skipped: no file system to fill: %s\n", strerror(errno));
        return 77;
    }
    snprintf(filler, sizeof filler, "%s/filler", argv[1]);
    msb_client_opts opts = MSB_CLIENT_OPTS_INIT;
    opts.home = argv[1];
    opts.on_log = on_log;
    msb_client *client = NULL;
    msb_error *error = NULL;
    must(msb_client_open(&opts, &client, &error), error, "open");
    must(msb_image_load(client, argv[2], NULL, NULL, NULL, &error), error, "load");
    need_machines(client);
    create(client, "full", NULL, 0);
    goes_on(client);
    stops(client);
    msb_handle_free(client);
    CHECK_END();
}
