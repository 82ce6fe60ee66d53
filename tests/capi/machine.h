/* What the C tests share that boot machines. */
#ifndef MSB_TESTS_CAPI_MACHINE_H
#define MSB_TESTS_CAPI_MACHINE_H

#include <unistd.h>

#include "home.h"

static const char *const kReference = "demo/busybox:1";

static inline msb_sandbox_start_opts shell(const char *const words[3]) {
    msb_sandbox_start_opts opts = MSB_SANDBOX_START_OPTS_INIT;
    opts.command = words;
    opts.command_count = 3;
    opts.accelerator = MSB_ACCELERATOR_TCG;
    opts.memory_mib = 256;
    return opts;
}

static inline uint32_t status_of(msb_client *client, const char *name) {
    msb_sandbox *sandbox = NULL;
    msb_sandbox_info info = {.struct_size = sizeof info};
    if (msb_sandbox_get(client, name, NULL, &sandbox, NULL) != MSB_OK) return 0;
    msb_sandbox_read(sandbox, &info);
    msb_handle_free(sandbox);
    return info.status;
}

/* Waits for a status, up to half a minute. */
static inline bool comes_to(msb_client *client, const char *name, uint32_t status) {
    for (int look = 0; look < 3000; ++look) {
        if (status_of(client, name) == status) return true;
        usleep(10000);
    }
    return false;
}

static inline void disk_is_sound(msb_client *client, const char *name) {
    msb_sandbox *sandbox = NULL;
    msb_sandbox_info info = {.struct_size = sizeof info};
    CHECK(msb_sandbox_get(client, name, NULL, &sandbox, NULL) == MSB_OK && msb_sandbox_read(sandbox, &info));
    char line[16384];
    /* A copy, so that the next boot replays the journal itself. After that nothing may be left to mend. */
    snprintf(
        line, sizeof line,
        "copy='%s.copy'; cp --sparse=always '%s' \"$copy\" && e2fsck -y -E journal_only \"$copy\" >/dev/null 2>&1; "
        "said=$(e2fsck -fn \"$copy\" 2>&1); result=$?; [ $result = 0 ] || echo \"$said\" >&2; rm \"$copy\"; "
        "exit $result",
        info.upper_path, info.upper_path);
    CHECK(system(line) == 0);
    msb_handle_free(sandbox);
}

static inline void create(msb_client *client, const char *name, const char *snapshot, uint64_t size) {
    msb_error *error = NULL;
    msb_sandbox_create_opts opts = MSB_SANDBOX_CREATE_OPTS_INIT;
    opts.from_snapshot = snapshot;
    opts.image = snapshot != NULL ? NULL : kReference;
    opts.upper_size = size;
    must(msb_sandbox_create(client, name, &opts, NULL, NULL, &error), error, "create");
}

static inline bool has(const void *bytes, const char *text) {
    return bytes != NULL && strstr(bytes, text) != NULL;
}

/* Waits until the command has written a word, up to half a minute. */
static inline void await_word(msb_client *client, const char *name, const char *word) {
    for (int look = 0; look < 3000; ++look) {
        msb_buffer *log = NULL;
        CHECK(msb_sandbox_logs(client, name, MSB_OUTPUT_STDOUT, 0, NULL, &log, NULL) == MSB_OK);
        const bool said = has(msb_buffer_data(log, NULL), word);
        msb_handle_free(log);
        if (said) return;
        usleep(10000);
    }
    CHECK(!"the word has come");
}

/* Ends the test where no machine can run; `probe` is a sandbox of that name afterwards. */
static inline void need_machines(msb_client *client) {
    create(client, "probe", NULL, 0);
    const char *const words[] = {"/bin/sh", "-c", ""};
    msb_sandbox_start_opts opts = shell(words);
    opts.ready_timeout_ms = 1;
    msb_error *error = NULL;
    const msb_status status = msb_sandbox_start(client, "probe", &opts, NULL, &error);
    if (status == MSB_ERR_UNSUPPORTED) {
        printf("skipped: %s\n", msb_error_message(error));
        exit(77);
    }
    CHECK(failed(status, error, MSB_ERR_EXEC_TIMEOUT, "probe"));
    CHECK(status_of(client, "probe") == MSB_SANDBOX_STOPPED);
}

#endif
