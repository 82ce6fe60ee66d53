/* Sandboxes that run, in real machines. Usage: machine_test HOME ARCHIVE */
#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <unistd.h>

#include "home.h"

static const char *const kReference = "demo/busybox:1";

static msb_sandbox_start_opts shell(const char *const words[3]) {
    msb_sandbox_start_opts opts = MSB_SANDBOX_START_OPTS_INIT;
    opts.command = words;
    opts.command_count = 3;
    opts.accelerator = MSB_ACCELERATOR_TCG;
    opts.memory_mib = 256;
    return opts;
}

static uint32_t status_of(msb_client *client, const char *name) {
    msb_sandbox *sandbox = NULL;
    msb_sandbox_info info = {.struct_size = sizeof info};
    if (msb_sandbox_get(client, name, NULL, &sandbox, NULL) != MSB_OK) return 0;
    msb_sandbox_read(sandbox, &info);
    msb_handle_free(sandbox);
    return info.status;
}

static void disk_is_sound(msb_client *client, const char *name) {
    msb_sandbox *sandbox = NULL;
    msb_sandbox_info info = {.struct_size = sizeof info};
    CHECK(msb_sandbox_get(client, name, NULL, &sandbox, NULL) == MSB_OK && msb_sandbox_read(sandbox, &info));
    char line[4200];
    /* Mends what the journal has, then must find nothing. */
    snprintf(line, sizeof line, "e2fsck -fp '%s' >/dev/null; e2fsck -fn '%s' >/dev/null 2>&1", info.upper_path,
             info.upper_path);
    CHECK(system(line) == 0);
    msb_handle_free(sandbox);
}

static void create(msb_client *client, const char *name, const char *snapshot, uint64_t size) {
    msb_error *error = NULL;
    msb_sandbox_create_opts opts = MSB_SANDBOX_CREATE_OPTS_INIT;
    opts.from_snapshot = snapshot;
    opts.image = snapshot != NULL ? NULL : kReference;
    opts.upper_size = size;
    must(msb_sandbox_create(client, name, &opts, NULL, NULL, &error), error, "create");
}

static bool has(const void *bytes, const char *text) {
    return bytes != NULL && strstr(bytes, text) != NULL;
}

static void runs(msb_client *client) {
    create(client, "base", NULL, 0);
    const char *const words[] = {
        "/bin/sh", "-c", "cat /etc/motd; echo $GREETING; pwd; echo kept > /root/kept; echo to stderr >&2; exit 7"};
    msb_sandbox_start_opts opts = shell(words);
    const msb_kv variable = {"GREETING", "hello there"};
    opts.env = &variable;
    opts.env_count = 1;
    opts.working_dir = "/etc";
    msb_machine_end *end = NULL;
    msb_error *error = NULL;
    must(msb_sandbox_run(client, "base", &opts, NULL, &end, &error), error, "run");
    msb_machine_end_info info = {.struct_size = sizeof info};
    CHECK(msb_machine_end_read(end, &info));
    CHECK(info.end == MSB_END_EXITED && info.exit_code == 7 && info.clean && info.message == NULL);
    CHECK_TEXT(info.stdout_bytes, "Welcome to the demo image.\nhello there\n/etc\n");
    CHECK_TEXT(info.stderr_bytes, "to stderr\n");
    CHECK(info.stderr_total == 10 && info.ready_ms > 0 && info.total_ms >= info.ready_ms);
    CHECK(info.accelerator == MSB_ACCELERATOR_TCG);
    CHECK(status_of(client, "base") == MSB_SANDBOX_STOPPED);
    msb_handle_free(end);
    disk_is_sound(client, "base");

    msb_snapshot_create_opts capture = MSB_SNAPSHOT_CREATE_OPTS_INIT;
    capture.name = "ready";
    must(msb_snapshot_create(client, "base", &capture, NULL, NULL, &error), error, "capture");
    create(client, "fork", "ready", 0);
}

static size_t heard;
static void hear(uint32_t source, const void *bytes, size_t length, void *user) {
    CHECK(source == MSB_OUTPUT_STDOUT && length > 0 && bytes != NULL && user == &heard);
    heard += length;
}

static void forks(msb_client *client) {
    const char *const words[] = {"/bin/sh", "-c", "cat /root/kept; echo more > /root/more; kill -9 $$"};
    msb_sandbox_start_opts opts = shell(words);
    opts.on_output = hear;
    opts.user_data = &heard;
    msb_machine_end *end = NULL;
    msb_error *error = NULL;
    must(msb_sandbox_run(client, "fork", &opts, NULL, &end, &error), error, "run");
    msb_machine_end_info info = {.struct_size = sizeof info};
    CHECK(msb_machine_end_read(end, &info));
    CHECK(info.end == MSB_END_SIGNALLED && info.exit_code == 137 && info.stdout_bytes == NULL);
    CHECK(heard == strlen("kept\n") && info.stdout_total == heard);
    msb_handle_free(end);
}

