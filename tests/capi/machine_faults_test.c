/* Machines that end otherwise than they should. Usage: machine_faults_test HOME ARCHIVE */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>

#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "machine.h"

extern char **environ;

/* Writes to its disk until it is ended; what stands in `kept` has been synced when it says so. */
static const char *const kWriter[] = {
    "/bin/sh", "-c",
    "echo much > /root/kept; busybox sync; echo written; while :; do busybox dd if=/bin/busybox of=/root/busy bs=64k "
    "conv=fsync 2>/dev/null; done"};

/* Names that no other test that runs meanwhile has, for looking through the processes of this host. */
static const char *own_name(const char *what) {
    static char name[64];
    snprintf(name, sizeof name, "%s-%d", what, (int)getpid());
    return name;
}

/* --- Other processes --- */

static size_t read_bytes(const char *format, int pid, char *into, size_t size) {
    char path[64];
    snprintf(path, sizeof path, format, pid);
    FILE *file = fopen(path, "rb");
    const size_t got = file ? fread(into, 1, size - 1, file) : 0;
    if (file) fclose(file);
    into[got] = '\0';
    return got;
}

/* The process that looks after a sandbox, found as its user would find it. */
static pid_t monitor_of(const char *name) {
    DIR *processes = opendir("/proc");
    pid_t found = 0;
    for (struct dirent *entry; processes && (entry = readdir(processes)) != NULL;) {
        if (!isdigit((unsigned char)entry->d_name[0])) continue;
        char line[512];
        const size_t got = read_bytes("/proc/%d/cmdline", atoi(entry->d_name), line, sizeof line);
        const size_t program = strlen(line) + 1;
        if (got > program && strstr(line, "msb-monitor") && strcmp(line + program, name) == 0) {
            found = (pid_t)atoi(entry->d_name);
        }
    }
    if (processes) closedir(processes);
    return found;
}

/* Its only child. */
static pid_t qemu_of(const char *name) {
    const pid_t monitor = monitor_of(name);
    char path[64], text[64] = "";
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)monitor, (int)monitor);
    FILE *file = fopen(path, "rb");
    if (file == NULL || fgets(text, sizeof text, file) == NULL) text[0] = '\0';
    if (file) fclose(file);
    return (pid_t)atoi(text);
}

