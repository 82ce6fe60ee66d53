/* Homes of all kinds as a C program sees them: what they are, and that those which must not be written are not touched.
 * Usage: home_test HOME ARCHIVE OTHER_HOME WORK DEMO. DEMO is tests/demo: the golden data lie beside it. */
#include "home.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <unistd.h>

#include <sys/mount.h>
#include <sys/wait.h>

#include "tree.h"

static const char *const kReference = "demo/busybox:1";
static const char *const kFuture = "m20991231_000001_from_the_future";
static const char *const kNewest = "writes only up to microsandbox 0.6.18 (25 migrations)";

static msb_home_report *inspect(const char *home, msb_home_info *info) {
    msb_client_opts opts = MSB_CLIENT_OPTS_INIT;
    opts.home = home;
    msb_home_report *report = NULL;
    msb_error *error = NULL;
    const uint64_t before = tree_of(home);
    must(msb_home_inspect(&opts, NULL, &report, &error), error, "inspect");
    CHECK(tree_of(home) == before);
    memset(info, 0, sizeof *info);
    info->struct_size = sizeof *info;
    CHECK(msb_home_report_read(report, info));
    CHECK_TEXT(info->home, home);
    return report;
}

static bool has_problem(const msb_home_report *report, uint32_t kind, const char *text) {
    msb_problem problem = {.struct_size = sizeof problem};
    for (size_t i = 0; msb_home_report_problem_at(report, i, &problem); ++i) {
        if (problem.kind == kind && strstr(problem.message, text)) return true;
    }
    return false;
}

static void run_sql(const char *home, const char *sql) {
    char path[4096];
    snprintf(path, sizeof path, "%s/db/msb.db", home);
    sqlite3 *database = NULL;
    char *message = NULL;
    if (sqlite3_open(path, &database) != SQLITE_OK || sqlite3_exec(database, sql, NULL, NULL, &message) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", path, message ? message : "cannot be opened");
        exit(1);
    }
    sqlite3_close(database);
}