/* What runs cannot be captured, removed or started again; it is stopped, and then it can. */
static void stays_until_stopped(msb_client *client) {
    msb_sandbox_start_opts opts = MSB_SANDBOX_START_OPTS_INIT;
    opts.idle = true;
    opts.accelerator = MSB_ACCELERATOR_TCG;
    msb_error *error = NULL;
    CHECK(msb_sandbox_stop(client, "base", 1000, NULL, NULL) == MSB_ERR_SANDBOX_NOT_RUNNING);
    must(msb_sandbox_start(client, "base", &opts, NULL, &error), error, "start");
    CHECK(status_of(client, "base") == MSB_SANDBOX_RUNNING);
    const msb_status again = msb_sandbox_start(client, "base", &opts, NULL, &error);
    CHECK(failed(again, error, MSB_ERR_SANDBOX_STILL_RUNNING, "base"));
    msb_snapshot_create_opts capture = MSB_SNAPSHOT_CREATE_OPTS_INIT;
    capture.name = "early";
    CHECK(msb_snapshot_create(client, "base", &capture, NULL, NULL, NULL) == MSB_ERR_SNAPSHOT_SANDBOX_RUNNING);
    CHECK(msb_sandbox_remove(client, "base", NULL, NULL) == MSB_ERR_SANDBOX_STILL_RUNNING);
    msb_call soon = MSB_CALL_INIT;
    soon.deadline_ns = msb_deadline_after_ms(50);
    CHECK(msb_sandbox_wait(client, "base", &soon, NULL, NULL) == MSB_ERR_DEADLINE_EXCEEDED);
    must(msb_sandbox_request_stop(client, "base", false, NULL, &error), error, "request to stop");
    const msb_status stopped = msb_sandbox_stop(client, "base", 10000, NULL, NULL);
    CHECK(stopped == MSB_OK || stopped == MSB_ERR_SANDBOX_NOT_RUNNING); /* it may have been quick */
    CHECK(status_of(client, "base") == MSB_SANDBOX_STOPPED);
    CHECK(msb_sandbox_request_stop(client, "base", true, NULL, NULL) == MSB_ERR_SANDBOX_NOT_RUNNING);
    CHECK(msb_sandbox_request_stop(client, "none", true, NULL, NULL) == MSB_ERR_SANDBOX_NOT_FOUND);
    msb_machine_end *end = NULL;
    must(msb_sandbox_wait(client, "base", NULL, &end, &error), error, "wait");
    msb_machine_end_info info = {.struct_size = sizeof info};
    CHECK(msb_machine_end_read(end, &info) && info.end == MSB_END_EXITED && info.clean);
    msb_handle_free(end);
    disk_is_sound(client, "base");
}

static void cannot_run(msb_client *client) {
    const char *const words[] = {"/bin/no-such", "-c", ""};
    msb_sandbox_start_opts opts = shell(words);
    msb_error *error = NULL;
    msb_machine_end *end = NULL;
    const msb_status status = msb_sandbox_run(client, "base", &opts, NULL, &end, &error);
    CHECK(failed(status, error, MSB_ERR_EXEC_FAILED, "/bin/no-such: No such file"));
    CHECK(end == NULL && status_of(client, "base") == MSB_SANDBOX_STOPPED);
    opts.kernel = "/etc/passwd";
    CHECK(msb_sandbox_start(client, "base", &opts, NULL, NULL) == MSB_ERR_INVALID_ARGUMENT);
    opts.kernel = NULL;
    opts.accelerator = 9;
    CHECK(msb_sandbox_start(client, "base", &opts, NULL, NULL) == MSB_ERR_INVALID_ARGUMENT);
    CHECK(msb_sandbox_start(client, "none", NULL, NULL, NULL) == MSB_ERR_SANDBOX_NOT_FOUND);
}

/* The process that looks after a sandbox, found as its user would find it. */
static pid_t monitor_of(const char *name) {
    DIR *processes = opendir("/proc");
    pid_t found = 0;
    for (struct dirent *entry; processes && (entry = readdir(processes)) != NULL;) {
        if (!isdigit((unsigned char)entry->d_name[0])) continue;
        char path[300], line[512] = "";
        snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
        FILE *file = fopen(path, "rb");
        const size_t got = file ? fread(line, 1, sizeof line - 2, file) : 0;
        if (file) fclose(file);
        if (got > 0 && strstr(line, "msb-monitor") && strcmp(line + strlen(line) + 1, name) == 0) {
            found = (pid_t)atoi(entry->d_name);
        }
    }
    if (processes) closedir(processes);
    return found;
}

