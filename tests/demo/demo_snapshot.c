/* Snapshots at work: what a sandbox has on its disk is kept, moved, and given to fresh sandboxes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sys/stat.h>

#include "demo.h"

static const char *const kReference = "demo/busybox:1";

static void show_sizes(const char *what, uint64_t apparent, uint64_t allocated) {
    printf("   %-9s %" PRIu64 " bytes, %" PRIu64 " of them allocated\n", what, apparent, allocated);
}

static void show_file(const char *path) {
    struct stat status;
    if (stat(path, &status) == 0) show_sizes("archive", (uint64_t)status.st_size, (uint64_t)status.st_blocks * 512);
}

static void show_sandbox(const msb_sandbox *sandbox) {
    msb_sandbox_info info = {.struct_size = sizeof info};
    if (!msb_sandbox_read(sandbox, &info)) return;
    printf("   %s is %s, of %s\n", info.name, msb_sandbox_status_name(info.status), info.image_ref);
    if (info.source_snapshot) printf("   made from %s\n", info.source_snapshot);
    show_sizes("disk", info.upper_size, info.upper_allocated);
}

static void show_snapshot(const msb_snapshot *snapshot) {
    msb_snapshot_info info = {.struct_size = sizeof info};
    if (!msb_snapshot_read(snapshot, &info)) return;
    printf("   %s\n   %s\n   pins %s at %s\n", info.path, info.digest, info.image_ref, info.image_digest);
    if (info.integrity_digest) printf("   disk %s\n", info.integrity_digest);
    for (size_t i = 0; i < info.label_count; ++i)
        printf("   label %s = %s\n", info.labels[i].key, info.labels[i].value);
    show_sizes("disk", info.size_bytes, info.allocated_bytes);
}

/* Runs a shell command in a sandbox, in a machine, and shows what it says. False when this host has no machines. */
static bool run_in(msb_client *client, const char *name, const char *line) {
    msb_error *error = NULL;
    msb_machine_end *end = NULL;
    const char *const command[] = {"/bin/sh", "-c", line};
    msb_sandbox_start_opts opts = MSB_SANDBOX_START_OPTS_INIT;
    opts.command = command;
    opts.command_count = 3;
    printf("   %s$ %s\n", name, line);
    const msb_status status = msb_sandbox_run(client, name, &opts, NULL, &end, &error);
    if (status == MSB_ERR_UNSUPPORTED) {
        printf("   not run: %s\n", msb_error_message(error));
        msb_handle_free(error);
        return false;
    }
    if (status != MSB_OK) die("run", error);
    msb_machine_end_info info = {.struct_size = sizeof info};
    msb_machine_end_read(end, &info);
    printf("%.*s", (int)info.stdout_length, (const char *)info.stdout_bytes);
    printf("   exit code %d; ready after %" PRIu64 " ms, over after %" PRIu64 " ms\n", info.exit_code, info.ready_ms,
           info.total_ms);
    if (info.exit_code != 0) die("the command", NULL);
    msb_handle_free(end);
    return true;
}

/* The first home: a sandbox, its disk, its snapshot. */
static void capture(msb_client *client, const char *archive) {
    msb_error *error = NULL;
    step("make the sandbox baseline of %s", kReference);
    msb_sandbox_create_opts from_image = MSB_SANDBOX_CREATE_OPTS_INIT;
    from_image.image = kReference;
    msb_sandbox *baseline = NULL;
    if (msb_sandbox_create(client, "baseline", &from_image, NULL, &baseline, &error) != MSB_OK) die("create", error);
    show_sandbox(baseline);

    msb_handle_free(baseline);

    step("run a command in it that installs a program and writes a file");
    run_in(client, "baseline",
           "mkdir -p /usr/local/bin; printf '#!/bin/sh\\nexec cat /root/greeting\\n' >/usr/local/bin/hello; "
           "busybox chmod 755 /usr/local/bin/hello; echo 'Hello from the sandbox that was.' >/root/greeting");

    step("snapshot it, with labels and the digest of its disk");
    const msb_kv labels[] = {{"stage", "ready"}, {"owner", "demo"}};
    msb_snapshot_create_opts how = MSB_SNAPSHOT_CREATE_OPTS_INIT;
    how.name = "ready";
    how.labels = labels;
    how.label_count = 2;
    how.record_integrity = true;
    msb_snapshot *snapshot = NULL;
    if (msb_snapshot_create(client, "baseline", &how, NULL, &snapshot, &error) != MSB_OK) die("snapshot", error);
    show_snapshot(snapshot);

    step("verify it");
    msb_verify_report *report = NULL;
    if (msb_snapshot_verify(client, snapshot, NULL, &report, &error) != MSB_OK) die("verify", error);
    msb_verify_report_info verified = {.struct_size = sizeof verified};
    msb_verify_report_read(report, &verified);
    printf("   %s: %s\n", verified.upper_algorithm,
           verified.upper_kind == MSB_UPPER_VERIFIED ? "verified" : "not recorded");
    msb_handle_free(report);
    msb_handle_free(snapshot);

    step("export it with its image to %s", archive);
    msb_snapshot_export_opts whole = MSB_SNAPSHOT_EXPORT_OPTS_INIT;
    whole.with_image = true;
    if (msb_snapshot_export(client, "ready", archive, &whole, NULL, &error) != MSB_OK) die("export", error);
    show_file(archive);
    msb_string_list *members = NULL;
    if (msb_snapshot_archive_list(client, archive, NULL, &members, &error) != MSB_OK) die("list the archive", error);
    for (size_t i = 0; i < msb_string_list_count(members); ++i) printf("   %s\n", msb_string_list_at(members, i));
    msb_handle_free(members);
}

