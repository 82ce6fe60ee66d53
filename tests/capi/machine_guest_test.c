/* What commands find in the guest. Usage: machine_guest_test HOME ARCHIVE */
#include <time.h>

#include "machine.h"

enum { SMALLEST = 68 << 20, VARIABLES = 40000 };

static void run_with(msb_client *client, const msb_sandbox_start_opts *opts, const char *out, const char *err) {
    msb_machine_end *end = NULL;
    msb_error *error = NULL;
    must(msb_sandbox_run(client, "guest", opts, NULL, &end, &error), error, "run");
    msb_machine_end_info info = {.struct_size = sizeof info};
    CHECK(msb_machine_end_read(end, &info));
    CHECK(info.end == MSB_END_EXITED && info.exit_code == 0 && info.clean);
    CHECK_TEXT(info.stdout_bytes, out);
    CHECK(err == NULL || has(info.stderr_bytes, err));
    msb_handle_free(end);
    msb_buffer *notes = NULL;
    CHECK(msb_sandbox_logs(client, "guest", MSB_OUTPUT_MACHINE, 0, NULL, &notes, NULL) == MSB_OK);
    CHECK(!has(msb_buffer_data(notes, NULL), "guest:"));
    msb_handle_free(notes);
    disk_is_sound(client, "guest");
}

/* On the smallest disk; the pipe ends its writer, the directory is made, and what is mounted anywhere is unmounted. */
static void is_at_home(msb_client *client) {
    const char *const words[] = {
        "/bin/sh", "-c",
        "busybox yes | busybox head -n 1; busybox grep SigIgn /proc/self/status; pwd; busybox stat -c '%U %a' . .. || "
        "exit 2; (busybox yes; echo yes ended with $? >&2) | busybox head -c 0; "
        "odd='/root/a b\\c'; busybox mkdir -p \"$odd\" && busybox mount -t tmpfs none \"$odd\" && "
        "busybox mkdir \"$odd/tab\t\" && busybox mount -t tmpfs none \"$odd/tab\t\" || exit 3; "
        "busybox ln -s ../run/names/resolv.conf /etc/resolv.conf"};
    msb_sandbox_start_opts opts = shell(words);
    opts.working_dir = "/made/for it";
    run_with(client, &opts, "y\nSigIgn:\t0000000000000000\n/made/for it\nroot 755\nroot 755\n", "yes ended with 141");
}

/* Names are found through a link to nothing, and where there is no /etc at all. */
static void finds_names(msb_client *client) {
    const char *const linked[] = {"/bin/sh", "-c", "cat /etc/resolv.conf && busybox rm -rf /etc"};
    msb_sandbox_start_opts opts = shell(linked);
    opts.network = true;
    run_with(client, &opts, "nameserver 10.0.2.3\n", NULL);
    const char *const missing[] = {"/bin/sh", "-c", "cat /etc/resolv.conf"};
    opts.command = missing;
    run_with(client, &opts, "nameserver 10.0.2.3\n", NULL);
}

/* The time that an environment takes grows as its size does. */
static void takes_a_large_environment(msb_client *client) {
    static char names[VARIABLES][8];
    static msb_kv variables[VARIABLES + 1];
    for (int i = 0; i < VARIABLES; ++i) {
        snprintf(names[i], sizeof names[i], "V%05d", i);
        variables[i] = (msb_kv){names[i], names[i] + 4};
    }
    variables[VARIABLES] = (msb_kv){names[0], "again"};
    const char *const words[] = {"/bin/sh", "-c", "echo $V00000; echo $V39999"};
    msb_sandbox_start_opts opts = shell(words);
    opts.env = variables;
    opts.env_count = VARIABLES + 1;
    const clock_t before = clock();
    run_with(client, &opts, "again\n99\n", NULL);
    CHECK(clock() - before < 3 * CLOCKS_PER_SEC);

    static char large[5 << 20];
    memset(large, 'x', sizeof large - 1);
    variables[0].value = large;
    msb_error *error = NULL;
    const msb_status status = msb_sandbox_start(client, "guest", &opts, NULL, &error);
    CHECK(failed(status, error, MSB_ERR_INVALID_ARGUMENT, "may take 4194304"));
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: machine_guest_test HOME ARCHIVE\n");
        return 2;
    }
    msb_client *client = open_home(argv[1], 0);
    msb_error *error = NULL;
    must(msb_image_load(client, argv[2], NULL, NULL, NULL, &error), error, "load");
    need_machines(client);
    create(client, "guest", NULL, SMALLEST);
    is_at_home(client);
    finds_names(client);
    takes_a_large_environment(client);
    msb_handle_free(client);
    CHECK_END();
}
