/* Sandboxes and snapshots as a C program sees them. Usage: snapshot_test HOME ARCHIVE OTHER_HOME WORK */
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "home.h"

static const char *const kReference = "demo/busybox:1";

static void names(void) {
    msb_error *error = NULL;
    CHECK(msb_name_check(MSB_NAME_SNAPSHOT, "after install", NULL) == MSB_OK);
    CHECK(msb_name_check(MSB_NAME_SANDBOX, "web-1.a_b", NULL) == MSB_OK);
    CHECK(msb_name_check(MSB_NAME_SANDBOX, "after install", NULL) == MSB_ERR_INVALID_CONFIG);
    CHECK(msb_name_check(MSB_NAME_SNAPSHOT, NULL, NULL) == MSB_ERR_INVALID_ARGUMENT);
    CHECK(msb_name_check(MSB_NAME_SNAPSHOT, "\xff", NULL) == MSB_ERR_INVALID_ARGUMENT);
    CHECK(msb_name_check(9, "x", NULL) == MSB_ERR_INVALID_ARGUMENT);
    const char *const bad[] = {"", "a/b", "a:b", ".a", "~a", "-a", "a\nb"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        error = NULL;
        const msb_status status = msb_name_check(MSB_NAME_SNAPSHOT, bad[i], &error);
        CHECK(failed(status, error, MSB_ERR_INVALID_CONFIG, ""));
    }
    CHECK(msb_snapshot_ref_kind("ready") == MSB_SNAPSHOT_REF_NAME);
    CHECK(msb_snapshot_ref_kind("./ready") == MSB_SNAPSHOT_REF_PATH);
    CHECK(msb_snapshot_ref_kind("~/ready") == MSB_SNAPSHOT_REF_PATH);
    CHECK(msb_snapshot_ref_kind("sha256:00") == MSB_SNAPSHOT_REF_DIGEST);
    CHECK(msb_snapshot_ref_kind("") == 0 && msb_snapshot_ref_kind(NULL) == 0);
    CHECK_TEXT(msb_sandbox_status_name(MSB_SANDBOX_CRASHED), "crashed");
    CHECK_TEXT(msb_sandbox_status_name(0), "unknown");
}

