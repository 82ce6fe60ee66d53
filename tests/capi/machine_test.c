/* Sandboxes that run, in real machines. Usage: machine_test HOME ARCHIVE */
#include "machine.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <sys/socket.h>

static void runs(msb_client *client) {
    create(client, "base", NULL, 0);
    const char *const words[] = {
        "/bin/sh", "-c",
        "cat /etc/motd; echo $GREETING; pwd; ls /sys/class/net; echo kept > /root/kept; echo to stderr >&2; exit 7"};
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
    CHECK_TEXT(info.stdout_bytes, "Welcome to the demo image.\nhello there\n/etc\nlo\n");
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
    const char *const words[] = {"/bin/sh", "-c",
                                 "trap '[ $asked ] && echo bye && exit 3; asked=1; echo not yet' TERM; echo up; while "
                                 ":; do busybox usleep 100000; done"};
    msb_sandbox_start_opts opts = shell(words);
    msb_error *error = NULL;
    CHECK(msb_sandbox_stop(client, "base", 1000, NULL, NULL) == MSB_ERR_SANDBOX_NOT_RUNNING);
    /* Attached to another client, and let go: the machine does not end with that. */
    msb_client *owner = open_home(msb_client_dir(client, MSB_DIR_HOME), 0);
    opts.attached = true;
    must(msb_sandbox_start(owner, "base", &opts, NULL, &error), error, "start");
    CHECK(msb_sandbox_detach(client, "base", NULL) == MSB_ERR_SANDBOX_NOT_RUNNING);
    must(msb_sandbox_detach(owner, "base", &error), error, "detach");
    CHECK(msb_sandbox_detach(owner, "base", NULL) == MSB_ERR_SANDBOX_NOT_RUNNING);
    must(msb_client_close(owner, &error), error, "close");
    msb_handle_free(owner);
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
    /* Asked, it does not end yet: still no moment to capture it. */
    await_word(client, "base", "up");
    must(msb_sandbox_request_stop(client, "base", false, NULL, &error), error, "request to stop");
    await_word(client, "base", "not yet");
    CHECK(status_of(client, "base") == MSB_SANDBOX_DRAINING);
    CHECK(msb_snapshot_create(client, "base", &capture, NULL, NULL, NULL) == MSB_ERR_SNAPSHOT_SANDBOX_RUNNING);
    must(msb_sandbox_stop(client, "base", 10000, NULL, &error), error, "stop");
    CHECK(status_of(client, "base") == MSB_SANDBOX_STOPPED);
    CHECK(msb_sandbox_request_stop(client, "base", true, NULL, NULL) == MSB_ERR_SANDBOX_NOT_RUNNING);
    CHECK(msb_sandbox_request_stop(client, "none", true, NULL, NULL) == MSB_ERR_SANDBOX_NOT_FOUND);
    msb_machine_end *end = NULL;
    must(msb_sandbox_wait(client, "base", NULL, &end, &error), error, "wait");
    msb_machine_end_info info = {.struct_size = sizeof info};
    CHECK(msb_machine_end_read(end, &info) && info.end == MSB_END_EXITED && info.exit_code == 3 && info.clean);
    CHECK_TEXT(info.stdout_bytes, "up\nnot yet\nbye\n");
    msb_handle_free(end);
    disk_is_sound(client, "base");
}

/* An attached machine ends with its client, and has its time for that. */
static void ends_with_its_client(msb_client *client) {
    const char *const words[] = {"/bin/sh", "-c",
                                 "trap 'echo bye; exit 3' TERM; echo up; while :; do busybox usleep 100000; done"};
    msb_sandbox_start_opts opts = shell(words);
    opts.attached = true;
    opts.stop_limit_ms = 10000;
    msb_error *error = NULL;
    msb_client *owner = open_home(msb_client_dir(client, MSB_DIR_HOME), 0);
    must(msb_sandbox_start(owner, "base", &opts, NULL, &error), error, "start");
    await_word(client, "base", "up");
    msb_handle_free(owner);
    msb_machine_end *end = NULL;
    must(msb_sandbox_wait(client, "base", NULL, &end, &error), error, "wait");
    msb_machine_end_info info = {.struct_size = sizeof info};
    CHECK(msb_machine_end_read(end, &info) && info.end == MSB_END_EXITED && info.exit_code == 3 && info.clean);
    CHECK_TEXT(info.stdout_bytes, "up\nbye\n");
    msb_handle_free(end);
}

