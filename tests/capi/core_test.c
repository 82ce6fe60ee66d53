/* What the first page of the header promises: objects, errors, options, call control. */
#include <stdint.h>

#include "check.h"

static void statuses(void) {
    CHECK(msb_abi_version() == MSB_ABI_VERSION);
    CHECK_TEXT(msb_version(), "0.1.0");
    CHECK_TEXT(msb_status_name(MSB_ERR_IMAGE_IN_USE), "ImageInUse");
    CHECK_TEXT(msb_status_tag(MSB_ERR_IMAGE_IN_USE), "image_in_use");
    CHECK_TEXT(msb_status_name(123456), "Unknown");
    CHECK(msb_status_from_tag("snapshot_integrity") == MSB_ERR_SNAPSHOT_INTEGRITY);
    CHECK(msb_status_from_tag("no such tag") == MSB_ERR_UNKNOWN);
    CHECK(msb_status_from_tag(NULL) == MSB_ERR_UNKNOWN);
    CHECK_TEXT(msb_progress_phase_name(MSB_PHASE_MATERIALIZING), "materializing");
    CHECK_TEXT(msb_progress_phase_name(99), "unknown");
}

static void objects(void) {
    msb_cancel *token = NULL;
    CHECK(msb_cancel_new(&token, NULL) == MSB_OK);
    CHECK(msb_handle_kind_of(token) == MSB_KIND_CANCEL);
    CHECK(msb_handle_kind_of(NULL) == MSB_KIND_NONE);
    CHECK(msb_live_handles() == 1);
    CHECK(msb_handle_retain(token) == token);
    msb_handle_free(token);
    CHECK(msb_live_handles() == 1);
    CHECK(!msb_cancel_triggered(token));
    msb_cancel_trigger(token);
    msb_cancel_trigger(token);
    CHECK(msb_cancel_triggered(token));
    msb_handle_free(token);
    CHECK(msb_live_handles() == 0);
    msb_handle_free(NULL);
    CHECK(msb_handle_retain(NULL) == NULL);
}

static void errors(void) {
    msb_error *error = NULL;
    CHECK(msb_cancel_new(NULL, &error) == MSB_ERR_INVALID_ARGUMENT);
    CHECK(msb_error_status(error) == MSB_ERR_INVALID_ARGUMENT);
    CHECK_TEXT(msb_error_message(error), "invalid argument: out is NULL");
    CHECK(msb_error_os_code(error) == 0);
    CHECK(msb_error_cause(error) == NULL);
    CHECK(msb_error_detail(error, "path") == NULL);
    CHECK(msb_error_detail(error, NULL) == NULL);
    msb_handle_free(error);
    CHECK(msb_cancel_new(NULL, NULL) == MSB_ERR_INVALID_ARGUMENT);
    CHECK(msb_error_status(NULL) == MSB_OK);
    CHECK(msb_error_message(NULL) == NULL);
}

static void deadlines(void) {
    const int64_t soon = msb_deadline_after_ms(10);
    CHECK(soon > 0);
    CHECK(msb_deadline_after_ms(UINT64_MAX) == INT64_MAX);
    CHECK(msb_deadline_after_ms(1000) > soon);
}

static void digests_and_references(void) {
    msb_error *error = NULL;
    CHECK(msb_digest_check("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", NULL) == MSB_OK);
    CHECK(msb_digest_check("sha256:e3b0", &error) == MSB_ERR_INVALID_ARGUMENT);
    CHECK(strstr(msb_error_message(error), "sha256:e3b0") != NULL);
    msb_handle_free(error);
    CHECK(msb_digest_check(NULL, NULL) == MSB_ERR_INVALID_ARGUMENT);

    msb_buffer *full = NULL;
    size_t length = 0;
    CHECK(msb_reference_normalize("python:3.12", &full, NULL) == MSB_OK);
    CHECK_TEXT((const char *)msb_buffer_data(full, &length), "docker.io/library/python:3.12");
    CHECK(length == strlen("docker.io/library/python:3.12"));
    msb_handle_free(full);
    CHECK(msb_reference_normalize("no spaces", &full, &error) == MSB_ERR_INVALID_ARGUMENT);
    CHECK(full == NULL);
    msb_handle_free(error);
    CHECK(msb_reference_normalize("\xff", &full, NULL) == MSB_ERR_INVALID_ARGUMENT);
    CHECK(msb_buffer_data(NULL, &length) == NULL && length == 0);
}

int main(void) {
    statuses();
    objects();
    errors();
    deadlines();
    digests_and_references();
    CHECK_END();
}
