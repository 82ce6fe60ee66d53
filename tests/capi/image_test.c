/* The image surface as a C program sees it: load, look, save, take away. Usage: image_test HOME ARCHIVE */
#include <stdint.h>

#include "home.h"

struct seen {
    size_t events;
    uint32_t last_phase;
};

static void on_progress(const msb_progress *event, void *user) {
    struct seen *seen = user;
    ++seen->events;
    seen->last_phase = event->phase;
}

static void clients(const char *home) {
    msb_client *client = NULL;
    msb_error *error = NULL;
    msb_client_opts opts = MSB_CLIENT_OPTS_INIT;
    opts.home = "/proc/no/such/home";
    CHECK(msb_client_open(&opts, &client, &error) == MSB_ERR_IO);
    CHECK(client == NULL && msb_error_os_code(error) != 0);
    msb_handle_free(error);
    opts.flags = 1u << 30;
    CHECK(msb_client_open(&opts, &client, NULL) == MSB_ERR_INVALID_ARGUMENT);
    opts.struct_size = 1;
    CHECK(msb_client_open(&opts, &client, NULL) == MSB_ERR_INVALID_ARGUMENT);

    client = open_home(home, 0);
    CHECK(!msb_client_read_only(client));
    CHECK_TEXT(msb_client_dir(client, MSB_DIR_HOME), home);
    CHECK(strstr(msb_client_dir(client, MSB_DIR_INDEX), "/db/msb.db") != NULL);
    CHECK(msb_client_dir(client, 99) == NULL);
    CHECK(msb_client_close(client, NULL) == MSB_OK);
    CHECK(msb_client_close(client, NULL) == MSB_ERR_INVALID_HANDLE);
    msb_image_list *images = NULL;
    CHECK(msb_image_index_list(client, NULL, &images, NULL) == MSB_ERR_INVALID_HANDLE);
    CHECK_TEXT(msb_client_dir(client, MSB_DIR_HOME), home);
    msb_handle_free(client);
    CHECK(msb_image_index_list(NULL, NULL, &images, NULL) == MSB_ERR_INVALID_HANDLE);
}

/* A caller built with a later header, and one built with an earlier one. */
static void struct_sizes(msb_client *client) {
    struct {
        msb_image_prune_opts known;
        uint64_t unknown;
    } later;
    memset(&later, 0, sizeof later);
    later.known.struct_size = sizeof later;
    msb_prune_plan *plan = NULL;
    CHECK(msb_image_prune_plan(client, &later.known, NULL, &plan, NULL) == MSB_OK);
    msb_handle_free(plan);
    later.unknown = 1;
    CHECK(msb_image_prune_plan(client, &later.known, NULL, &plan, NULL) == MSB_ERR_INVALID_ARGUMENT);
    CHECK(plan == NULL);

    msb_image_list *images = NULL;
    CHECK(msb_image_index_list(client, NULL, &images, NULL) == MSB_OK);
    msb_image_info info;
    memset(&info, 0xaa, sizeof info);
    info.struct_size = offsetof(msb_image_info, manifest_digest);
    CHECK(msb_image_read(msb_image_list_at(images, 0), &info));
    CHECK(info.reference != NULL && info.struct_size == offsetof(msb_image_info, manifest_digest));
    CHECK((uintptr_t)info.manifest_digest == (uintptr_t)UINT64_C(0xaaaaaaaaaaaaaaaa));
    info.struct_size = 0;
    CHECK(!msb_image_read(msb_image_list_at(images, 0), &info));
    CHECK(!msb_image_read(NULL, &info));
    msb_handle_free(images);
}

static void loads(msb_client *client, const char *archive) {
    msb_error *error = NULL;
    msb_image_list *loaded = NULL;
    CHECK(msb_image_load(client, "/no/such/file", NULL, NULL, &loaded, &error) == MSB_ERR_IO);
    CHECK(strstr(msb_error_message(error), "/no/such/file") != NULL);
    msb_handle_free(error);

    msb_cancel *token = NULL;
    msb_cancel_new(&token, NULL);
    msb_cancel_trigger(token);
    msb_call stopped = MSB_CALL_INIT;
    stopped.cancel = token;
    CHECK(msb_image_load(client, archive, NULL, &stopped, &loaded, NULL) == MSB_ERR_CANCELLED);
    msb_handle_free(token);
    msb_call late = MSB_CALL_INIT;
    late.deadline_ns = 1;
    CHECK(msb_image_load(client, archive, NULL, &late, &loaded, NULL) == MSB_ERR_DEADLINE_EXCEEDED);

    const char *tags[] = {"also/this:2"};
    msb_image_load_opts opts = MSB_IMAGE_LOAD_OPTS_INIT;
    opts.tags = tags;
    opts.tag_count = 1;
    struct seen seen = {0, 0};
    msb_call call = MSB_CALL_INIT;
    call.on_progress = on_progress;
    call.user = &seen;
    if (msb_image_load(client, archive, &opts, &call, &loaded, &error) != MSB_OK) {
        fprintf(stderr, "%s\n", msb_error_message(error));
        exit(1);
    }
    CHECK(seen.events > 1 && seen.last_phase == MSB_PHASE_COMPLETE);
    CHECK(msb_image_list_count(loaded) == 2);
    msb_handle_free(loaded);
    CHECK(msb_image_load(client, archive, &opts, NULL, NULL, NULL) == MSB_OK); /* again, and nobody wants the list */
}

