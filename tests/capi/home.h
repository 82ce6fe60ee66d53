/* What the C tests that work in a home share. */
#ifndef MSB_TESTS_CAPI_HOME_H
#define MSB_TESTS_CAPI_HOME_H

#include "check.h"

static inline msb_client *open_home(const char *home, uint32_t flags) {
    msb_client *client = NULL;
    msb_error *error = NULL;
    msb_client_opts opts = MSB_CLIENT_OPTS_INIT;
    opts.home = home;
    opts.flags = flags;
    if (msb_client_open(&opts, &client, &error) != MSB_OK) {
        fprintf(stderr, "%s\n", msb_error_message(error));
        exit(1);
    }
    return client;
}

/* Ends the test when a call that it stands on has failed. Takes the error. */
static inline void must(msb_status status, msb_error *error, const char *what) {
    if (status == MSB_OK) return;
    fprintf(stderr, "%s: %s\n", what, error ? msb_error_message(error) : "failed");
    exit(1);
}

/* Whether a call failed as it should, with a message that has `text` in it. Takes the error. */
static inline bool failed(msb_status status, msb_error *error, msb_status wanted, const char *text) {
    const char *message = error ? msb_error_message(error) : "(no error)";
    const bool well = status == wanted && msb_error_status(error) == wanted && strstr(message, text) != NULL;
    if (!well) fprintf(stderr, "got %s: %s\n", msb_status_name(status), message);
    msb_handle_free(error);
    return well;
}

#endif
