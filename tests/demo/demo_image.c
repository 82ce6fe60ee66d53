/* The image cache at work. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "demo.h"

static void show_image(const msb_image *image) {
    msb_image_info info = {.struct_size = sizeof info};
    if (!msb_image_read(image, &info)) return;
    printf("   %s\n   %s  %s/%s, %u layers, %" PRIu64 " bytes\n", info.reference, info.manifest_digest, info.os,
           info.architecture, info.layer_count, info.size_bytes);
}

static void show_detail(const msb_image_detail *detail) {
    msb_image_config config = {.struct_size = sizeof config};
    if (msb_image_detail_config(detail, &config)) {
        for (size_t i = 0; i < config.cmd_count; ++i) printf("   command     %s\n", config.cmd[i]);
        for (size_t i = 0; i < config.env_count; ++i) printf("   environment %s\n", config.env[i]);
        for (size_t i = 0; i < config.label_count; ++i) {
            printf("   label       %s = %s\n", config.labels[i].key, config.labels[i].value);
        }
        printf("   stop signal %s, user %s, in %s\n", config.stop_signal, config.user, config.working_dir);
    }
    for (size_t i = 0; i < msb_image_detail_layer_count(detail); ++i) {
        msb_image_layer layer = {.struct_size = sizeof layer};
        msb_image_detail_layer_at(detail, i, &layer);
        printf("   layer %d     %s\n               %" PRIu64 " bytes as a tar, %" PRIu64 " as EROFS\n", layer.position,
               layer.diff_id, layer.compressed_size_bytes, layer.erofs_size_bytes);
    }
}

/* Hands the files that make up the image to a script that mounts them. */
static void mount_image(const char *scripts, const char *cache, const msb_image_detail *detail) {
    enum { MOST = 64, LENGTH = 4096 };
    static char paths[MOST][LENGTH];
    char *arguments[MOST + 3];
    size_t count = 0;
    msb_image_info info = {.struct_size = sizeof info};
    msb_image_read(msb_image_detail_image(detail), &info);
    static char script[LENGTH];
    snprintf(script, sizeof script, "%s/mount_image.sh", scripts);
    arguments[count++] = script;
    snprintf(paths[0], LENGTH, "%s/fsmeta/sha256_%s.erofs", cache, strchr(info.manifest_digest, ':') + 1);
    arguments[count++] = paths[0];
    for (size_t i = 0; i < msb_image_detail_layer_count(detail) && i + 1 < MOST; ++i) {
        msb_image_layer layer = {.struct_size = sizeof layer};
        msb_image_detail_layer_at(detail, i, &layer);
        snprintf(paths[i + 1], LENGTH, "%s/layers/sha256_%s.erofs", cache, strchr(layer.diff_id, ':') + 1);
        arguments[count++] = paths[i + 1];
    }
    arguments[count] = NULL;
    run(arguments);
}

static void show_usage(msb_client *client) {
    msb_error *error = NULL;
    msb_disk_usage *usage = NULL;
    if (msb_client_disk_usage(client, NULL, &usage, &error) != MSB_OK) die("disk usage", error);
    msb_disk_usage_info sums = {.struct_size = sizeof sums};
    msb_disk_usage_read(usage, &sums);
    printf("   the cache takes %" PRIu64 " bytes of disk, %" PRIu64 " of them to be had back\n", sums.images_bytes,
           sums.reclaimable_bytes);
    msb_handle_free(usage);
}

static void prune(msb_client *client) {
    msb_error *error = NULL;
    msb_prune_plan *plan = NULL;
    if (msb_image_prune_plan(client, NULL, NULL, &plan, &error) != MSB_OK) die("plan", error);
    for (size_t i = 0; i < msb_prune_plan_count(plan); ++i) {
        msb_prune_item item = {.struct_size = sizeof item};
        msb_prune_plan_at(plan, i, &item);
        printf("   %s %.60s (%s)\n", item.remove ? "remove" : "keep  ", item.name, item.reason);
    }
    msb_image_prune_report report = {.struct_size = sizeof report};
    if (msb_image_prune_apply(client, plan, NULL, &report, &error) != MSB_OK) die("prune", error);
    printf("   removed %u reference, %u manifest, %u layers: %" PRIu64 " bytes\n", report.image_refs_removed,
           report.manifests_removed, report.layers_removed, report.bytes_reclaimed);
    msb_handle_free(plan);
}

void demo_image(msb_client *client, const char *archive, const char *saved, const char *scripts) {
    msb_error *error = NULL;

    step("load %s", archive);
    msb_call call = MSB_CALL_INIT;
    call.on_progress = show_progress;
    msb_image_list *loaded = NULL;
    if (msb_image_load(client, archive, NULL, &call, &loaded, &error) != MSB_OK) die("load", error);
    msb_handle_free(loaded);

    step("list the cache");
    msb_image_list *images = NULL;
    if (msb_image_index_list(client, NULL, &images, &error) != MSB_OK) die("list", error);
    for (size_t i = 0; i < msb_image_list_count(images); ++i) show_image(msb_image_list_at(images, i));
    msb_image_info first = {.struct_size = sizeof first};
    if (!msb_image_read(msb_image_list_at(images, 0), &first)) die("the archive held no image", NULL);
    show_usage(client);

    step("inspect %s", first.reference);
    msb_image_detail *detail = NULL;
    if (msb_image_inspect(client, first.reference, NULL, &detail, &error) != MSB_OK) die("inspect", error);
    show_detail(detail);

    step("mount it as a sandbox would");
    mount_image(scripts, msb_client_dir(client, MSB_DIR_CACHE), detail);

    step("save it to %s", saved);
    msb_image_save_opts save = MSB_IMAGE_SAVE_OPTS_INIT;
    save.format = MSB_IMAGE_FORMAT_OCI;
    if (msb_image_save(client, &first.reference, 1, saved, &save, NULL, &error) != MSB_OK) die("save", error);
    printf("   written\n");

    step("take it away");
    prune(client);
    msb_image *gone = NULL;
    if (msb_image_get(client, first.reference, NULL, &gone, &error) != MSB_ERR_IMAGE_NOT_FOUND) die("get", error);
    printf("   %s\n", msb_error_message(error));
    msb_handle_free(error);

    step("load it back from what was saved");
    if (msb_image_load(client, saved, NULL, NULL, &loaded, &error) != MSB_OK) die("load", error);
    show_image(msb_image_list_at(loaded, 0));
    msb_handle_free(loaded);
    msb_handle_free(detail);
    msb_handle_free(images);
}