/* What a pull does without a registry; the tests of the module have one. */
static void pulls(msb_client *client) {
    msb_error *error = NULL;
    msb_image *image = NULL;
    msb_image_pull_report report = {.struct_size = sizeof report};
    msb_image_pull_opts opts = MSB_IMAGE_PULL_OPTS_INIT;
    opts.report = &report;
    CHECK(msb_features() & MSB_FEATURE_REGISTRY);
    CHECK(msb_image_pull(client, "demo/busybox:1", &opts, NULL, &image, &error) == MSB_OK && error == NULL);
    CHECK(report.cached && !report.fell_back && report.layers_present == 2 && report.bytes_fetched == 0);
    msb_image_info info = {.struct_size = sizeof info};
    CHECK(msb_image_read(image, &info));
    CHECK_TEXT(info.reference, "demo/busybox:1");
    msb_handle_free(image);
    CHECK(msb_image_pull(client, "demo/busybox:1", NULL, NULL, NULL, NULL) == MSB_OK);

    opts.policy = MSB_PULL_NEVER;
    const msb_status status = msb_image_pull(client, "no/such:1", &opts, NULL, &image, &error);
    CHECK(failed(status, error, MSB_ERR_IMAGE_NOT_FOUND, "no/such:1"));
    CHECK(image == NULL);
    opts.policy = 99;
    CHECK(msb_image_pull(client, "no/such:1", &opts, NULL, &image, NULL) == MSB_ERR_INVALID_ARGUMENT);
    opts.policy = MSB_PULL_IF_MISSING;
    opts.username = "ann";
    CHECK(msb_image_pull(client, "no/such:1", &opts, NULL, &image, NULL) == MSB_ERR_INVALID_ARGUMENT);
    opts.password = "s3cret";
    opts.insecure = true;
    CHECK(msb_image_pull(client, "127.0.0.1:1/x:1", &opts, NULL, &image, &error) == MSB_ERR_HTTP);
    CHECK(strstr(msb_error_message(error), "s3cret") == NULL);
    msb_handle_free(error);
    CHECK(msb_image_pull(client, "Not/A/Reference", NULL, NULL, &image, NULL) == MSB_ERR_INVALID_ARGUMENT);
    CHECK(msb_image_pull(client, NULL, NULL, NULL, &image, NULL) == MSB_ERR_INVALID_ARGUMENT);
}

static void looks(msb_client *client) {
    msb_error *error = NULL;
    msb_image *image = NULL;
    CHECK(msb_image_get(client, "docker.io/demo/busybox:1", NULL, &image, NULL) == MSB_OK);
    msb_image_info info = {.struct_size = sizeof info};
    CHECK(msb_image_read(image, &info));
    CHECK_TEXT(info.reference, "demo/busybox:1");
    CHECK_TEXT(info.os, "linux");
    CHECK(info.layer_count == 2 && info.has_size_bytes && info.size_bytes > 0);
    CHECK(info.created_at_ns > 0 && info.last_used_at_ns >= info.created_at_ns);
    msb_handle_free(image);
    CHECK(msb_image_get(client, "no/such:1", NULL, &image, &error) == MSB_ERR_IMAGE_NOT_FOUND);
    CHECK_TEXT(msb_error_message(error), "image not found: no/such:1");
    msb_handle_free(error);
    CHECK(msb_image_get(client, "", NULL, &image, NULL) == MSB_ERR_INVALID_ARGUMENT);

    msb_image_detail *detail = NULL;
    CHECK(msb_image_inspect(client, "demo/busybox:1", NULL, &detail, NULL) == MSB_OK);
    msb_image_config config = {.struct_size = sizeof config};
    CHECK(msb_image_detail_config(detail, &config));
    CHECK(config.env_count == 1 && config.cmd_count == 1);
    CHECK_TEXT(config.cmd[0], "/bin/greet");
    CHECK(config.entrypoint == NULL && config.entrypoint_count == 0);
    CHECK_TEXT(config.stop_signal, "SIGTERM");
    CHECK(config.label_count == 1);
    CHECK_TEXT(config.labels[0].value, "demo");
    CHECK(msb_image_detail_layer_count(detail) == 2);
    msb_image_layer layer = {.struct_size = sizeof layer};
    CHECK(msb_image_detail_layer_at(detail, 1, &layer));
    CHECK(layer.position == 1 && layer.has_erofs_size_bytes && layer.erofs_size_bytes % 4096 == 0);
    CHECK(!msb_image_detail_layer_at(detail, 2, &layer));

    /* An element outlives its owner when it is retained. */
    msb_image *kept = msb_handle_retain((void *)msb_image_detail_image(detail));
    msb_handle_free(detail);
    CHECK(msb_image_read(kept, &info));
    msb_handle_free(kept);
}