/* Another home: the snapshot arrives, with the image it needs, and a fresh sandbox is made from it. */
static void revive(const char *home, const char *archive) {
    msb_error *error = NULL;
    step("import it into another home, %s", home);
    msb_client *client = open_home(home);
    msb_snapshot_handle *imported = NULL;
    if (msb_snapshot_import(client, archive, NULL, NULL, &imported, &error) != MSB_OK) die("import", error);
    msb_handle_free(imported);

    step("list what is there");
    msb_snapshot_handle_list *list = NULL;
    if (msb_snapshot_index_list(client, NULL, NULL, &list, &error) != MSB_OK) die("list", error);
    msb_snapshot_handle_info first = {.struct_size = sizeof first};
    if (!msb_snapshot_handle_read(msb_snapshot_handle_list_at(list, 0), &first)) die("nothing was imported", NULL);
    for (size_t i = 0; i < msb_snapshot_handle_list_count(list); ++i) {
        msb_snapshot_handle_info row = {.struct_size = sizeof row};
        msb_snapshot_handle_read(msb_snapshot_handle_list_at(list, i), &row);
        printf("   %-10s %s\n", row.name ? row.name : "-", row.digest);
    }
    msb_snapshot *snapshot = NULL;
    if (msb_snapshot_open(client, first.digest, NULL, &snapshot, &error) != MSB_OK) die("open", error);
    show_snapshot(snapshot);
    msb_handle_free(snapshot);

    step("make two fresh sandboxes from it");
    msb_sandbox_create_opts from_snapshot = MSB_SANDBOX_CREATE_OPTS_INIT;
    from_snapshot.from_snapshot = first.digest;
    msb_sandbox *fork = NULL;
    if (msb_sandbox_create(client, "fork", &from_snapshot, NULL, &fork, &error) != MSB_OK) die("create", error);
    show_sandbox(fork);
    msb_handle_free(fork);
    if (msb_sandbox_create(client, "other", &from_snapshot, NULL, NULL, &error) != MSB_OK) die("create", error);

    step("boot both: what was installed is there, and each goes its own way");
    if (run_in(client, "fork", "/usr/local/bin/hello; echo 'Only here.' >/root/own; ls /root"))
        run_in(client, "other", "/usr/local/bin/hello; ls /root");

    step("take the sandboxes and the snapshot away");
    if (msb_sandbox_remove(client, "fork", NULL, &error) != MSB_OK) die("remove", error);
    if (msb_sandbox_remove(client, "other", NULL, &error) != MSB_OK) die("remove", error);
    if (msb_snapshot_remove(client, first.digest, false, NULL, &error) != MSB_OK) die("remove", error);
    if (msb_snapshot_open(client, first.digest, NULL, &snapshot, &error) != MSB_ERR_SNAPSHOT_NOT_FOUND)
        die("open", error);
    printf("   %s\n", msb_error_message(error));
    msb_handle_free(error);
    msb_handle_free(list);
    msb_handle_free(client);
}

void demo_snapshot(msb_client *client, const char *other_home, const char *archive) {
    capture(client, archive);
    revive(other_home, archive);
}