static void digests_of_files(const char *work) {
    char path[4096];
    snprintf(path, sizeof path, "%s/abc", work);
    FILE *file = fopen(path, "wb");
    if (!file) return;
    fputs("abc", file);
    fclose(file);
    msb_buffer *digest = NULL;
    CHECK(msb_digest_of_file(path, MSB_INTEGRITY_SHA256, NULL, &digest, NULL) == MSB_OK);
    CHECK_TEXT(msb_buffer_data(digest, NULL),
               "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    msb_handle_free(digest);
    CHECK(msb_digest_of_file(path, MSB_INTEGRITY_DEFAULT, NULL, &digest, NULL) == MSB_OK);
    CHECK(strncmp(msb_buffer_data(digest, NULL), "blake3:", 7) == 0);
    msb_handle_free(digest);
    CHECK(msb_digest_of_file(path, 9, NULL, &digest, NULL) == MSB_ERR_INVALID_ARGUMENT);
    CHECK(msb_digest_of_file("/no/such", 0, NULL, &digest, NULL) == MSB_ERR_IO);
    CHECK(digest == NULL);
}

static void write_disk(const msb_sandbox *sandbox, const char *text) {
    msb_sandbox_info info = {.struct_size = sizeof info};
    CHECK(msb_sandbox_read(sandbox, &info));
    const int disk = open(info.upper_path, O_WRONLY | O_CLOEXEC);
    CHECK(disk >= 0 && pwrite(disk, text, strlen(text), 3 << 20) == (ssize_t)strlen(text));
    close(disk);
}

static void sandboxes(msb_client *client) {
    msb_error *error = NULL;
    msb_sandbox *sandbox = NULL;
    msb_sandbox_create_opts opts = MSB_SANDBOX_CREATE_OPTS_INIT;
    CHECK(msb_sandbox_create(client, "base", &opts, NULL, &sandbox, NULL) == MSB_ERR_INVALID_ARGUMENT);
    opts.image = opts.from_snapshot = "x";
    CHECK(msb_sandbox_create(client, "base", &opts, NULL, &sandbox, NULL) == MSB_ERR_INVALID_ARGUMENT);
    opts.from_snapshot = NULL;
    opts.image = "no/such:1";
    msb_status status = msb_sandbox_create(client, "base", &opts, NULL, &sandbox, &error);
    CHECK(failed(status, error, MSB_ERR_IMAGE_NOT_FOUND, "no/such:1"));
    opts.image = kReference;
    CHECK(msb_sandbox_create(client, "not/a/name", &opts, NULL, &sandbox, NULL) == MSB_ERR_INVALID_CONFIG);

    const msb_kv labels[] = {{"tier", "web"}, {"owner", "alice"}};
    opts.labels = labels;
    opts.label_count = 2;
    opts.upper_size = UINT64_C(256) << 20;
    must(msb_sandbox_create(client, "base", &opts, NULL, &sandbox, &error), error, "create");
    msb_sandbox_info info = {.struct_size = sizeof info};
    CHECK(msb_sandbox_read(sandbox, &info));
    CHECK_TEXT(info.name, "base");
    CHECK(info.status == MSB_SANDBOX_STOPPED || info.status == MSB_SANDBOX_CREATED);
    CHECK(info.label_count == 2);
    CHECK_TEXT(info.labels[0].key, "owner");
    CHECK_TEXT(info.image_ref, kReference);
    CHECK(strncmp(info.image_digest, "sha256:", 7) == 0 && info.source_snapshot == NULL);
    CHECK(info.upper_size == opts.upper_size && info.upper_allocated < info.upper_size / 8);
    CHECK(info.config_json[0] == '{' && info.created_at_ns > 0);
    write_disk(sandbox, "what was done here");
    msb_handle_free(sandbox);
    status = msb_sandbox_create(client, "base", &opts, NULL, &sandbox, &error);
    CHECK(failed(status, error, MSB_ERR_SANDBOX_ALREADY_EXISTS, "base"));

    opts.label_count = 0;
    must(msb_sandbox_create(client, "other", &opts, NULL, NULL, &error), error, "create");
    msb_sandbox_list *list = NULL;
    CHECK(msb_sandbox_index_list(client, NULL, 0, NULL, &list, NULL) == MSB_OK);
    CHECK(msb_sandbox_list_count(list) == 2 && msb_sandbox_list_at(list, 2) == NULL);
    msb_handle_free(list);
    const msb_kv wanted = {"owner", NULL};
    CHECK(msb_sandbox_index_list(client, &wanted, 1, NULL, &list, NULL) == MSB_OK);
    CHECK(msb_sandbox_list_count(list) == 1);
    CHECK(msb_sandbox_read(msb_sandbox_list_at(list, 0), &info));
    CHECK_TEXT(info.name, "base");
    msb_handle_free(list);

    status = msb_image_remove(client, kReference, false, NULL, &error);
    CHECK(failed(status, error, MSB_ERR_IMAGE_IN_USE, "base"));
    CHECK(msb_sandbox_remove(client, "other", NULL, NULL) == MSB_OK);
    CHECK(msb_sandbox_remove(client, "other", NULL, NULL) == MSB_ERR_SANDBOX_NOT_FOUND);
    CHECK(msb_sandbox_get(client, "other", NULL, &sandbox, NULL) == MSB_ERR_SANDBOX_NOT_FOUND);
}

static void refuses_what_runs(msb_client *client) {
    msb_error *error = NULL;
    msb_snapshot *snapshot = NULL;
    msb_snapshot_create_opts opts = MSB_SNAPSHOT_CREATE_OPTS_INIT;
    opts.name = "torn";
    must(msb_sandbox_set_status(client, "base", MSB_SANDBOX_RUNNING, getpid(), NULL, &error), error, "set status");
    const uint32_t lively[] = {MSB_SANDBOX_RUNNING, MSB_SANDBOX_DRAINING, MSB_SANDBOX_PAUSED};
    for (size_t i = 0; i < 3; ++i) {
        must(msb_sandbox_set_status(client, "base", lively[i], getpid(), NULL, &error), error, "set status");
        msb_status status = msb_snapshot_create(client, "base", &opts, NULL, &snapshot, &error);
        CHECK(failed(status, error, MSB_ERR_SNAPSHOT_SANDBOX_RUNNING, "base"));
        status = msb_sandbox_remove(client, "base", NULL, &error);
        CHECK(failed(status, error, MSB_ERR_SANDBOX_STILL_RUNNING, "base"));
        if (lively[i] == MSB_SANDBOX_DRAINING) {
            must(msb_sandbox_set_status(client, "base", MSB_SANDBOX_STOPPED, 0, NULL, &error), error, "set status");
            must(msb_sandbox_set_status(client, "base", MSB_SANDBOX_RUNNING, getpid(), NULL, &error), error, "status");
        }
    }
    must(msb_sandbox_set_status(client, "base", MSB_SANDBOX_STOPPED, 0, NULL, &error), error, "set status");
}

static void snapshots(msb_client *client) {
    msb_error *error = NULL;
    msb_snapshot *snapshot = NULL;
    msb_snapshot_create_opts opts = MSB_SNAPSHOT_CREATE_OPTS_INIT;
    CHECK(msb_snapshot_create(client, "base", &opts, NULL, &snapshot, NULL) == MSB_ERR_INVALID_ARGUMENT);
    opts.name = "ready";
    opts.path = "/tmp/ready";
    CHECK(msb_snapshot_create(client, "base", &opts, NULL, &snapshot, NULL) == MSB_ERR_INVALID_ARGUMENT);
    opts.path = NULL;
    msb_status status = msb_snapshot_create(client, "nobody", &opts, NULL, &snapshot, &error);
    CHECK(failed(status, error, MSB_ERR_SANDBOX_NOT_FOUND, "nobody"));
    const msb_kv wrong = {"key", "\xff"};
    opts.labels = &wrong;
    opts.label_count = 1;
    CHECK(msb_snapshot_create(client, "base", &opts, NULL, &snapshot, NULL) == MSB_ERR_INVALID_ARGUMENT);

    const msb_kv labels[] = {{"stage", "draft"}, {"stage", "ready"}};
    opts.labels = labels;
    opts.label_count = 2;
    opts.record_integrity = true;
    must(msb_snapshot_create(client, "base", &opts, NULL, &snapshot, &error), error, "create");
    msb_snapshot_info info = {.struct_size = sizeof info};
    CHECK(msb_snapshot_read(snapshot, &info));
    CHECK(info.label_count == 1);
    CHECK_TEXT(info.labels[0].value, "ready");
    CHECK_TEXT(info.source_sandbox, "base");
    CHECK_TEXT(info.format, "raw");
    CHECK_TEXT(info.fstype, "ext4");
    CHECK_TEXT(info.integrity_algorithm, "msb-file-merkle-blake3-v1");
    CHECK(info.parent == NULL && info.size_bytes == UINT64_C(256) << 20 && info.allocated_bytes < info.size_bytes / 8);
    CHECK(info.created_at_ns != INT64_MIN);
    char digest[128];
    snprintf(digest, sizeof digest, "%s", info.digest);
    msb_buffer *bytes = NULL;
    CHECK(msb_snapshot_descriptor(snapshot, &bytes, NULL) == MSB_OK);
    CHECK(strstr(msb_buffer_data(bytes, NULL), "\"stage\":\"ready\"") != NULL);
    msb_handle_free(bytes);

    msb_verify_report *report = NULL;
    must(msb_snapshot_verify(client, snapshot, NULL, &report, &error), error, "verify");
    msb_verify_report_info verified = {.struct_size = sizeof verified};
    CHECK(msb_verify_report_read(report, &verified) && verified.upper_kind == MSB_UPPER_VERIFIED);
    CHECK_TEXT(verified.digest, digest);
    msb_handle_free(report);
    msb_handle_free(snapshot);

    status = msb_snapshot_create(client, "base", &opts, NULL, &snapshot, &error);
    CHECK(failed(status, error, MSB_ERR_SNAPSHOT_ALREADY_EXISTS, "ready"));
    opts.name = "later";
    opts.record_integrity = false;
    opts.parent = digest;
    must(msb_snapshot_create(client, "base", &opts, NULL, NULL, &error), error, "create");

    const char *const refs[] = {"ready", digest};
    for (size_t i = 0; i < 2; ++i) {
        must(msb_snapshot_open(client, refs[i], NULL, &snapshot, &error), error, refs[i]);
        CHECK(msb_snapshot_read(snapshot, &info));
        CHECK_TEXT(info.digest, digest);
        msb_handle_free(snapshot);
    }
    CHECK(msb_snapshot_open(client, "", NULL, &snapshot, NULL) == MSB_ERR_INVALID_CONFIG);
    status = msb_snapshot_open(client, "nothing", NULL, &snapshot, &error);
    CHECK(failed(status, error, MSB_ERR_SNAPSHOT_NOT_FOUND, "nothing"));

    msb_snapshot_handle *handle = NULL;
    must(msb_snapshot_get(client, digest, NULL, &handle, &error), error, "get");
    msb_snapshot_handle_info row = {.struct_size = sizeof row};
    CHECK(msb_snapshot_handle_read(handle, &row));
    CHECK_TEXT(row.name, "ready");
    CHECK(row.child_count == 1 && row.has_size_bytes && row.parent == NULL);
    CHECK(msb_snapshot_handle_open(client, handle, NULL, &snapshot, NULL) == MSB_OK);
    msb_handle_free(snapshot);
    status = msb_snapshot_handle_remove(client, handle, false, NULL, &error);
    CHECK(status == MSB_ERR_SNAPSHOT_HAS_CHILDREN);
    CHECK_TEXT(msb_error_detail(error, "children"), "1");
    msb_handle_free(error);
    msb_handle_free(handle);

    msb_snapshot_handle_list *list = NULL;
    msb_snapshot_list_opts order = MSB_SNAPSHOT_LIST_OPTS_INIT;
    order.sort = MSB_SNAPSHOT_SORT_NAME;
    order.offset = 1;
    order.limit = 1;
    CHECK(msb_snapshot_index_list(client, &order, NULL, &list, NULL) == MSB_OK);
    CHECK(msb_snapshot_handle_list_count(list) == 1);
    CHECK(msb_snapshot_handle_read(msb_snapshot_handle_list_at(list, 0), &row));
    CHECK_TEXT(row.name, "ready");
    msb_handle_free(list);
    order.sort = 7;
    CHECK(msb_snapshot_index_list(client, &order, NULL, &list, NULL) == MSB_ERR_INVALID_ARGUMENT);

    msb_snapshot_list *directory = NULL;
    CHECK(msb_snapshot_dir_list(client, NULL, NULL, &directory, NULL) == MSB_OK);
    CHECK(msb_snapshot_list_count(directory) == 2);
    msb_handle_free(directory);
    uint32_t indexed = 0;
    CHECK(msb_snapshot_reindex(client, NULL, NULL, &indexed, NULL) == MSB_OK && indexed == 2);
}

static void forks(msb_client *client) {
    msb_error *error = NULL;
    msb_sandbox *fork = NULL;
    msb_sandbox_create_opts opts = MSB_SANDBOX_CREATE_OPTS_INIT;
    opts.from_snapshot = "ready";
    must(msb_sandbox_create(client, "fork", &opts, NULL, &fork, &error), error, "create");
    msb_sandbox_info info = {.struct_size = sizeof info};
    CHECK(msb_sandbox_read(fork, &info));
    msb_snapshot_create_opts again = MSB_SNAPSHOT_CREATE_OPTS_INIT;
    again.name = "of-fork";
    msb_snapshot *child = NULL;
    must(msb_snapshot_create(client, "fork", &again, NULL, &child, &error), error, "create");
    msb_snapshot_info lineage = {.struct_size = sizeof lineage};
    CHECK(msb_snapshot_read(child, &lineage));
    CHECK_TEXT(lineage.parent, info.source_snapshot);
    msb_handle_free(child);
    char text[32] = "";
    const int disk = open(info.upper_path, O_RDONLY | O_CLOEXEC);
    CHECK(disk >= 0 && pread(disk, text, 18, 3 << 20) == 18);
    CHECK_TEXT(text, "what was done here");
    close(disk);
    msb_handle_free(fork);
    CHECK(msb_sandbox_remove(client, "fork", NULL, NULL) == MSB_OK);
    CHECK(msb_snapshot_remove(client, "of-fork", false, NULL, NULL) == MSB_OK);
}

static void moves(msb_client *client, const char *other_home, const char *work) {
    char path[4096];
    snprintf(path, sizeof path, "%s/ready.tar.zst", work);
    msb_error *error = NULL;
    msb_snapshot_export_opts opts = MSB_SNAPSHOT_EXPORT_OPTS_INIT;
    opts.with_image = true;
    must(msb_snapshot_export(client, "ready", path, &opts, NULL, &error), error, "export");
    opts.compression_level = 20;
    CHECK(msb_snapshot_export(client, "ready", path, &opts, NULL, NULL) == MSB_ERR_INVALID_ARGUMENT);
    CHECK(msb_snapshot_export(client, "nothing", path, NULL, NULL, NULL) == MSB_ERR_SNAPSHOT_NOT_FOUND);

    msb_string_list *members = NULL;
    must(msb_snapshot_archive_list(client, path, NULL, &members, &error), error, "list");
    CHECK(msb_string_list_count(members) >= 2 && msb_string_list_at(members, 0)[0] != '/');
    CHECK(msb_string_list_at(members, msb_string_list_count(members)) == NULL);
    msb_handle_free(members);

    msb_client *other = open_home(other_home, 0);
    msb_snapshot_import_opts how = MSB_SNAPSHOT_IMPORT_OPTS_INIT;
    how.fd = open(path, O_RDONLY | O_CLOEXEC);
    how.name = "arrived";
    msb_snapshot_handle *handle = NULL;
    must(msb_snapshot_import(other, NULL, &how, NULL, &handle, &error), error, "import");
    close(how.fd);
    msb_snapshot_handle_info row = {.struct_size = sizeof row};
    CHECK(msb_snapshot_handle_read(handle, &row));
    CHECK_TEXT(row.name, "arrived");
    msb_sandbox_create_opts fork = MSB_SANDBOX_CREATE_OPTS_INIT;
    fork.from_snapshot = row.digest;
    must(msb_sandbox_create(other, "fork", &fork, NULL, NULL, &error), error, "create");
    msb_handle_free(handle);
    uint32_t repaired = 99;
    CHECK(msb_client_recover(other, NULL, &repaired, NULL) == MSB_OK && repaired == 0);
    msb_check_report *problems = NULL;
    CHECK(msb_client_check(other, NULL, NULL, &problems, NULL) == MSB_OK && msb_check_report_count(problems) == 0);
    msb_handle_free(problems);
    msb_handle_free(other);
    CHECK(msb_snapshot_import(client, "/no/such", NULL, NULL, NULL, NULL) == MSB_ERR_IO);
}

static void takes_away(msb_client *client) {
    msb_error *error = NULL;
    const msb_status status = msb_snapshot_remove(client, "ready", false, NULL, &error);
    CHECK(failed(status, error, MSB_ERR_SNAPSHOT_HAS_CHILDREN, "has 1 indexed child"));
    CHECK(msb_snapshot_remove(client, "ready", true, NULL, NULL) == MSB_OK);
    CHECK(msb_snapshot_remove(client, "ready", true, NULL, NULL) == MSB_ERR_SNAPSHOT_NOT_FOUND);
    CHECK(msb_snapshot_remove(client, "later", false, NULL, NULL) == MSB_OK);
    CHECK(msb_sandbox_remove(client, "base", NULL, NULL) == MSB_OK);
    CHECK(msb_image_remove(client, kReference, false, NULL, NULL) == MSB_OK);
}

static void read_only(const char *home) {
    msb_client *client = open_home(home, MSB_CLIENT_READ_ONLY);
    msb_sandbox_create_opts from_image = MSB_SANDBOX_CREATE_OPTS_INIT;
    from_image.image = kReference;
    CHECK(msb_sandbox_create(client, "more", &from_image, NULL, NULL, NULL) == MSB_ERR_UNSUPPORTED);
    CHECK(msb_sandbox_remove(client, "base", NULL, NULL) == MSB_ERR_UNSUPPORTED);
    msb_snapshot_create_opts opts = MSB_SNAPSHOT_CREATE_OPTS_INIT;
    opts.name = "more";
    CHECK(msb_snapshot_create(client, "base", &opts, NULL, NULL, NULL) == MSB_ERR_UNSUPPORTED);
    CHECK(msb_snapshot_remove(client, "ready", true, NULL, NULL) == MSB_ERR_UNSUPPORTED);
    msb_snapshot *snapshot = NULL;
    CHECK(msb_snapshot_open(client, "ready", NULL, &snapshot, NULL) == MSB_OK);
    msb_handle_free(snapshot);
    msb_handle_free(client);
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: snapshot_test HOME ARCHIVE OTHER_HOME WORK\n");
        return 2;
    }
    names();
    digests_of_files(argv[4]);
    msb_client *client = open_home(argv[1], 0);
    msb_error *error = NULL;
    must(msb_image_load(client, argv[2], NULL, NULL, NULL, &error), error, "load");
    sandboxes(client);
    refuses_what_runs(client);
    snapshots(client);
    read_only(argv[1]);
    forks(client);
    moves(client, argv[3], argv[4]);
    takes_away(client);
    msb_handle_free(client);
    CHECK_END();
}