/* As microsandbox does, which just ends: the log stays beside the database. */
static void run_sql_and_die(const char *home, const char *sql) {
    const pid_t child = fork();
    if (child == 0) {
        char path[4096];
        snprintf(path, sizeof path, "%s/db/msb.db", home);
        sqlite3 *database = NULL;
        const int code = sqlite3_open(path, &database);
        _exit(code == SQLITE_OK && sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : 1);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void arguments(void) {
    msb_home_report *report = NULL;
    msb_home_info info = {.struct_size = sizeof info};
    msb_problem problem = {.struct_size = sizeof problem};
    CHECK(msb_home_inspect(NULL, NULL, NULL, NULL) == MSB_ERR_INVALID_ARGUMENT);
    CHECK(!msb_home_report_read(NULL, &info) && !msb_home_report_problem_at(NULL, 0, &problem));
    CHECK(msb_home_report_problem_count(NULL) == 0);
    msb_client_opts opts = MSB_CLIENT_OPTS_INIT;
    opts.home = "/proc/self/cmdline";
    CHECK(msb_home_inspect(&opts, NULL, &report, NULL) == MSB_ERR_IO && report == NULL);
    msb_cancel *cancel = NULL;
    msb_call call = MSB_CALL_INIT;
    CHECK(msb_cancel_new(&cancel, NULL) == MSB_OK);
    msb_cancel_trigger(cancel);
    call.cancel = cancel;
    opts.home = "/";
    CHECK(msb_home_inspect(&opts, &call, &report, NULL) == MSB_ERR_CANCELLED && report == NULL);
    msb_handle_free(cancel);
}

static void releases(const char *work) {
    const char *const bad[] = {"", "0.6.15", "0.7.2", "0.5.7", "latest"};
    msb_client_opts opts = MSB_CLIENT_OPTS_INIT;
    msb_client *client = NULL;
    char home[4096];
    snprintf(home, sizeof home, "%s/release", work);
    opts.home = home;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        msb_error *error = NULL;
        opts.new_home_release = bad[i];
        const msb_status status = msb_client_open(&opts, &client, &error);
        CHECK(failed(status, error, MSB_ERR_INVALID_ARGUMENT, "0.6.3 to 0.6.18"));
    }
    msb_home_info info;
    msb_home_report *report = inspect(home, &info);
    CHECK(info.state == MSB_HOME_MISSING && info.writes == MSB_HOME_WRITES_EVERYTHING && info.obstacle == NULL);
    CHECK(info.generation == MSB_GENERATION_NONE && info.migrations == 0 && info.schema == NULL);
    CHECK_TEXT(info.newest_release, "0.6.3");
    msb_handle_free(report);

    CHECK(mkdir(home, 0700) == 0);
    report = inspect(home, &info);
    CHECK(info.state == MSB_HOME_EMPTY && info.writes == MSB_HOME_WRITES_EVERYTHING);
    msb_handle_free(report);

    opts.new_home_release = "0.6.18";
    CHECK(msb_client_open(&opts, &client, NULL) == MSB_OK);
    msb_handle_free(client);
    opts.new_home_release = NULL;
    CHECK(msb_client_open(&opts, &client, NULL) == MSB_OK); /* stays what it is */
    msb_handle_free(client);
    report = inspect(home, &info);
    CHECK(info.state == MSB_HOME_READY && info.generation == MSB_GENERATION_DESCRIPTOR && info.migrations == 25);
    CHECK_TEXT(info.schema, "microsandbox 0.6.18 (25 migrations)");
    CHECK_TEXT(info.last_migration, "m20260818_000001_sandbox_network_slot");
    CHECK_TEXT(info.oldest_release, "0.6.16");
    CHECK(msb_home_report_problem_count(report) == 0);
    msb_handle_free(report);
}

/* SIGPIPE would end this program. */
static void nobody_reads(msb_client *client) {
    signal(SIGPIPE, SIG_DFL);
    int ends[2];
    CHECK(pipe(ends) == 0);
    close(ends[0]);
    msb_error *error = NULL;
    msb_image_save_opts save = MSB_IMAGE_SAVE_OPTS_INIT;
    save.fd = ends[1];
    CHECK(msb_image_save(client, &kReference, 1, NULL, &save, NULL, &error) == MSB_ERR_IO);
    CHECK(msb_error_os_code(error) == EPIPE);
    msb_handle_free(error);
    msb_snapshot_export_opts export = MSB_SNAPSHOT_EXPORT_OPTS_INIT;
    export.fd = ends[1];
    CHECK(msb_snapshot_export(client, "ready", NULL, &export, NULL, &error) == MSB_ERR_IO);
    CHECK(msb_error_os_code(error) == EPIPE);
    msb_handle_free(error);
    close(ends[1]);
}

static void fill_home(const char *home, const char *archive, const char *saved) {
    msb_client *client = open_home(home, 0);
    msb_error *error = NULL;
    must(msb_image_load(client, archive, NULL, NULL, NULL, &error), error, "load");
    msb_sandbox_create_opts sandbox = MSB_SANDBOX_CREATE_OPTS_INIT;
    sandbox.image = kReference;
    sandbox.upper_size = UINT64_C(80) << 20;
    must(msb_sandbox_create(client, "base", &sandbox, NULL, NULL, &error), error, "sandbox");
    msb_snapshot_create_opts snapshot = MSB_SNAPSHOT_CREATE_OPTS_INIT;
    snapshot.name = "ready";
    snapshot.record_integrity = true;
    must(msb_snapshot_create(client, "base", &snapshot, NULL, NULL, &error), error, "create");
    must(msb_snapshot_export(client, "ready", saved, NULL, NULL, &error), error, "export");
    nobody_reads(client);
    msb_handle_free(client);
}

static void a_good_home(const char *home) {
    msb_home_info info;
    msb_home_report *report = inspect(home, &info);
    CHECK(info.state == MSB_HOME_READY && info.generation == MSB_GENERATION_MANIFEST);
    CHECK(info.writes == MSB_HOME_WRITES_EVERYTHING && info.obstacle == NULL && info.migrations == 13);
    CHECK_TEXT(info.oldest_release, "0.5.8");
    CHECK(info.images == 1 && info.sandboxes == 1 && info.running == 0 && info.snapshots == 1);
    CHECK(info.indexed_snapshots == 1 && msb_home_report_problem_count(report) == 0);
    msb_handle_free(report);

    /* A log that nobody has folded into the database is read, and left. */
    run_sql_and_die(home,
                    "INSERT INTO maintenance_lease VALUES ('install_exclusive', 42, '2999-01-01 00:00:00', NULL)");
    run_sql_and_die(home,
                    "UPDATE sandbox SET status = 'Running'; INSERT INTO run (sandbox_id, pid, status) "
                    "VALUES ((SELECT id FROM sandbox), 4194304, 'Running')");
    report = inspect(home, &info);
    CHECK(has_problem(report, MSB_PROBLEM_HOME_RESERVED, "process 42"));
    CHECK(has_problem(report, MSB_PROBLEM_STATUS_STALE, "is recorded as Running, but the process that ran it is gone"));
    CHECK(info.running == 0 && msb_home_report_problem_count(report) == 2);
    msb_handle_free(report);
    run_sql(home, "DELETE FROM maintenance_lease; DELETE FROM run; UPDATE sandbox SET status = 'Stopped'");

    /* Nor does a client that only reads leave files. */
    const uint64_t before = tree_of(home);
    msb_client *client = open_home(home, MSB_CLIENT_READ_ONLY);
    msb_image_list *images = NULL;
    CHECK(msb_image_index_list(client, NULL, &images, NULL) == MSB_OK && msb_image_list_count(images) == 1);
    msb_handle_free(images);
    msb_handle_free(client);
    CHECK(tree_of(home) == before);
}

/* --- snapshots in the form of other releases --- */

static msb_status convert(msb_client *client, const char *ref, const char *name, uint32_t form, msb_snapshot **out,
                          msb_error **error) {
    msb_snapshot_convert_opts opts = MSB_SNAPSHOT_CONVERT_OPTS_INIT;
    opts.name = name;
    opts.form = form;
    return msb_snapshot_convert(client, ref, &opts, NULL, out, error);
}

/* Converts, verifies what came out, and tells about it; the strings live as long as the object. */
static msb_snapshot *converted(msb_client *client, const char *ref, const char *name, uint32_t form,
                               msb_snapshot_info *info) {
    msb_snapshot *snapshot = NULL;
    msb_verify_report *report = NULL;
    msb_error *error = NULL;
    must(convert(client, ref, name, form, &snapshot, &error), error, name);
    must(msb_snapshot_verify(client, snapshot, NULL, &report, &error), error, name);
    msb_handle_free(report);
    memset(info, 0, sizeof *info);
    info->struct_size = sizeof *info;
    CHECK(msb_snapshot_read(snapshot, info));
    return snapshot;
}

static void copy_file(const char *from, const char *to) {
    static char bytes[1 << 16];
    FILE *in = fopen(from, "rb");
    FILE *out = fopen(to, "wb");
    CHECK(in && out);
    if (in && out) fwrite(bytes, 1, fread(bytes, 1, sizeof bytes, in), out);
    if (out) fclose(out);
    if (in) fclose(in);
}

static void conversions(const char *home) {
    msb_client *client = open_home(home, 0);
    msb_error *error = NULL;
    msb_sandbox_create_opts fork = MSB_SANDBOX_CREATE_OPTS_INIT;
    fork.from_snapshot = "ready";
    must(msb_sandbox_create(client, "fork", &fork, NULL, NULL, &error), error, "fork");
    msb_snapshot_create_opts create = MSB_SNAPSHOT_CREATE_OPTS_INIT;
    create.name = "child";
    msb_snapshot *child = NULL;
    must(msb_snapshot_create(client, "fork", &create, NULL, &child, &error), error, "child");
    msb_snapshot_info original = {.struct_size = sizeof original};
    CHECK(msb_snapshot_read(child, &original));
    char path[4096];
    CHECK(snprintf(path, sizeof path, "%s/snapshots/ready", home) < (int)sizeof path);
    const uint64_t before = tree_of(path);

    /* In any order the child finds the parent, and the digests of their disks are what they were. */
    msb_snapshot_info young;
    msb_snapshot_info old;
    msb_snapshot *child_new = converted(client, "child", "child-new", MSB_GENERATION_DESCRIPTOR, &young);
    msb_snapshot *ready_new = converted(client, "ready", "ready-new", MSB_GENERATION_DESCRIPTOR, &old);
    CHECK_TEXT(young.parent, old.digest);
    CHECK_TEXT(old.integrity_algorithm, "msb-file-merkle-blake3-v1");
    CHECK(young.integrity_algorithm == NULL && strcmp(young.digest, original.digest) != 0);
    CHECK(tree_of(path) == before);

    /* Back again: readers of a manifest know no Merkle root. */
    msb_snapshot_info young_again;
    msb_snapshot_info old_again;
    msb_snapshot *child_old = converted(client, "child-new", "child-old", MSB_GENERATION_NONE, &young_again);
    msb_snapshot *ready_old = converted(client, "ready-new", "ready-old", MSB_GENERATION_MANIFEST, &old_again);
    CHECK_TEXT(young_again.parent, old_again.digest);
    CHECK_TEXT(old_again.integrity_algorithm, "msb-sparse-sha256-v1");
    msb_handle_free(ready_old);
    msb_handle_free(child_old);

    /* What microsandbox has translated in its place gets the name back that it had. */
    char from[4096];
    char to[4096];
    CHECK(snprintf(from, sizeof from, "%s/snapshots/child/manifest.json", home) < (int)sizeof from);
    CHECK(snprintf(to, sizeof to, "%s/snapshots/child-new/.manifest.json.legacy", home) < (int)sizeof to);
    copy_file(from, to);
    child_old = converted(client, "child-new", "child-as-it-was", MSB_GENERATION_MANIFEST, &young_again);
    CHECK_TEXT(young_again.digest, original.digest);
    msb_handle_free(child_old);
    CHECK(unlink(to) == 0);

    msb_status status = convert(client, "ready", "x", MSB_GENERATION_MANIFEST, NULL, &error);
    CHECK(failed(status, error, MSB_ERR_INVALID_ARGUMENT, "has a manifest.json already"));
    status = convert(client, "ready", "child", MSB_GENERATION_DESCRIPTOR, NULL, &error);
    CHECK(failed(status, error, MSB_ERR_SNAPSHOT_ALREADY_EXISTS, "child"));
    status = convert(client, "ready", "x", MSB_GENERATION_GROUPS, NULL, &error);
    CHECK(failed(status, error, MSB_ERR_INVALID_ARGUMENT, "unknown form"));
    status = convert(client, "nothing", "x", MSB_GENERATION_DESCRIPTOR, NULL, &error);
    CHECK(failed(status, error, MSB_ERR_SNAPSHOT_NOT_FOUND, "nothing"));

    /* A damaged disk gets no digest that says it is well. */
    CHECK(snprintf(path, sizeof path, "%s/snapshots/ready-new/upper.ext4", home) < (int)sizeof path);
    FILE *disk = fopen(path, "r+b");
    CHECK(disk != NULL && fseek(disk, 1 << 20, SEEK_SET) == 0 && fputc('x', disk) == 'x');
    fclose(disk);
    status = convert(client, "ready-new", "x", MSB_GENERATION_MANIFEST, NULL, &error);
    CHECK(failed(status, error, MSB_ERR_SNAPSHOT_INTEGRITY, ""));

    /* A parent that is gone. */
    must(msb_snapshot_remove(client, "ready-new", true, NULL, &error), error, "remove");
    status = convert(client, "child-new", "x", MSB_GENERATION_MANIFEST, NULL, &error);
    CHECK(failed(status, error, MSB_ERR_SNAPSHOT_NOT_FOUND, "the parent of"));
    msb_snapshot_convert_opts opts = MSB_SNAPSHOT_CONVERT_OPTS_INIT;
    opts.name = "orphan";
    opts.drop_parent = true;
    opts.record_integrity = true;
    msb_snapshot *orphan = NULL;
    must(msb_snapshot_convert(client, "child-new", &opts, NULL, &orphan, &error), error, "orphan");
    CHECK(msb_snapshot_read(orphan, &young_again) && young_again.parent == NULL);
    CHECK_TEXT(young_again.integrity_algorithm, "msb-sparse-sha256-v1");
    msb_handle_free(orphan);

    const char *const made[] = {"child-as-it-was", "child-old", "ready-old", "orphan", "child-new", "child"};
    for (size_t i = 0; i < sizeof made / sizeof *made; ++i) {
        must(msb_snapshot_remove(client, made[i], true, NULL, &error), error, made[i]);
    }
    must(msb_sandbox_remove(client, "fork", NULL, &error), error, "fork");
    msb_handle_free(ready_new);
    msb_handle_free(child_new);
    msb_handle_free(child);
    msb_handle_free(client);

    client = open_home(home, MSB_CLIENT_READ_ONLY);
    status = convert(client, "ready", "x", MSB_GENERATION_DESCRIPTOR, NULL, &error);
    CHECK(failed(status, error, MSB_ERR_UNSUPPORTED, "read-only"));
    msb_handle_free(client);
}

/* A home of 0.6.8, which reads no snapshot without a digest of its disk. */
static void a_home_of_0_6_8(const char *work, const char *archive) {
    char home[4096];
    snprintf(home, sizeof home, "%s/0.6.8", work);
    msb_client_opts opts = MSB_CLIENT_OPTS_INIT;
    opts.home = home;
    opts.new_home_release = "0.6.8";
    msb_client *client = NULL;
    msb_error *error = NULL;
    must(msb_client_open(&opts, &client, &error), error, "open");
    must(msb_image_load(client, archive, NULL, NULL, NULL, &error), error, "load");
    msb_sandbox_create_opts sandbox = MSB_SANDBOX_CREATE_OPTS_INIT;
    sandbox.image = kReference;
    sandbox.upper_size = UINT64_C(80) << 20;
    must(msb_sandbox_create(client, "base", &sandbox, NULL, NULL, &error), error, "sandbox");
    msb_snapshot_create_opts create = MSB_SNAPSHOT_CREATE_OPTS_INIT;
    create.name = "plain";
    msb_snapshot *snapshot = NULL;
    must(msb_snapshot_create(client, "base", &create, NULL, &snapshot, &error), error, "create");
    msb_snapshot_info info = {.struct_size = sizeof info};
    CHECK(msb_snapshot_read(snapshot, &info));
    CHECK_TEXT(info.integrity_algorithm, "msb-sparse-sha256-v1");
    msb_handle_free(snapshot);
    create.name = "merkle";
    create.record_integrity = true;
    create.integrity_algorithm = MSB_INTEGRITY_MERKLE;
    const msb_status status = msb_snapshot_create(client, "base", &create, NULL, NULL, &error);
    CHECK(failed(status, error, MSB_ERR_UNSUPPORTED, "microsandbox 0.6.8"));
    msb_handle_free(client);
}

/* A home in which nothing can be written, whatever its schema. */
static void read_only_media(const char *home) {
    if (geteuid() != 0 || unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount(home, home, NULL, MS_BIND, NULL) != 0 ||
        mount(NULL, home, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) != 0) {
        fprintf(stderr, "skipped: read-only mounts need root\n");
        return;
    }
    msb_home_info info;
    msb_home_report *report = inspect(home, &info);
    CHECK(info.state == MSB_HOME_READY && info.writes == MSB_HOME_WRITES_NOTHING);
    CHECK(info.obstacle != NULL && strstr(info.obstacle, "Read-only file system") != NULL);
    msb_handle_free(report);
    msb_client *client = open_home(home, 0);
    CHECK(msb_client_read_only(client));
    msb_error *error = NULL;
    const msb_status status = msb_image_remove(client, kReference, false, NULL, &error);
    CHECK(failed(status, error, MSB_ERR_DATABASE, "in a home that cannot be written"));
    msb_handle_free(client);
    CHECK(umount2(home, MNT_DETACH) == 0);
}

static void damage(const char *home) {
    msb_home_info info;
    char path[4096];
    snprintf(path, sizeof path, "%s/db/msb.db", home);
    run_sql(home, "DELETE FROM seaql_migrations WHERE version LIKE '%future'");
    FILE *file = fopen(path, "r+b");
    CHECK(file != NULL && fseek(file, 4096, SEEK_SET) == 0);
    for (int i = 0; i < 4096; ++i) fputc('x', file);
    fclose(file);
    msb_home_report *report = inspect(home, &info);
    CHECK(has_problem(report, MSB_PROBLEM_INDEX_DAMAGED, ".recover"));
    msb_handle_free(report);

    file = fopen(path, "wb");
    for (int i = 0; i < 8192; ++i) fputc('x', file);
    fclose(file);
    report = inspect(home, &info);
    CHECK(info.state == MSB_HOME_UNREADABLE && info.writes == MSB_HOME_WRITES_FILES && info.schema == NULL);
    CHECK(info.oldest_release == NULL && info.generation == MSB_GENERATION_UNKNOWN);
    CHECK(has_problem(report, MSB_PROBLEM_INDEX_DAMAGED, "not a database"));
    msb_handle_free(report);
}

/* --- a home that must not be written --- */

static const char *foreign_home;
static const char *foreign_why[2]; /* words that every refusal has */
static uint64_t foreign_tree;

/* Whether a call was refused in the words that tell why, and nothing was touched. */
static bool refused(msb_status status, msb_error *error) {
    const char *message = error ? msb_error_message(error) : "";
    const bool both = strstr(message, foreign_why[0]) && strstr(message, foreign_why[1]);
    const bool well = failed(status, error, MSB_ERR_DATABASE, "") && both && tree_of(foreign_home) == foreign_tree;
    return well;
}
#define REFUSED(...)                                   \
    do {                                               \
        msb_error *error = NULL;                       \
        const msb_status refused_status = __VA_ARGS__; \
        CHECK(refused(refused_status, error));         \
    } while (0)
#define READS(...)                                    \
    do {                                              \
        CHECK((__VA_ARGS__) == MSB_OK);               \
        CHECK(tree_of(foreign_home) == foreign_tree); \
    } while (0)

static void nothing_is_written(msb_client *client, const char *archive, const char *saved) {
    uint32_t number = 0;
    msb_image_prune_report pruned = {.struct_size = sizeof pruned};
    msb_client_check_opts repair = MSB_CLIENT_CHECK_OPTS_INIT;
    repair.repair = true;
    msb_check_report *checked = NULL;
    REFUSED(msb_client_recover(client, NULL, &number, &error));
    REFUSED(msb_client_check(client, &repair, NULL, &checked, &error));
    REFUSED(msb_image_load(client, archive, NULL, NULL, NULL, &error));
    REFUSED(msb_image_pull(client, "127.0.0.1:1/nothing:1", NULL, NULL, NULL, &error));
    REFUSED(msb_image_remove(client, kReference, true, NULL, &error));
    REFUSED(msb_image_prune(client, NULL, NULL, &pruned, &error));
    REFUSED(msb_image_gc(client, NULL, &number, &error));
    REFUSED(msb_image_gc_layers(client, NULL, &number, &error));
    msb_prune_plan *plan = NULL;
    READS(msb_image_prune_plan(client, NULL, NULL, &plan, NULL));
    REFUSED(msb_image_prune_apply(client, plan, NULL, &pruned, &error));
    msb_handle_free(plan);
    msb_sandbox_create_opts sandbox = MSB_SANDBOX_CREATE_OPTS_INIT;
    sandbox.image = kReference;
    REFUSED(msb_sandbox_create(client, "other", &sandbox, NULL, NULL, &error));
    REFUSED(msb_sandbox_remove(client, "base", NULL, &error));
    REFUSED(msb_sandbox_set_status(client, "base", MSB_SANDBOX_RUNNING, 1, NULL, &error));
    REFUSED(msb_sandbox_start(client, "base", NULL, NULL, &error));
    REFUSED(msb_sandbox_stop(client, "base", 0, NULL, &error));
    REFUSED(msb_sandbox_request_stop(client, "base", true, NULL, &error));
    REFUSED(msb_sandbox_run(client, "base", NULL, NULL, NULL, &error));
    msb_snapshot_create_opts snapshot = MSB_SNAPSHOT_CREATE_OPTS_INIT;
    snapshot.name = "more";
    REFUSED(msb_snapshot_create(client, "base", &snapshot, NULL, NULL, &error));
    REFUSED(msb_snapshot_remove(client, "ready", true, NULL, &error));
    REFUSED(msb_snapshot_reindex(client, NULL, NULL, &number, &error));
    REFUSED(msb_snapshot_import(client, saved, NULL, NULL, NULL, &error));
}

static void files_are_read(msb_client *client, const char *saved, const char *again, const char *elsewhere) {
    msb_snapshot_convert_opts opts = MSB_SNAPSHOT_CONVERT_OPTS_INIT;
    opts.form = MSB_GENERATION_DESCRIPTOR;
    opts.name = "more";
    REFUSED(msb_snapshot_convert(client, "ready", &opts, NULL, NULL, &error));
    opts.name = NULL;
    opts.path = elsewhere;
    opts.force = true;
    READS(msb_snapshot_convert(client, "ready", &opts, NULL, NULL, NULL));
    msb_snapshot_list *found = NULL;
    msb_snapshot *snapshot = NULL;
    msb_verify_report *verified = NULL;
    msb_string_list *members = NULL;
    READS(msb_snapshot_dir_list(client, NULL, NULL, &found, NULL));
    CHECK(msb_snapshot_list_count(found) == 1);
    READS(msb_snapshot_open(client, "ready", NULL, &snapshot, NULL));
    READS(msb_snapshot_verify(client, snapshot, NULL, &verified, NULL));
    READS(msb_snapshot_export(client, "ready", again, NULL, NULL, NULL));
    READS(msb_snapshot_archive_list(client, saved, NULL, &members, NULL));
    msb_handle_free(members);
    msb_handle_free(verified);
    msb_handle_free(snapshot);
    msb_handle_free(found);
}

static void rows_are_read(msb_client *client, const char *image) {
    msb_image_list *images = NULL;
    msb_image_detail *detail = NULL;
    msb_sandbox_list *sandboxes = NULL;
    msb_sandbox *sandbox = NULL;
    msb_snapshot_handle_list *snapshots = NULL;
    msb_snapshot_handle *handle = NULL;
    msb_snapshot *snapshot = NULL;
    msb_disk_usage *usage = NULL;
    msb_check_report *checked = NULL;
    READS(msb_image_index_list(client, NULL, &images, NULL));
    READS(msb_image_inspect(client, kReference, NULL, &detail, NULL));
    READS(msb_image_save(client, &kReference, 1, image, NULL, NULL, NULL));
    READS(msb_sandbox_index_list(client, NULL, 0, NULL, &sandboxes, NULL));
    READS(msb_sandbox_get(client, "base", NULL, &sandbox, NULL));
    READS(msb_snapshot_index_list(client, NULL, NULL, &snapshots, NULL));
    READS(msb_snapshot_get(client, "ready", NULL, &handle, NULL));
    READS(msb_snapshot_handle_open(client, handle, NULL, &snapshot, NULL));
    READS(msb_client_disk_usage(client, NULL, &usage, NULL));
    READS(msb_client_check(client, NULL, NULL, &checked, NULL));
    CHECK(msb_image_list_count(images) == 1 && msb_check_report_count(checked) == 0);
    REFUSED(msb_snapshot_handle_remove(client, handle, true, NULL, &error));
    msb_handle_free(checked);
    msb_handle_free(usage);
    msb_handle_free(snapshot);
    msb_handle_free(handle);
    msb_handle_free(snapshots);
    msb_handle_free(sandbox);
    msb_handle_free(sandboxes);
    msb_handle_free(detail);
    msb_handle_free(images);
}

/* The schema is one that is written; a journal forbids it. */
static void an_unfinished_downgrade(const char *home, const char *archive, const char *saved) {
    char path[4096];
    char run[4096];
    snprintf(path, sizeof path, "%s/db/self-downgrade", home);
    snprintf(run, sizeof run, "%s/db/self-downgrade/run", home);
    CHECK(mkdir(path, 0700) == 0 && mkdir(run, 0700) == 0);
    foreign_home = home;
    foreign_why[0] = "db/self-downgrade/run/journal.json is missing";
    foreign_why[1] = "resume it with `msb self downgrade`";
    foreign_tree = tree_of(home);
    msb_home_info info;
    msb_home_report *report = inspect(home, &info);
    CHECK(info.state == MSB_HOME_READY && info.writes == MSB_HOME_WRITES_NOTHING);
    CHECK(strstr(info.obstacle, foreign_why[0]) != NULL && msb_home_report_problem_count(report) == 1);
    CHECK(has_problem(report, MSB_PROBLEM_HOME_RESERVED, foreign_why[1]));
    msb_handle_free(report);
    msb_client *client = open_home(home, 0);
    CHECK(tree_of(home) == foreign_tree && msb_client_read_only(client));
    nothing_is_written(client, archive, saved);
    msb_handle_free(client);
    CHECK(tree_of(home) == foreign_tree);
    CHECK(rmdir(run) == 0 && rmdir(path) == 0);
}

/* The same with the log beside the database, and without. */
static void a_home_of_the_future(const char *home, const char *archive, const char *saved, const char *work) {
    char sql[256];
    char again[4096];
    char image[4096];
    char elsewhere[4096];
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", work);
    snprintf(again, sizeof again, "%s/again.tar.zst", work);
    snprintf(image, sizeof image, "%s/image-again.tar", work);
    snprintf(sql, sizeof sql, "INSERT OR REPLACE INTO seaql_migrations VALUES ('%s', 1)", kFuture);
    foreign_home = home;
    foreign_why[0] = kFuture;
    foreign_why[1] = kNewest;
    for (int logged = 0; logged < 2; ++logged) {
        (logged ? run_sql_and_die : run_sql)(home, sql);
        foreign_tree = tree_of(home);
        msb_home_info info;
        msb_home_report *report = inspect(home, &info);
        CHECK(info.state == MSB_HOME_FOREIGN && info.writes == MSB_HOME_WRITES_FILES && info.migrations == 14);
        CHECK(info.oldest_release == NULL && info.generation == MSB_GENERATION_UNKNOWN);
        CHECK(strstr(info.obstacle, kFuture) && strstr(info.obstacle, kNewest));
        CHECK_TEXT(info.last_migration, kFuture);
        CHECK(info.snapshots == 1 && info.images == 1);
        msb_handle_free(report);
        msb_client *client = open_home(home, 0);
        CHECK(tree_of(home) == foreign_tree && msb_client_read_only(client));
        nothing_is_written(client, archive, saved);
        files_are_read(client, saved, again, elsewhere);
        rows_are_read(client, image);
        msb_handle_free(client);
        CHECK(tree_of(home) == foreign_tree);
    }
}

/* What microsandbox 0.7.2 itself has written. */
static void a_home_of_0_7(const char *home, const char *archive, const char *saved, const char *tests) {
    char path[4096];
    snprintf(path, sizeof path, "%s/../golden/upstream/snapshots/0.7.2/msb.db.sql", tests);
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    static char dump[1 << 20];
    dump[fread(dump, 1, sizeof dump - 1, file)] = '\0';
    fclose(file);
    const int written = snprintf(path, sizeof path, "%s/db", home);
    CHECK(written < (int)sizeof path && mkdir(home, 0700) == 0 && mkdir(path, 0700) == 0);
    run_sql(home, dump);
    foreign_home = home;
    foreign_why[0] = "microsandbox 0.7.2 (27 migrations)";
    foreign_why[1] = kNewest;
    foreign_tree = tree_of(home);
    msb_home_info info;
    msb_home_report *report = inspect(home, &info);
    CHECK(info.state == MSB_HOME_FOREIGN && info.generation == MSB_GENERATION_GROUPS);
    CHECK_TEXT(info.schema, foreign_why[0]);
    CHECK_TEXT(info.oldest_release, "0.7.2");
    msb_handle_free(report);
    msb_client *client = open_home(home, 0);
    nothing_is_written(client, archive, saved);
    msb_handle_free(client);
    CHECK(tree_of(home) == foreign_tree);
}

int main(int argc, char **argv) {
    if (argc < 6) return 2;
    char saved[4096];
    char other[4096];
    snprintf(saved, sizeof saved, "%s/ready.tar.zst", argv[4]);
    snprintf(other, sizeof other, "%s/0.7", argv[4]);
    arguments();
    releases(argv[4]);
    fill_home(argv[1], argv[2], saved);
    a_good_home(argv[1]);
    conversions(argv[1]);
    a_home_of_0_6_8(argv[4], argv[2]);
    read_only_media(argv[1]);
    an_unfinished_downgrade(argv[1], argv[2], saved);
    a_home_of_the_future(argv[1], argv[2], saved, argv[4]);
    a_home_of_0_7(other, argv[2], saved, argv[5]);
    damage(argv[1]);
    CHECK_END();
}