static void takes_away(msb_client *client) {
    CHECK(msb_image_remove(client, "also/this:2", false, NULL, NULL) == MSB_OK);
    CHECK(msb_image_remove(client, "also/this:2", false, NULL, NULL) == MSB_ERR_IMAGE_NOT_FOUND);

    msb_disk_usage *usage = NULL;
    CHECK(msb_client_disk_usage(client, NULL, &usage, NULL) == MSB_OK);
    msb_disk_usage_info sums = {.struct_size = sizeof sums};
    CHECK(msb_disk_usage_read(usage, &sums));
    CHECK(sums.images_bytes > 0 && sums.reclaimable_bytes > 0 && sums.reclaimable_bytes <= sums.images_bytes);
    CHECK(msb_disk_usage_count(usage) > 4);
    msb_handle_free(usage);

    uint32_t removed = 99;
    CHECK(msb_image_gc_layers(client, NULL, &removed, NULL) == MSB_OK && removed == 0);

    msb_prune_plan *plan = NULL;
    CHECK(msb_image_prune_plan(client, NULL, NULL, &plan, NULL) == MSB_OK);
    uint64_t promised = 0;
    for (size_t i = 0; i < msb_prune_plan_count(plan); ++i) {
        msb_prune_item item = {.struct_size = sizeof item};
        CHECK(msb_prune_plan_at(plan, i, &item));
        CHECK(item.name != NULL && item.reason != NULL);
        if (item.remove) promised += item.bytes;
    }
    CHECK(promised == sums.reclaimable_bytes);
    msb_image_prune_report report = {.struct_size = sizeof report};
    CHECK(msb_image_prune_apply(client, plan, NULL, &report, NULL) == MSB_OK);
    CHECK(report.image_refs_removed == 1 && report.manifests_removed == 1 && report.layers_removed == 2);
    CHECK(report.has_bytes_reclaimed && report.bytes_reclaimed == promised);
    msb_handle_free(plan);
    CHECK(msb_image_gc(client, NULL, &removed, NULL) == MSB_OK && removed == 0);

    msb_check_report *problems = NULL;
    msb_client_check_opts opts = MSB_CLIENT_CHECK_OPTS_INIT;
    opts.deep = true;
    CHECK(msb_client_check(client, &opts, NULL, &problems, NULL) == MSB_OK);
    CHECK(msb_check_report_count(problems) == 0);
    msb_handle_free(problems);
}

static void read_only(const char *home, const char *archive) {
    msb_client *client = open_home(home, MSB_CLIENT_READ_ONLY);
    CHECK(msb_client_read_only(client));
    msb_image_list *images = NULL;
    CHECK(msb_image_index_list(client, NULL, &images, NULL) == MSB_OK);
    CHECK(msb_image_list_count(images) == 2);
    msb_handle_free(images);
    CHECK(msb_image_load(client, archive, NULL, NULL, NULL, NULL) == MSB_ERR_UNSUPPORTED);
    CHECK(msb_image_remove(client, "demo/busybox:1", true, NULL, NULL) == MSB_ERR_UNSUPPORTED);
    CHECK(msb_image_prune(client, NULL, NULL, NULL, NULL) == MSB_ERR_UNSUPPORTED);
    msb_handle_free(client);
}

static void round_trip(msb_client *client, const char *home) {
    char path[4096];
    snprintf(path, sizeof path, "%s/saved.tar", home);
    const char *reference = "demo/busybox:1";
    msb_image *before = NULL;
    CHECK(msb_image_get(client, reference, NULL, &before, NULL) == MSB_OK);
    msb_image_info was = {.struct_size = sizeof was};
    msb_image_read(before, &was);
    CHECK(msb_image_save(client, &reference, 1, path, NULL, NULL, NULL) == MSB_OK);
    msb_image_list *loaded = NULL;
    CHECK(msb_image_load(client, path, NULL, NULL, &loaded, NULL) == MSB_OK);
    msb_image_info is = {.struct_size = sizeof is};
    CHECK(msb_image_read(msb_image_list_at(loaded, 0), &is));
    CHECK_TEXT(is.manifest_digest, was.manifest_digest); /* layers, config and so the manifest are the original ones */
    msb_handle_free(loaded);
    msb_handle_free(before);
    const char *missing = "no/such:1";
    CHECK(msb_image_save(client, &missing, 1, path, NULL, NULL, NULL) == MSB_ERR_IMAGE_NOT_FOUND);
    CHECK(msb_image_save(client, NULL, 0, path, NULL, NULL, NULL) == MSB_ERR_INVALID_ARGUMENT);
    remove(path);
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: image_test HOME ARCHIVE\n");
        return 2;
    }
    const char *const home = argv[1];
    const char *const archive = argv[2];
    clients(home);
    msb_client *client = open_home(home, 0);
    loads(client, archive);
    struct_sizes(client);
    pulls(client);
    looks(client);
    round_trip(client, home);
    read_only(home, archive);
    takes_away(client);
    msb_handle_free(client);
    CHECK_END();
}