/* Runs this program as `start HOME NAME`, which begins once `gate` has no writer any more. */
static pid_t start_elsewhere(const char *home, const char *name, int gate) {
    char *argv[] = {(char *)"machine_faults_test", (char *)"start", (char *)home, (char *)name, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, gate, 0);
    pid_t child = 0;
    CHECK(posix_spawn(&child, "/proc/self/exe", &actions, NULL, argv, environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

static int start_here(const char *home, const char *name) {
    msb_client *client = open_home(home, 0);
    msb_sandbox_start_opts opts = shell(kWriter);
    msb_error *error = NULL;
    char byte;
    while (read(0, &byte, 1) > 0) continue;
    const msb_status status = msb_sandbox_start(client, name, &opts, NULL, &error);
    if (error) fprintf(stderr, "elsewhere: %s\n", msb_error_message(error));
    msb_handle_free(error);
    msb_handle_free(client);
    return status == MSB_OK ? 0 : (int)(status % 256);
}

static int exit_code_of(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* --- What they must find afterwards --- */

/* Lost, crashed, and its disk as after a power failure. */
static void has_crashed(msb_client *client, const char *name, const char *snapshot, const char *why) {
    msb_machine_end *end = NULL;
    msb_error *error = NULL;
    must(msb_sandbox_wait(client, name, NULL, &end, &error), error, "wait");
    msb_machine_end_info info = {.struct_size = sizeof info};
    CHECK(msb_machine_end_read(end, &info) && info.end == MSB_END_LOST && info.exit_code == -1 && !info.clean);
    CHECK(has(info.message, why));
    msb_handle_free(end);
    CHECK(status_of(client, name) == MSB_SANDBOX_CRASHED);
    disk_is_sound(client, name);
    if (snapshot == NULL) return;
    msb_snapshot_create_opts capture = MSB_SNAPSHOT_CREATE_OPTS_INIT;
    capture.name = snapshot;
    must(msb_snapshot_create(client, name, &capture, NULL, NULL, &error), error, "capture");
}

static void refuses_capture(msb_client *client, const char *name) {
    msb_snapshot_create_opts capture = MSB_SNAPSHOT_CREATE_OPTS_INIT;
    capture.name = "too early";
    CHECK(msb_snapshot_create(client, name, &capture, NULL, NULL, NULL) == MSB_ERR_SNAPSHOT_SANDBOX_RUNNING);
}

/* What QEMU has been given, and what it may do. */
static void has_the_least(pid_t qemu) {
    char text[16384];
    const size_t length = read_bytes("/proc/%d/cmdline", (int)qemu, text, sizeof text);
    size_t disks = 0, named = 0, sandboxed = 0;
    bool no_defaults = false;
    for (const char *word = text; word < text + length; word += strlen(word) + 1) {
        no_defaults = no_defaults || strcmp(word, "-nodefaults") == 0;
        if (strncmp(word, "virtio-blk-pci,", 15) == 0) ++disks;
        if (strstr(word, "/dev/fdset/")) ++named;
        if (strstr(word, "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny")) ++sandboxed;
        CHECK(strcmp(word, "-netdev") != 0 && strcmp(word, "-drive") != 0 && strcmp(word, "-monitor") != 0);
    }
    /* Two layers, what joins them, and the writable one. */
    CHECK(no_defaults && sandboxed == 1 && disks == 4 && named == 4);
    read_bytes("/proc/%d/status", (int)qemu, text, sizeof text);
    CHECK(has(text, "Seccomp:\t2") && has(text, "NoNewPrivs:\t1"));

    char path[64];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)qemu);
    DIR *open_files = opendir(path);
    size_t writable = 0;
    for (struct dirent *entry; open_files && (entry = readdir(open_files)) != NULL;) {
        char target[4096] = "";
        struct stat st;
        if (readlinkat(dirfd(open_files), entry->d_name, target, sizeof target - 1) < 0 ||
            fstatat(dirfd(open_files), entry->d_name, &st, 0) != 0 || !S_ISREG(st.st_mode)) {
            continue;
        }
        const size_t end = strlen(target);
        if (end > 5 && strcmp(target + end - 5, ".lock") == 0) continue;
        snprintf(path, sizeof path, "/proc/%d/fdinfo/%.10s", (int)qemu, entry->d_name);
        unsigned flags = 0;
        FILE *file = fopen(path, "rb");
        CHECK(file != NULL && fscanf(file, "pos: %*s flags: %o", &flags) == 1);
        if (file) fclose(file);
        if ((flags & O_ACCMODE) == O_RDONLY || strncmp(target, "/memfd:", 7) == 0) continue;
        CHECK(has(target, "/upper.ext4"));
        ++writable;
    }
    if (open_files) closedir(open_files);
    CHECK(writable > 0);
}

/* --- The faults --- */

/* Two want to start it: one does. Then its QEMU is killed. */
static void qemu_dies(msb_client *client, const char *home) {
    const char *name = own_name("torn");
    create(client, name, NULL, UINT64_C(80) << 20);
    int gate[2];
    CHECK(pipe2(gate, O_CLOEXEC) == 0);
    const pid_t one = start_elsewhere(home, name, gate[0]), other = start_elsewhere(home, name, gate[0]);
    close(gate[0]);
    close(gate[1]);
    const int codes[] = {exit_code_of(one), exit_code_of(other)};
    CHECK(codes[0] == 0 || codes[1] == 0);
    CHECK(codes[0] + codes[1] == MSB_ERR_SANDBOX_STILL_RUNNING);
    CHECK(status_of(client, name) == MSB_SANDBOX_RUNNING);
    await_word(client, name, "written");
    refuses_capture(client, name);
    const pid_t qemu = qemu_of(name);
    CHECK(qemu > 0);
    if (qemu <= 0) return;
    has_the_least(qemu);
    CHECK(kill(qemu, SIGKILL) == 0);
    has_crashed(client, name, "after QEMU was killed", "ended by itself");
}

/* What has crashed starts again, and finds what was synced. Now the monitor is killed. */
static void monitor_dies(msb_client *client) {
    const char *name = own_name("torn");
    msb_sandbox_start_opts opts = shell(kWriter);
    msb_error *error = NULL;
    must(msb_sandbox_start(client, name, &opts, NULL, &error), error, "start");
    await_word(client, name, "written");
    const pid_t monitor = monitor_of(name), qemu = qemu_of(name);
    CHECK(monitor > 0 && qemu > 0);
    if (monitor <= 0 || qemu <= 0) return;
    struct pollfd gone = {.fd = (int)syscall(SYS_pidfd_open, qemu, 0), .events = POLLIN};
    CHECK(kill(monitor, SIGKILL) == 0);
    has_crashed(client, name, "after its monitor was killed", "monitor has died");
    CHECK(poll(&gone, 1, 10000) == 1);
    close(gone.fd);
}

/* One machine for all that a guest can do to itself: its disk fills up, then its kernel panics. The next one goes on.
 */
static void guest_dies(msb_client *client) {
    const char *name = own_name("torn");
    const char *const words[] = {
        "/bin/sh", "-c",
        "[ $(cat /root/kept) = much ] || exit 1; busybox dd if=/dev/zero of=/root/large bs=1M && exit 2; busybox sync; "
        "echo c > /proc/sysrq-trigger"};
    msb_sandbox_start_opts opts = shell(words);
    msb_error *error = NULL;
    msb_machine_end *end = NULL;
    must(msb_sandbox_run(client, name, &opts, NULL, &end, &error), error, "run");
    msb_machine_end_info info = {.struct_size = sizeof info};
    CHECK(msb_machine_end_read(end, &info) && info.end == MSB_END_LOST);
    msb_handle_free(end);
    has_crashed(client, name, NULL, "Kernel panic");

    const char *const next[] = {
        "/bin/sh", "-c", "echo x 2>/dev/null > /root/more && exit 1; busybox rm /root/large; echo much > /root/more"};
    opts = shell(next);
    must(msb_sandbox_run(client, name, &opts, NULL, &end, &error), error, "run again");
    CHECK(msb_machine_end_read(end, &info) && info.end == MSB_END_EXITED && info.exit_code == 0 && info.clean);
    msb_handle_free(end);
    disk_is_sound(client, name);
}

static void stopped_while_starting(msb_client *client, const char *home) {
    const char *name = own_name("brief");
    create(client, name, NULL, 0);
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const pid_t starter = start_elsewhere(home, name, nothing);
    close(nothing);
    CHECK(comes_to(client, name, MSB_SANDBOX_STARTING));
    refuses_capture(client, name);
    msb_error *error = NULL;
    must(msb_sandbox_stop(client, name, 30000, NULL, &error), error, "stop");
    CHECK(status_of(client, name) == MSB_SANDBOX_STOPPED);
    CHECK(exit_code_of(starter) == MSB_ERR_EXEC_FAILED % 256);
    disk_is_sound(client, name);
}

/* Whoever runs a command and dies takes the machine along. */
static void runner_dies(msb_client *client, const char *home) {
    const char *name = own_name("brief");
    char *argv[] = {(char *)"machine_faults_test", (char *)"run", (char *)home, (char *)name, NULL};
    pid_t runner = 0;
    CHECK(posix_spawn(&runner, "/proc/self/exe", NULL, NULL, argv, environ) == 0);
    CHECK(comes_to(client, name, MSB_SANDBOX_RUNNING));
    CHECK(kill(runner, SIGKILL) == 0 && exit_code_of(runner) == -1);
    msb_machine_end *end = NULL;
    msb_error *error = NULL;
    must(msb_sandbox_wait(client, name, NULL, &end, &error), error, "wait");
    msb_machine_end_info info = {.struct_size = sizeof info};
    CHECK(msb_machine_end_read(end, &info) && info.end == MSB_END_SIGNALLED && info.exit_code == 137 && info.clean);
    msb_handle_free(end);
    CHECK(status_of(client, name) == MSB_SANDBOX_STOPPED);
}

static int run_here(const char *home, const char *name) {
    msb_client *client = open_home(home, 0);
    const msb_sandbox_start_opts opts = shell(kWriter);
    return msb_sandbox_run(client, name, &opts, NULL, NULL, NULL) == MSB_OK ? 0 : 1;
}

/* A child of the starter has all that it had, and lives on. */
static void starter_leaves_a_child(msb_client *client, const char *home) {
    const char *name = own_name("brief");
    char *argv[] = {(char *)"machine_faults_test", (char *)"leave", (char *)home, (char *)name, NULL};
    int ends[2];
    CHECK(pipe(ends) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    pid_t starter = 0;
    CHECK(posix_spawn(&starter, "/proc/self/exe", &actions, NULL, argv, environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    pid_t child = 0;
    CHECK(read(ends[0], &child, sizeof child) == (ssize_t)sizeof child);
    close(ends[0]);
    CHECK(exit_code_of(starter) == 0);
    msb_machine_end *end = NULL;
    msb_error *error = NULL;
    msb_call call = {.struct_size = sizeof call, .deadline_ns = msb_deadline_after_ms(30000)};
    must(msb_sandbox_wait(client, name, &call, &end, &error), error, "wait");
    msb_machine_end_info info = {.struct_size = sizeof info};
    CHECK(msb_machine_end_read(end, &info) && info.end == MSB_END_SIGNALLED && info.exit_code == 137 && info.clean);
    msb_handle_free(end);
    CHECK(status_of(client, name) == MSB_SANDBOX_STOPPED);
    CHECK(child > 0 && kill(child, SIGKILL) == 0);
}

static int leave_here(const char *home, const char *name) {
    msb_client *client = open_home(home, 0);
    msb_sandbox_start_opts opts = shell(kWriter);
    opts.attached = true;
    msb_error *error = NULL;
    must(msb_sandbox_start(client, name, &opts, NULL, &error), error, "start");
    const pid_t child = fork();
    if (child == 0) {
        /* Closing here is not what ends it: the parent still has it. */
        if (msb_sandbox_detach(client, name, NULL) != MSB_ERR_SANDBOX_NOT_RUNNING) _exit(1);
        msb_handle_free(client);
        for (;;) pause();
    }
    usleep(300000);
    if (status_of(client, name) != MSB_SANDBOX_RUNNING || waitpid(child, NULL, WNOHANG) != 0) return 1;
    return write(1, &child, sizeof child) == (ssize_t)sizeof child ? 0 : 1;
}

struct waiter {
    msb_client *client;
    const char *name;
    msb_status status;
};

static void *wait_for_end(void *data) {
    struct waiter *waiter = data;
    waiter->status = msb_sandbox_wait(waiter->client, waiter->name, NULL, NULL, NULL);
    return NULL;
}

/* Who waits for an attached machine and who closes its client do not wait for each other. */
static void close_ends_a_wait(msb_client *client, const char *home) {
    struct waiter waiter = {open_home(home, 0), own_name("brief"), MSB_ERR_UNKNOWN};
    msb_sandbox_start_opts opts = shell(kWriter);
    opts.attached = true;
    msb_error *error = NULL;
    must(msb_sandbox_start(waiter.client, waiter.name, &opts, NULL, &error), error, "start");
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, wait_for_end, &waiter) == 0);
    usleep(200000);
    must(msb_client_close(waiter.client, &error), error, "close");
    CHECK(status_of(client, waiter.name) == MSB_SANDBOX_STOPPED);
    pthread_join(thread, NULL);
    CHECK(waiter.status == MSB_OK);
    msb_handle_free(waiter.client);
}

/* --- Accelerators --- */

/* A QEMU that is the real one, but hangs with KVM, as some hosts do; it notes what it was asked for. */
static void write_wrapper(const char *folder, const char *real) {
    char path[300];
    snprintf(path, sizeof path, "%s/qemu-system-x86_64", folder);
    CHECK(mkdir(folder, 0755) == 0);
    FILE *file = fopen(path, "wb");
    CHECK(file != NULL);
    if (file == NULL) return;
    fprintf(file,
            "#!/bin/sh\n"
            "accelerator=none\n"
            "for word; do [ \"$last\" = -accel ] && accelerator=$word; last=$word; done\n"
            "echo $accelerator >> '%s/asked'\n"
            "[ $accelerator != kvm ] || exec sleep 1000\n"
            "[ ! -e '%s/broken' ] || { echo no such luck >&2; exit 1; }\n"
            "exec '%s' \"$@\"\n",
            folder, folder, real);
    fclose(file);
    CHECK(chmod(path, 0755) == 0);
}

static bool asked_for(const char *folder, const char *wanted) {
    char path[300], text[256];
    snprintf(path, sizeof path, "%s/asked", folder);
    FILE *file = fopen(path, "rb");
    const size_t got = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file) fclose(file);
    text[got] = '\0';
    CHECK_TEXT(text, wanted);
    return strcmp(text, wanted) == 0;
}

static void kvm_runs_no_guest(msb_client *client, const char *home) {
    char folder[200], path[4096], real[4096] = "";
    snprintf(folder, sizeof folder, "%s-bin", home);
    FILE *which = popen("command -v qemu-system-x86_64", "r");
    CHECK(which != NULL && fgets(real, sizeof real, which) != NULL && pclose(which) == 0);
    real[strcspn(real, "\n")] = '\0';
    write_wrapper(folder, real);
    snprintf(path, sizeof path, "%s:%s", folder, getenv("PATH"));
    setenv("PATH", path, 1);

    msb_sandbox_start_opts opts = MSB_SANDBOX_START_OPTS_INIT;
    opts.idle = true;
    msb_error *error = NULL;
    opts.accelerator = MSB_ACCELERATOR_KVM;
    opts.ready_timeout_ms = 200;
    const bool kvm = msb_sandbox_start(client, "probe", &opts, NULL, &error) != MSB_ERR_UNSUPPORTED;
    if (!kvm) {
        CHECK(failed(MSB_ERR_UNSUPPORTED, error, MSB_ERR_UNSUPPORTED, "KVM cannot be used here"));
    } else {
        CHECK(failed(MSB_ERR_EXEC_TIMEOUT, error, MSB_ERR_EXEC_TIMEOUT, "no guest has begun to run with kvm"));
    }
    CHECK(status_of(client, "probe") != MSB_SANDBOX_CRASHED);

    opts.accelerator = MSB_ACCELERATOR_AUTO;
    opts.ready_timeout_ms = 0;
    must(msb_sandbox_start(client, "probe", &opts, NULL, &error), error, "start");
    CHECK(asked_for(folder, kvm ? "kvm\nkvm\ntcg\n" : "tcg\n"));
    must(msb_sandbox_stop(client, "probe", 30000, NULL, &error), error, "stop");
    msb_machine_end *end = NULL;
    must(msb_sandbox_wait(client, "probe", NULL, &end, &error), error, "wait");
    msb_machine_end_info info = {.struct_size = sizeof info};
    CHECK(msb_machine_end_read(end, &info) && info.accelerator == MSB_ACCELERATOR_TCG && info.clean);
    msb_handle_free(end);

    /* Known by now; and a QEMU that fails says why, and leaves the sandbox as it was. */
    snprintf(path, sizeof path, "%s/broken", folder);
    FILE *broken = fopen(path, "wb");
    if (broken) fclose(broken);
    const msb_status again = msb_sandbox_start(client, "probe", &opts, NULL, &error);
    CHECK(failed(again, error, MSB_ERR_EXEC_FAILED, "no such luck"));
    CHECK(asked_for(folder, kvm ? "kvm\nkvm\ntcg\ntcg\n" : "tcg\ntcg\n"));
    CHECK(status_of(client, "probe") == MSB_SANDBOX_STOPPED);
}

int main(int argc, char **argv) {
    if (argc == 4 && strcmp(argv[1], "start") == 0) return start_here(argv[2], argv[3]);
    if (argc == 4 && strcmp(argv[1], "run") == 0) return run_here(argv[2], argv[3]);
    if (argc == 4 && strcmp(argv[1], "leave") == 0) return leave_here(argv[2], argv[3]);
    if (argc < 3) {
        fprintf(stderr, "usage: machine_faults_test HOME ARCHIVE\n");
        return 2;
    }
    msb_client *client = open_home(argv[1], 0);
    msb_error *error = NULL;
    must(msb_image_load(client, argv[2], NULL, NULL, NULL, &error), error, "load");
    need_machines(client);
    qemu_dies(client, argv[1]);
    monitor_dies(client);
    guest_dies(client);
    stopped_while_starting(client, argv[1]);
    runner_dies(client, argv[1]);
    starter_leaves_a_child(client, argv[1]);
    close_ends_a_wait(client, argv[1]);
    kvm_runs_no_guest(client, argv[1]);
    msb_handle_free(client);
    CHECK_END();
}