static void monitor_dies(msb_client *client) {
    char name[32];
    snprintf(name, sizeof name, "dies-%d", (int)getpid());
    create(client, name, NULL, 0);
    msb_sandbox_start_opts opts = MSB_SANDBOX_START_OPTS_INIT;
    opts.idle = true;
    opts.accelerator = MSB_ACCELERATOR_TCG;
    msb_error *error = NULL;
    must(msb_sandbox_start(client, name, &opts, NULL, &error), error, "start");
    const pid_t monitor = monitor_of(name);
    CHECK(monitor > 0 && kill(monitor, SIGKILL) == 0);
    msb_machine_end *end = NULL;
    must(msb_sandbox_wait(client, name, NULL, &end, &error), error, "wait");
    msb_machine_end_info info = {.struct_size = sizeof info};
    CHECK(msb_machine_end_read(end, &info) && info.end == MSB_END_LOST && info.exit_code == -1);
    msb_handle_free(end);
    CHECK(status_of(client, name) == MSB_SANDBOX_CRASHED);
    /* The machine has gone with it: its disk is free, and sound. */
    msb_snapshot_create_opts capture = MSB_SNAPSHOT_CREATE_OPTS_INIT;
    capture.name = "of the crashed";
    must(msb_snapshot_create(client, name, &capture, NULL, NULL, &error), error, "capture");
    disk_is_sound(client, name);
}

/* One machine for all that a guest can do to itself: its disk fills up, then its kernel panics. */
static void guest_dies(msb_client *client) {
    create(client, "small", NULL, UINT64_C(80) << 20);
    const char *const words[] = {
        "/bin/sh", "-c",
        "busybox dd if=/dev/zero of=/root/large bs=1M 2>/dev/null; busybox sync; busybox df / >&2; "
        "echo c > /proc/sysrq-trigger"};
    msb_sandbox_start_opts opts = shell(words);
    msb_error *error = NULL;
    msb_machine_end *end = NULL;
    must(msb_sandbox_run(client, "small", &opts, NULL, &end, &error), error, "run");
    msb_machine_end_info info = {.struct_size = sizeof info};
    CHECK(msb_machine_end_read(end, &info) && info.end == MSB_END_LOST && !info.clean);
    CHECK(has(info.message, "Kernel panic"));
    CHECK(has(info.stderr_bytes, "100%"));
    msb_handle_free(end);
    CHECK(status_of(client, "small") == MSB_SANDBOX_CRASHED);
    disk_is_sound(client, "small");
}

static void given_up(msb_client *client) {
    const char *const words[] = {"/bin/sh", "-c", "true"};
    msb_sandbox_start_opts opts = shell(words);
    msb_call call = MSB_CALL_INIT;
    call.deadline_ns = msb_deadline_after_ms(700);
    CHECK(msb_sandbox_start(client, "base", &opts, &call, NULL) == MSB_ERR_DEADLINE_EXCEEDED);
    CHECK(msb_sandbox_wait(client, "base", NULL, NULL, NULL) == MSB_OK);
    CHECK(status_of(client, "base") == MSB_SANDBOX_STOPPED);
    opts.ready_timeout_ms = 300;
    CHECK(msb_sandbox_start(client, "base", &opts, NULL, NULL) == MSB_ERR_EXEC_TIMEOUT);
    CHECK(status_of(client, "base") == MSB_SANDBOX_CRASHED);
    disk_is_sound(client, "base");
}

static void says_what_it_said(msb_client *client) {
    msb_buffer *log = NULL;
    CHECK(msb_sandbox_logs(client, "fork", MSB_OUTPUT_STDOUT, 0, NULL, &log, NULL) == MSB_OK);
    CHECK_TEXT(msb_buffer_data(log, NULL), "kept\n");
    msb_handle_free(log);
    CHECK(msb_sandbox_logs(client, "fork", MSB_OUTPUT_STDOUT, 3, NULL, &log, NULL) == MSB_OK);
    CHECK_TEXT(msb_buffer_data(log, NULL), "pt\n");
    msb_handle_free(log);
    CHECK(msb_sandbox_logs(client, "fork", 9, 0, NULL, &log, NULL) == MSB_ERR_INVALID_ARGUMENT);
    CHECK(msb_sandbox_logs(client, "none", MSB_OUTPUT_STDERR, 0, NULL, &log, NULL) == MSB_ERR_SANDBOX_NOT_FOUND);
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: machine_test HOME ARCHIVE\n");
        return 2;
    }
    msb_client *client = open_home(argv[1], 0);
    msb_error *error = NULL;
    must(msb_image_load(client, argv[2], NULL, NULL, NULL, &error), error, "load");
    create(client, "probe", NULL, 0);
    const char *const words[] = {"/bin/sh", "-c", ""};
    msb_sandbox_start_opts opts = shell(words);
    opts.ready_timeout_ms = 1;
    const msb_status probed = msb_sandbox_start(client, "probe", &opts, NULL, &error);
    if (probed == MSB_ERR_UNSUPPORTED) {
        printf("skipped: %s\n", msb_error_message(error));
        return 77;
    }
    CHECK(failed(probed, error, MSB_ERR_EXEC_TIMEOUT, "probe"));
    runs(client);
    forks(client);
    stays_until_stopped(client);
    cannot_run(client);
    monitor_dies(client);
    guest_dies(client);
    given_up(client);
    says_what_it_said(client);
    msb_handle_free(client);
    CHECK_END();
}