static void cannot_run(msb_client *client) {
    const char *const words[] = {"/bin/no-such", "-c", ""};
    msb_sandbox_start_opts opts = shell(words);
    msb_error *error = NULL;
    msb_machine_end *end = NULL;
    const msb_status status = msb_sandbox_run(client, "base", &opts, NULL, &end, &error);
    CHECK_TEXT(msb_error_detail(error, "exit_code"), "127");
    CHECK(failed(status, error, MSB_ERR_EXEC_FAILED, "/bin/no-such: No such file"));
    CHECK(end == NULL && status_of(client, "base") == MSB_SANDBOX_STOPPED);
    opts.kernel = "/etc/passwd";
    CHECK(msb_sandbox_start(client, "base", &opts, NULL, NULL) == MSB_ERR_INVALID_ARGUMENT);
    opts.kernel = NULL;
    opts.accelerator = 9;
    CHECK(msb_sandbox_start(client, "base", &opts, NULL, NULL) == MSB_ERR_INVALID_ARGUMENT);
    CHECK(msb_sandbox_start(client, "none", NULL, NULL, NULL) == MSB_ERR_SANDBOX_NOT_FOUND);
}

struct listener {
    int socket;
    char heard[16];
};

/* Accepts until the guest has called: others may look for a port that was theirs, and signals end a wait. */
static void *hear_one(void *data) {
    struct listener *listener = data;
    ssize_t length = 0;
    while (length != 5) {
        const int guest = accept(listener->socket, NULL, NULL);
        if (guest < 0 && errno == EINTR) continue;
        if (guest < 0) {
            fprintf(stderr, "%s:%d: nobody has called: %s\n", __FILE__, __LINE__, strerror(errno));
            break;
        }
        length = read(guest, listener->heard, sizeof listener->heard - 1);
        close(guest);
    }
    return NULL;
}

/* A network that leads to what listens on this host, and a guest that says more than is kept. */
static void says_much(msb_client *client) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    struct listener listener = {.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const struct timeval patience = {.tv_sec = 60};
    setsockopt(listener.socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    CHECK(bind(listener.socket, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener.socket, 1) == 0);
    CHECK(getsockname(listener.socket, (struct sockaddr *)&address, &length) == 0);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, hear_one, &listener) == 0);
    char script[600];
    snprintf(script, sizeof script,
             "printf 'a\\000\\377\\r\\n\\033[31m'; echo; ls /sys/class/net; cat /etc/resolv.conf; "
             "echo ping | busybox nc -w 30 10.0.2.2 %u; busybox head -c 4194304 /dev/zero >&2",
             (unsigned)ntohs(address.sin_port));
    const char *const words[] = {"/bin/sh", "-c", script};
    msb_sandbox_start_opts opts = shell(words);
    opts.network = true;
    opts.output_limit = 1 << 20;
    msb_machine_end *end = NULL;
    msb_error *error = NULL;
    must(msb_sandbox_run(client, "probe", &opts, NULL, &end, &error), error, "run");
    msb_machine_end_info info = {.struct_size = sizeof info};
    CHECK(msb_machine_end_read(end, &info) && info.end == MSB_END_EXITED && info.exit_code == 0);
    CHECK(info.stderr_length == 1 << 20 && info.stderr_total == 4 << 20);
    static const char said[] = "a\0\377\r\n\033[31m\neth0\nlo\nnameserver 10.0.2.3\n";
    CHECK(info.stdout_length == sizeof said - 1 && memcmp(info.stdout_bytes, said, sizeof said - 1) == 0);
    msb_handle_free(end);

    pthread_join(thread, NULL);
    CHECK_TEXT(listener.heard, "ping\n");
    close(listener.socket);
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
    CHECK(status_of(client, "base") == MSB_SANDBOX_STOPPED);
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
    need_machines(client);
    runs(client);
    forks(client);
    stays_until_stopped(client);
    ends_with_its_client(client);
    cannot_run(client);
    says_much(client);
    given_up(client);
    says_what_it_said(client);
    msb_handle_free(client);
    CHECK_END();
}
