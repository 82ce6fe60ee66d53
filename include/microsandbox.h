/* microsandbox.h: disk snapshots and the OCI image cache of microsandbox.
 *
 * This header is the specification of libmicrosandbox. It is C99, needs nothing but the three headers below, and is the
 * only surface that the bindings for Go, Python and Node and the command line use.
 *
 * Rules for every function here, unless its own comment says otherwise:
 *
 *   Ownership  What lands in `out` or `err` is one reference, and the caller's; give it back with msb_handle_free(), in
 *              any order: an object keeps alive what it needs of others. `const` pointers that come back are borrowed:
 *              they live as long as the object they came from. NULL means absent, never "".
 *   Threads    Any thread may call any function. Objects do not change once returned, so threads may share them; only
 *              the last msb_handle_free() needs the caller to know that nobody still uses the object.
 *   Processes  Any number of processes, ours or microsandbox's own, may use one home at once. A client may be used on both
 *              sides of fork(): the child connects anew with its first call, what either commits stays, and closing or
 *              freeing in the child takes nothing from the parent. Calls that another thread was at are not the child's.
 *              fork() waits for the moment in which another thread changes the index; where that lasts, and in a child
 *              forked by a callback within it or without the C library's fork(), calls fail with MSB_ERR_UNSUPPORTED
 *              until it has called exec. A machine that is attached ends with the process that has started it; its
 *              children neither end nor keep it.
 *   Failure    Status other than MSB_OK: *err is a new msb_error (`err` may be NULL), *out is NULL, and nothing else was
 *              written. MSB_OK: *err is NULL. A call that fails, is cancelled or dies leaves the home as it was before
 *              or as it is after, never between; what it had staged is removed then or by msb_client_recover().
 *   Text       NUL-terminated. Names, labels, references and messages are UTF-8; paths are bytes as the kernel has them.
 *   Options    A pointer to options may be NULL: all defaults. `struct_size` is set by the INIT macro. A shorter struct of
 *              an older header is read as if its missing members were zero; a longer one is accepted only while what
 *              this library does not know is zero. Everything is copied before the call returns.
 *   Results    Info structs are filled by the caller's `struct_size` in the same way: set it before the call.
 *   Sizes      Bytes. Times are nanoseconds since the Unix epoch, UTC; INT64_MIN where there is none.
 */
#ifndef MICROSANDBOX_H
#define MICROSANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(MSB_STATIC)
#define MSB_API
#else
#define MSB_API __attribute__((visibility("default")))
#endif

#define MSB_VERSION_MAJOR 0
#define MSB_VERSION_MINOR 1
#define MSB_VERSION_PATCH 0
/** Number of this ABI: major * 1000 + minor. */
#define MSB_ABI_VERSION 1

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Kinds of failure ------------------------------------------------------------------------------------------- */

typedef int32_t msb_status; /**< MSB_OK or MSB_ERR_…; values are never reused or renumbered, later versions add some */

enum {
    MSB_OK = 0,
    MSB_ERR_UNKNOWN = 1,
    MSB_ERR_INTERNAL = 2,
    MSB_ERR_INVALID_ARGUMENT = 3,   /**< an argument that no home could satisfy: NULL, not UTF-8, malformed */
    MSB_ERR_INVALID_CONFIG = 4,
    MSB_ERR_INVALID_HANDLE = 5,     /**< an object that is NULL, closed or of another kind */
    MSB_ERR_BUFFER_TOO_SMALL = 6,
    MSB_ERR_CANCELLED = 7,
    MSB_ERR_DEADLINE_EXCEEDED = 8,
    MSB_ERR_UNSUPPORTED = 9,
    MSB_ERR_LIBRARY_NOT_LOADED = 10,
    MSB_ERR_IO = 11,                /**< the operating system said no; see msb_error_os_code() */
    MSB_ERR_DATABASE = 12,          /**< index damaged, or of a release newer than this library may write */
    MSB_ERR_BUSY = 13,              /**< a lock was not free within the busy timeout; trying again may succeed */
    MSB_ERR_NO_MEMORY = 14,
    MSB_ERR_JSON = 15,
    MSB_ERR_HTTP = 16,
    MSB_ERR_CUSTOM = 17,
    MSB_ERR_SANDBOX_NOT_FOUND = 100,
    MSB_ERR_SANDBOX_NOT_RUNNING = 101,
    MSB_ERR_SANDBOX_ALREADY_EXISTS = 102,
    MSB_ERR_SANDBOX_STILL_RUNNING = 103,
    MSB_ERR_IMAGE_NOT_FOUND = 200,
    MSB_ERR_IMAGE_IN_USE = 201,     /**< fact `sandboxes` lists who uses it */
    MSB_ERR_IMAGE_PULL_FAILED = 202,
    MSB_ERR_IMAGE_INVALID = 203,    /**< archive, manifest, config or layer is malformed, unsafe or not what it claims */
    MSB_ERR_SNAPSHOT_NOT_FOUND = 300,
    MSB_ERR_SNAPSHOT_ALREADY_EXISTS = 301,
    MSB_ERR_SNAPSHOT_SANDBOX_RUNNING = 302,
    MSB_ERR_SNAPSHOT_IMAGE_MISSING = 303,
    MSB_ERR_SNAPSHOT_INTEGRITY = 304,
    MSB_ERR_SNAPSHOT_MIGRATION = 305,
    MSB_ERR_SNAPSHOT_HAS_CHILDREN = 306,
    MSB_ERR_SNAPSHOT_ARCHIVE = 307,
    MSB_ERR_SNAPSHOT_READ_ONLY = 308,
    MSB_ERR_VOLUME_NOT_FOUND = 400,
    MSB_ERR_VOLUME_ALREADY_EXISTS = 401,
    MSB_ERR_EXEC_TIMEOUT = 500,
    MSB_ERR_EXEC_FAILED = 501,
    MSB_ERR_NO_DEFAULT_COMMAND = 502,
    MSB_ERR_FILESYSTEM = 600,
    MSB_ERR_PATH_NOT_FOUND = 601,
    MSB_ERR_PATCH_FAILED = 602,
    MSB_ERR_NETWORK_POLICY = 700,
    MSB_ERR_SECRET_VIOLATION = 701,
    MSB_ERR_TLS = 702,
    MSB_ERR_METRICS_DISABLED = 800,
    MSB_ERR_METRICS_UNAVAILABLE = 801
};

/* ---- Objects ---------------------------------------------------------------------------------------------------- */

typedef uint32_t msb_handle_kind; /**< MSB_KIND_… */

enum {
    MSB_KIND_NONE = 0,
    MSB_KIND_ERROR = 1,
    MSB_KIND_CANCEL = 2,
    MSB_KIND_BUFFER = 3,
    MSB_KIND_CLIENT = 4,
    MSB_KIND_IMAGE = 5,
    MSB_KIND_IMAGE_LIST = 6,
    MSB_KIND_IMAGE_DETAIL = 7,
    MSB_KIND_PRUNE_PLAN = 8,
    MSB_KIND_DISK_USAGE = 9,
    MSB_KIND_CHECK_REPORT = 10,
    MSB_KIND_SANDBOX = 11,
    MSB_KIND_SANDBOX_LIST = 12,
    MSB_KIND_SNAPSHOT = 13,
    MSB_KIND_SNAPSHOT_LIST = 14,
    MSB_KIND_SNAPSHOT_HANDLE = 15,
    MSB_KIND_SNAPSHOT_HANDLE_LIST = 16,
    MSB_KIND_VERIFY_REPORT = 17,
    MSB_KIND_STRING_LIST = 18,
    MSB_KIND_MACHINE_END = 19,
    MSB_KIND_HOME_REPORT = 20
};

typedef struct msb_error msb_error;
typedef struct msb_cancel msb_cancel;
typedef struct msb_buffer msb_buffer;
typedef struct msb_client msb_client;
typedef struct msb_image msb_image;
typedef struct msb_image_list msb_image_list;
typedef struct msb_image_detail msb_image_detail;
typedef struct msb_prune_plan msb_prune_plan;
typedef struct msb_disk_usage msb_disk_usage;
typedef struct msb_check_report msb_check_report;
typedef struct msb_sandbox msb_sandbox;
typedef struct msb_sandbox_list msb_sandbox_list;
typedef struct msb_snapshot msb_snapshot;
typedef struct msb_snapshot_list msb_snapshot_list;
typedef struct msb_snapshot_handle msb_snapshot_handle;
typedef struct msb_snapshot_handle_list msb_snapshot_handle_list;
typedef struct msb_verify_report msb_verify_report;
typedef struct msb_string_list msb_string_list;
typedef struct msb_machine_end msb_machine_end;
typedef struct msb_home_report msb_home_report;

/** A key and its value, both UTF-8 and never NULL in results. */
typedef struct msb_kv {
    const char *key;
    const char *value;
} msb_kv;

/**
 * Gives back one reference of any object of this header; the last one frees it. Not to be called twice for one
 * reference: that is found out where it can be (debug builds abort), but it remains an error of the caller.
 *
 * @param handle  NULL does nothing.
 * @since 0.1
 */
MSB_API void msb_handle_free(void *handle);

/**
 * Adds a reference, for instance to keep an element longer than its list.
 *
 * @param handle  Any object of this header, or NULL.
 * @return        Its argument; typed as the caller knows it.
 * @since 0.1
 */
MSB_API void *msb_handle_retain(void *handle);

/**
 * @param handle  Any object of this header, or NULL.
 * @return        Which type it is; MSB_KIND_NONE for NULL.
 * @since 0.1
 */
MSB_API msb_handle_kind msb_handle_kind_of(const void *handle);

/**
 * @return  Number of objects alive in the process, for leak tests.
 * @since 0.1
 */
MSB_API size_t msb_live_handles(void);

/**
 * @param buffer  Buffer to look into.
 * @param length  Receives the number of bytes; may be NULL.
 * @return        Its bytes, borrowed; a NUL that is not counted follows the last one. NULL for NULL.
 * @since 0.1
 */
MSB_API const void *msb_buffer_data(const msb_buffer *buffer, size_t *length);

/* ---- Library ---------------------------------------------------------------------------------------------------- */

/** Bits of msb_features(). */
enum {
    MSB_FEATURE_GZIP = 1 << 0,
    MSB_FEATURE_ZSTD = 1 << 1,
    MSB_FEATURE_BLAKE3 = 1 << 2,
    MSB_FEATURE_REFLINK = 1 << 3, /**< copies share blocks where the file system can */
    MSB_FEATURE_REGISTRY = 1 << 4 /**< msb_image_pull() speaks to registries */
};

/**
 * @return  ABI number of the library that is loaded; refuse to run when its thousands differ from MSB_ABI_VERSION's.
 * @since 0.1
 */
MSB_API uint32_t msb_abi_version(void);

/**
 * @return  Version of the library, `0.1.0`. Static.
 * @since 0.1
 */
MSB_API const char *msb_version(void);

/**
 * @return  MSB_FEATURE_… bits of this build.
 * @since 0.1
 */
MSB_API uint64_t msb_features(void);

/**
 * @param status  Any value.
 * @return        Name in Go spelling, `ImageNotFound`; `Unknown` for other values, `OK` for MSB_OK. Static.
 * @since 0.1
 */
MSB_API const char *msb_status_name(msb_status status);

/**
 * @param status  Any value.
 * @return        Tag in snake case, `image_not_found`; `unknown` for other values, `ok` for MSB_OK. Static.
 * @since 0.1
 */
MSB_API const char *msb_status_tag(msb_status status);

/**
 * @param tag  Tag in snake case; may be NULL.
 * @return     Its status; MSB_ERR_UNKNOWN for what is no tag.
 * @since 0.1
 */
MSB_API msb_status msb_status_from_tag(const char *tag);

/* ---- Errors ----------------------------------------------------------------------------------------------------- */

/**
 * @param error  May be NULL.
 * @return       Its kind; MSB_OK for NULL.
 * @since 0.1
 */
MSB_API msb_status msb_error_status(const msb_error *error);

/**
 * @param error  May be NULL.
 * @return       One line in English that begins with the kind and names the subject:
 *               `image not found: alpine:3.20`. NULL only for NULL.
 * @since 0.1
 */
MSB_API const char *msb_error_message(const msb_error *error);

/**
 * @param error  May be NULL.
 * @return       errno of the system call that failed; 0 when none did.
 * @since 0.1
 */
MSB_API int32_t msb_error_os_code(const msb_error *error);

/**
 * @param error  May be NULL.
 * @param key    `path`, `name`, `reference`, `digest`, `expected`, `actual`, `member`, `offset`, `sandboxes`, …
 * @return       The fact, or NULL when the error has none of that name.
 * @since 0.1
 */
MSB_API const char *msb_error_detail(const msb_error *error, const char *key);

/**
 * @param error  May be NULL.
 * @return       What lies beneath, borrowed, or NULL.
 * @since 0.1
 */
MSB_API const msb_error *msb_error_cause(const msb_error *error);

/* ---- Call control ----------------------------------------------------------------------------------------------- */

/** Where long work stands. */
enum {
    MSB_PHASE_RESOLVING = 1,
    MSB_PHASE_RESOLVED = 2,
    MSB_PHASE_DOWNLOADING = 3,
    MSB_PHASE_VERIFYING = 4,
    MSB_PHASE_MATERIALIZING = 5,
    MSB_PHASE_WRITING = 6,
    MSB_PHASE_MERGING = 7,
    MSB_PHASE_COPYING = 8,
    MSB_PHASE_HASHING = 9,
    MSB_PHASE_PACKING = 10,
    MSB_PHASE_UNPACKING = 11,
    MSB_PHASE_INSTALLING = 12,
    MSB_PHASE_INDEXING = 13,
    MSB_PHASE_COMPLETE = 14 /**< last event of a call that succeeds */
};

typedef struct msb_progress {
    size_t struct_size;
    uint32_t phase;   /**< MSB_PHASE_… */
    uint32_t index;   /**< position of `item`, from 0 */
    uint32_t count;   /**< number of items; 0 when unknown */
    bool total_known; /**< whether `total` means anything */
    const char *item; /**< what is worked on: a reference, digest or path; NULL when there is no one thing */
    uint64_t done;    /**< bytes; items in MSB_PHASE_INDEXING */
    uint64_t total;   /**< in the unit of `done` */
} msb_progress;

/** Receives progress, on the thread that made the call. It must not call back into the same client. */
typedef void (*msb_progress_fn)(const msb_progress *event, void *user);

/** Controls of one call. NULL in its place: no cancellation, no deadline, no progress. */
typedef struct msb_call {
    size_t struct_size;
    msb_cancel *cancel;            /**< May be NULL. Not consumed. */
    int64_t deadline_ns;           /**< On CLOCK_MONOTONIC, see msb_deadline_after_ms(); 0 for none. */
    msb_progress_fn on_progress;   /**< May be NULL. */
    void *user;                    /**< Passed to on_progress. */
    uint32_t progress_interval_ms; /**< Least time between two events of one phase; 0 for 50. */
} msb_call;
#define MSB_CALL_INIT { sizeof(msb_call), NULL, 0, NULL, NULL, 0 }

/**
 * Makes a token with which calls can be stopped.
 *
 * @param out  The token.
 * @param err  The failure.
 * @retval MSB_ERR_INVALID_ARGUMENT  `out` is NULL
 * @since 0.1
 */
MSB_API msb_status msb_cancel_new(msb_cancel **out, msb_error **err);

/**
 * Asks the calls that carry `token` to stop, and returns at once. Each then fails with MSB_ERR_CANCELLED within about
 * 50 ms, or succeeds if it was past its commit point. Safe in a signal handler; repeating it, or triggering before the
 * call has begun, is fine. A triggered token stays triggered: make a new one for the next call.
 *
 * @param token  NULL does nothing.
 * @since 0.1
 */
MSB_API void msb_cancel_trigger(msb_cancel *token);

/**
 * @param token  May be NULL.
 * @return       Whether it was triggered.
 * @since 0.1
 */
MSB_API bool msb_cancel_triggered(const msb_cancel *token);

/**
 * @param ms  Milliseconds from now.
 * @return    Value for msb_call.deadline_ns.
 * @since 0.1
 */
MSB_API int64_t msb_deadline_after_ms(uint64_t ms);

/**
 * @param phase  MSB_PHASE_…
 * @return       Name in lower case, `materializing`; `unknown` for other values. Static.
 * @since 0.1
 */
MSB_API const char *msb_progress_phase_name(uint32_t phase);

/* ---- Client ----------------------------------------------------------------------------------------------------- */

enum {
    MSB_LOG_ERROR = 1,
    MSB_LOG_WARN = 2,
    MSB_LOG_INFO = 3,
    MSB_LOG_DEBUG = 4
};

/** Receives a line of log, on the thread that does the work. `target` names the module. Strings live for the call. */
typedef void (*msb_log_fn)(uint32_t level, const char *target, const char *message, void *user);

/** Bits of msb_client_opts.flags. */
enum {
    MSB_CLIENT_READ_ONLY = 1 << 0, /**< nothing on disk is changed; calls that would fail with MSB_ERR_UNSUPPORTED */
    MSB_CLIENT_NO_CREATE = 1 << 1, /**< a home that does not exist is an error */
    MSB_CLIENT_NO_RECOVER = 1 << 2 /**< leftovers of dead processes are not looked for at open */
};

typedef struct msb_client_opts {
    size_t struct_size;
    const char *home;          /**< State root; NULL for $MSB_HOME, else ~/.microsandbox. `~` is expanded. */
    const char *cache_dir;     /**< NULL for `<home>/cache`, or what the home's config.json says. */
    const char *snapshots_dir; /**< NULL for `<home>/snapshots`, or what config.json says. */
    const char *sandboxes_dir; /**< NULL for `<home>/sandboxes`, or what config.json says. */
    uint32_t flags;            /**< MSB_CLIENT_… */
    uint32_t busy_timeout_ms;  /**< Longest wait for a lock of another process; 0 for what config.json says, else 5000. */
    uint32_t threads;          /**< Most worker threads of one call; 0 for the number of processors. */
    uint32_t log_level;        /**< Most verbose level that on_log wants, MSB_LOG_…; 0 for MSB_LOG_WARN. */
    msb_log_fn on_log;         /**< NULL: no log. */
    void *log_user;            /**< Passed to on_log. */
    const char *new_home_release; /**< Release of microsandbox that a home without an index is made for, `0.6.3` to `0.6.18`;
                                       NULL for `0.6.3`, which later ones upgrade. A home that has an index stays as it is. */
} msb_client_opts;
#define MSB_CLIENT_OPTS_INIT { sizeof(msb_client_opts), NULL, NULL, NULL, NULL, 0, 0, 0, 0, NULL, NULL, NULL }

enum {
    MSB_DIR_HOME = 0,
    MSB_DIR_CACHE = 1,
    MSB_DIR_SNAPSHOTS = 2,
    MSB_DIR_SANDBOXES = 3,
    MSB_DIR_INDEX = 4 /**< the database file */
};

/**
 * Opens a home, and creates it where there is none: directories of mode 0700, and an index at the schema that
 * microsandbox 0.6.3 has, or the release that is asked for. A home that a newer microsandbox owns is used by that release's
 * rules. One whose schema this library must not write, as that of a release it does not know, can be read; nothing in it is
 * made or changed, and calls that would fail with MSB_ERR_DATABASE and both versions in the message. The same goes for one in
 * which microsandbox has not ended a downgrade; the message then names its journal.
 *
 * @param opts  Where and how; NULL for the default home.
 * @param out   The client. It holds no lock between calls.
 * @param err   The failure.
 * @retval MSB_ERR_INVALID_ARGUMENT  malformed options, or a release that no home can be made for
 * @retval MSB_ERR_INVALID_CONFIG    config.json of the home is malformed
 * @retval MSB_ERR_IO                the home cannot be read or created
 * @retval MSB_ERR_DATABASE          the index is damaged
 * @retval MSB_ERR_BUSY              another process holds the home for an upgrade
 * @since 0.1
 */
MSB_API msb_status msb_client_open(const msb_client_opts *opts, msb_client **out, msb_error **err);

/**
 * Closes the client for every holder of it: machines that are attached to it end, calls that run are waited for, later
 * ones fail with MSB_ERR_INVALID_HANDLE. Objects that came from it stay valid. The reference itself still has to be given back.
 *
 * @param client  The client.
 * @param err     The failure.
 * @retval MSB_ERR_INVALID_HANDLE  NULL, or closed before
 * @since 0.1
 */
MSB_API msb_status msb_client_close(msb_client *client, msb_error **err);

/**
 * @param client  The client.
 * @param which   MSB_DIR_…
 * @return        Absolute path, borrowed; NULL for NULL or another value.
 * @since 0.1
 */
MSB_API const char *msb_client_dir(const msb_client *client, uint32_t which);

/**
 * @param client  The client.
 * @return        Whether nothing in the home can be changed through it: opened so, a schema that this library must not write,
 *                an unfinished downgrade, or read-only media.
 * @since 0.1
 */
MSB_API bool msb_client_read_only(const msb_client *client);

/**
 * Finishes or removes what processes that died had begun. Work of live processes, and files younger than an hour that
 * nobody owns, are left alone. msb_client_open() does the cheap part of it.
 *
 * @param client    The client.
 * @param call      Call control; NULL for none.
 * @param repaired  Receives the number of things put right; may be NULL.
 * @param err       The failure.
 * @retval MSB_ERR_UNSUPPORTED  the client is read-only
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_BUSY, MSB_ERR_IO  some may be left
 * @since 0.1
 */
MSB_API msb_status msb_client_recover(msb_client *client, const msb_call *call, uint32_t *repaired, msb_error **err);

typedef struct msb_client_check_opts {
    size_t struct_size;
    bool deep;   /**< Also reads every layer and proves it against its diff ID, where the cache can. */
    bool repair; /**< Rebuilds what can be rebuilt, sets damaged layers aside, sweeps orphans. */
} msb_client_check_opts;
#define MSB_CLIENT_CHECK_OPTS_INIT { sizeof(msb_client_check_opts), false, false }

enum {
    MSB_PROBLEM_LAYER_CORRUPT = 1,     /**< a layer file is damaged; repair sets it aside so that nothing uses it */
    MSB_PROBLEM_LAYER_MISSING = 2,     /**< an image names a layer that is not there; load or pull the image again */
    MSB_PROBLEM_FSMETA_INVALID = 3,    /**< missing or damaged; repair rebuilds it from the layers */
    MSB_PROBLEM_VMDK_INVALID = 4,      /**< missing or pointing elsewhere; repair rewrites it */
    MSB_PROBLEM_METADATA_INVALID = 5,  /**< the manifest document of a reference is missing or malformed */
    MSB_PROBLEM_ORPHAN = 6,            /**< a file or row that nothing refers to; repair removes it */
    MSB_PROBLEM_LEFTOVER = 7,          /**< remains of a process that died; repair removes them */
    MSB_PROBLEM_RECIPE_INVALID = 8,    /**< the record that proves a layer is damaged; the layer may still be good */
    MSB_PROBLEM_SNAPSHOT_DAMAGED = 9,  /**< a descriptor or disk is not what it should be; restore it from elsewhere */
    MSB_PROBLEM_INDEX_STALE = 10,      /**< the index and the snapshots on disk differ; repair reindexes */
    MSB_PROBLEM_INDEX_DAMAGED = 11,    /**< the index cannot be read, or not all of it; this and the next: msb_home_inspect() */
    MSB_PROBLEM_HOME_RESERVED = 12,    /**< microsandbox is being installed or upgraded, or has not ended a downgrade: nobody may write */
    MSB_PROBLEM_NOT_TRANSLATED = 13,   /**< a snapshot that the owner of the home cannot read; msb_client_open() translates it */
    MSB_PROBLEM_STATUS_STALE = 14      /**< what is recorded of a sandbox is not so: its process is gone, or one has its lock */
};

typedef struct msb_problem {
    size_t struct_size;
    uint32_t kind;       /**< MSB_PROBLEM_… */
    bool repaired;       /**< whether this check put it right */
    const char *subject; /**< reference, digest or file it is about */
    const char *path;    /**< the file; NULL when it is a row */
    const char *message; /**< one line that says what is wrong and what to do */
} msb_problem;

/**
 * Holds the index and the files of a home against each other.
 *
 * @param client  The client.
 * @param opts    How far to go; NULL for a quick look that changes nothing.
 * @param call    Call control; progress counts items, or bytes when deep.
 * @param out     The report; empty when all is well.
 * @param err     The failure of the check itself; problems it finds are not failures.
 * @retval MSB_ERR_UNSUPPORTED  repair was asked of a read-only client
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_BUSY, MSB_ERR_IO, MSB_ERR_DATABASE  no report
 * @since 0.1
 */
MSB_API msb_status msb_client_check(msb_client *client, const msb_client_check_opts *opts, const msb_call *call,
                                    msb_check_report **out, msb_error **err);

/**
 * @param report  May be NULL.
 * @return        Number of problems; 0 for NULL.
 * @since 0.1
 */
MSB_API size_t msb_check_report_count(const msb_check_report *report);

/**
 * @param report  The report.
 * @param index   Which problem.
 * @param out     Receives it; strings are borrowed from the report.
 * @return        False past the end.
 * @since 0.1
 */
MSB_API bool msb_check_report_at(const msb_check_report *report, size_t index, msb_problem *out);

/** What a home is. */
enum {
    MSB_HOME_MISSING = 1,
    MSB_HOME_EMPTY = 2,     /**< without an index: msb_client_open() makes it a home */
    MSB_HOME_READY = 3,     /**< of a release whose index this library writes */
    MSB_HOME_FOREIGN = 4,   /**< its index can be read, and must not be written: newer than known, much older, or half upgraded */
    MSB_HOME_UNREADABLE = 5 /**< its index cannot be read */
};

/** Which releases of microsandbox a home belongs to, by how they describe snapshots. */
enum {
    MSB_GENERATION_NONE = 0,       /**< there is no index */
    MSB_GENERATION_MANIFEST = 1,   /**< up to 0.6.6: `manifest.json` */
    MSB_GENERATION_DESCRIPTOR = 2, /**< 0.6.7 to 0.6.18: `snapshot.json` */
    MSB_GENERATION_GROUPS = 3,     /**< 0.7: groups of snapshots */
    MSB_GENERATION_UNKNOWN = 4
};

/** What can be written in a home. */
enum {
    MSB_HOME_WRITES_NOTHING = 0,
    MSB_HOME_WRITES_FILES = 1,     /**< its directories let us, but no row of the index may be written */
    MSB_HOME_WRITES_EVERYTHING = 2
};

typedef struct msb_home_info {
    size_t struct_size;
    uint32_t state;             /**< MSB_HOME_… */
    uint32_t generation;        /**< MSB_GENERATION_… */
    uint32_t writes;            /**< MSB_HOME_WRITES_… */
    uint32_t migrations;        /**< of microsandbox, that the index has been through */
    const char *home;
    const char *database;       /**< the index, be it there or not */
    const char *obstacle;       /**< why not everything can be written; NULL when it can */
    const char *schema;         /**< `microsandbox 0.6.14 (23 migrations)`; NULL without an index that can be read, like the next */
    const char *last_migration; /**< its id; of a later release the one that is not known */
    const char *oldest_release; /**< First release that opens it: older ones refuse. Without an index, what would be made. */
    const char *newest_release; /**< Last release that leaves it as it is: later ones upgrade it. NULL: not known, like oldest. */
    uint64_t images;            /**< references in the index */
    uint64_t sandboxes;
    uint64_t running;           /**< sandboxes whose machine lives */
    uint64_t indexed_snapshots; /**< in the index */
    uint64_t snapshots;         /**< in the snapshots directory, and readable */
} msb_home_info;

/**
 * Tells what a home is, who can use it, what of it can be written, and what is wrong with it. Changes nothing at all: not
 * even files of SQLite appear. Works where msb_client_open() does not: on a home that is missing, damaged, read-only or newer
 * than known.
 *
 * @param opts  Where it is, as for msb_client_open(); flags count for nothing.
 * @param call  Call control; NULL for none.
 * @param out   The report.
 * @param err   The failure of the inspection itself.
 * @retval MSB_ERR_INVALID_ARGUMENT  malformed options
 * @retval MSB_ERR_INVALID_CONFIG    config.json of the home is malformed
 * @retval MSB_ERR_IO, MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED  no report
 * @since 0.1
 */
MSB_API msb_status msb_home_inspect(const msb_client_opts *opts, const msb_call *call, msb_home_report **out,
                                    msb_error **err);

/**
 * @param report  The report.
 * @param out     Receives what is known of the home; strings are borrowed from the report.
 * @return        False for NULL.
 * @since 0.1
 */
MSB_API bool msb_home_report_read(const msb_home_report *report, msb_home_info *out);

/**
 * @param report  May be NULL.
 * @return        Number of problems; 0 for NULL.
 * @since 0.1
 */
MSB_API size_t msb_home_report_problem_count(const msb_home_report *report);

/**
 * @param report  The report.
 * @param index   Which problem.
 * @param out     Receives it; strings are borrowed from the report.
 * @return        False past the end.
 * @since 0.1
 */
MSB_API bool msb_home_report_problem_at(const msb_home_report *report, size_t index, msb_problem *out);

typedef struct msb_disk_usage_info {
    size_t struct_size;
    uint64_t images_bytes;      /**< allocated by the image cache */
    uint64_t snapshots_bytes;   /**< allocated by snapshots in the snapshots directory */
    uint64_t sandboxes_bytes;   /**< allocated by writable disks of sandboxes */
    uint64_t reclaimable_bytes; /**< what msb_image_prune() with default options would free */
} msb_disk_usage_info;

enum {
    MSB_ITEM_REFERENCE = 1, /**< a row of the index: the name of an image */
    MSB_ITEM_MANIFEST = 2,
    MSB_ITEM_LAYER = 3,
    MSB_ITEM_FSMETA = 4,
    MSB_ITEM_VMDK = 5,
    MSB_ITEM_METADATA = 6,  /**< `manifests/….json` */
    MSB_ITEM_BLOB = 7,      /**< an original blob that was kept */
    MSB_ITEM_FLAT = 8,
    MSB_ITEM_TEMPORARY = 9,
    MSB_ITEM_SNAPSHOT = 10,
    MSB_ITEM_SANDBOX = 11
};

typedef struct msb_disk_item {
    size_t struct_size;
    uint32_t kind;              /**< MSB_ITEM_… */
    bool reclaimable;           /**< whether a default prune would remove it */
    const char *name;           /**< reference, digest or file name */
    const char *path;           /**< NULL for what is a row */
    uint64_t allocated_bytes;   /**< blocks on disk, as `du` counts */
    uint64_t apparent_bytes;    /**< length of the file */
    uint32_t shared_by;         /**< number of images that use it */
    const char *const *pins;    /**< who keeps it: `reference …`, `sandbox …`, `snapshot …`, `work in flight` */
    size_t pin_count;
} msb_disk_item;

/**
 * Tells what uses the disk, and who keeps it.
 *
 * @param client  The client.
 * @param call    Call control; NULL for none.
 * @param out     The answer, items sorted by kind and then name.
 * @param err     The failure.
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_BUSY, MSB_ERR_IO, MSB_ERR_DATABASE  nothing was counted
 * @since 0.1
 */
MSB_API msb_status msb_client_disk_usage(msb_client *client, const msb_call *call, msb_disk_usage **out,
                                         msb_error **err);

/**
 * @param usage  The answer.
 * @param out    Receives the sums.
 * @return       False for NULL.
 * @since 0.1
 */
MSB_API bool msb_disk_usage_read(const msb_disk_usage *usage, msb_disk_usage_info *out);

/**
 * @param usage  May be NULL.
 * @return       Number of items; 0 for NULL.
 * @since 0.1
 */
MSB_API size_t msb_disk_usage_count(const msb_disk_usage *usage);

/**
 * @param usage  The answer.
 * @param index  Which item.
 * @param out    Receives it; strings are borrowed from the answer.
 * @return       False past the end.
 * @since 0.1
 */
MSB_API bool msb_disk_usage_at(const msb_disk_usage *usage, size_t index, msb_disk_item *out);

/* ---- Names, references and digests ------------------------------------------------------------------------------ */

/**
 * Checks the grammar of a digest: `algorithm:encoded`, with the length of the algorithms this library knows.
 *
 * @param digest  Text to check.
 * @param err     The failure.
 * @retval MSB_ERR_INVALID_ARGUMENT  it is none
 * @since 0.1
 */
MSB_API msb_status msb_digest_check(const char *digest, msb_error **err);

/**
 * Checks the grammar of an image reference and yields its full form: `python:3.12` becomes
 * `docker.io/library/python:3.12`. A missing tag becomes `latest`, unless there is a digest.
 *
 * @param reference  Text to read.
 * @param out        The full form.
 * @param err        The failure.
 * @retval MSB_ERR_INVALID_ARGUMENT  it is no reference
 * @since 0.1
 */
MSB_API msb_status msb_reference_normalize(const char *reference, msb_buffer **out, msb_error **err);

enum {
    MSB_NAME_SNAPSHOT = 1, /**< not empty, at most 246 bytes, no slash, backslash, colon or control bytes, no leading dot, tilde or hyphen */
    MSB_NAME_SANDBOX = 2   /**< 1 to 128 ASCII letters, digits, dots, underscores and hyphens; the first a letter or digit */
};

/**
 * Checks a name before it is used.
 *
 * @param kind  MSB_NAME_…
 * @param name  The name.
 * @param err   The failure; its message says which rule is broken.
 * @retval MSB_ERR_INVALID_ARGUMENT  unknown kind, NULL or not UTF-8
 * @retval MSB_ERR_INVALID_CONFIG    it is no such name
 * @since 0.1
 */
MSB_API msb_status msb_name_check(uint32_t kind, const char *name, msb_error **err);

enum {
    MSB_SNAPSHOT_REF_NAME = 1,
    MSB_SNAPSHOT_REF_PATH = 2,  /**< contains a slash, or begins with a dot or a tilde */
    MSB_SNAPSHOT_REF_DIGEST = 3 /**< begins with `sha256:` or `sha512:` */
};

/**
 * @param text  What a user typed for a snapshot; may be NULL.
 * @return      MSB_SNAPSHOT_REF_…: how every function here that takes `ref` reads it; 0 for NULL and "".
 * @since 0.1
 */
MSB_API uint32_t msb_snapshot_ref_kind(const char *text);

enum {
    MSB_INTEGRITY_DEFAULT = 0, /**< MSB_INTEGRITY_MERKLE; in a home of 0.6.7 or 0.6.8 MSB_INTEGRITY_SPARSE */
    MSB_INTEGRITY_MERKLE = 1,  /**< `msb-file-merkle-blake3-v1`: 64 KiB leaves, holes cost nothing */
    MSB_INTEGRITY_SPARSE = 2,  /**< `msb-sparse-sha256-v1`: for readers of microsandbox up to 0.6.8 */
    MSB_INTEGRITY_SHA256 = 3   /**< plain SHA-256 of the logical bytes */
};

/**
 * Hashes a file the way snapshots are hashed.
 *
 * @param path       A regular file.
 * @param algorithm  MSB_INTEGRITY_…
 * @param call       Call control; progress counts bytes.
 * @param out        `blake3:…` or `sha256:…`.
 * @param err        The failure.
 * @retval MSB_ERR_INVALID_ARGUMENT  unknown algorithm
 * @retval MSB_ERR_IO                the file cannot be read, or changed meanwhile
 * @since 0.1
 */
MSB_API msb_status msb_digest_of_file(const char *path, uint32_t algorithm, const msb_call *call, msb_buffer **out,
                                      msb_error **err);

/* ---- Images ----------------------------------------------------------------------------------------------------- */

/** What is kept of a layer besides what a sandbox needs. */
enum {
    MSB_KEEP_DEFAULT = 0, /**< MSB_KEEP_RECIPE */
    MSB_KEEP_RECIPE = 1,  /**< a small record from which the layer's tar can be reproduced byte for byte */
    MSB_KEEP_BLOBS = 2    /**< the compressed layer too, so that a saved image has its original manifest digest */
};

typedef struct msb_image_load_opts {
    size_t struct_size;
    const char *const *tags; /**< References to give to the first image, beside those of the archive. */
    size_t tag_count;
    const char *platform;    /**< `os/architecture[/variant]`; NULL for this machine's. */
    uint32_t keep;           /**< MSB_KEEP_… */
    int32_t fd;              /**< Read when the path is NULL: a pipe or file; 0 is standard input. Not closed. */
    uint64_t max_file_bytes;    /**< Most bytes of one file in a layer; 0 for 64 GiB. */
    uint64_t max_layer_bytes;   /**< Most bytes of all files in a layer; 0 for 256 GiB. */
    uint64_t max_layer_entries; /**< Most files and directories of a layer; 0 for 1,000,000. */
} msb_image_load_opts;
#define MSB_IMAGE_LOAD_OPTS_INIT { sizeof(msb_image_load_opts), NULL, 0, NULL, MSB_KEEP_DEFAULT, 0, 0, 0, 0 }

/**
 * Puts the images of an archive into the cache: a `docker save` archive, an OCI image layout as a tar file or as a
 * directory; plain, gzip or zstd. What it is, its content tells. Every digest and size is checked before anything is
 * taken into the cache; layers that are there already are not read again. All images of the archive appear in the index
 * at once, or none.
 *
 * @param client        The client.
 * @param archive_path  File or directory; NULL to read `opts->fd`.
 * @param opts          Tags, platform, what to keep; NULL for defaults.
 * @param call          Call control; progress by layer.
 * @param out           The images, one for each reference, in the archive's order; may be NULL.
 * @param err           The failure; the fact `member` names the file of the archive or layer.
 * @retval MSB_ERR_INVALID_ARGUMENT  a tag or the platform is malformed, or neither the archive nor `opts` has a tag
 * @retval MSB_ERR_IMAGE_INVALID     malformed, unsafe, not what its digests say, or no image for the platform
 * @retval MSB_ERR_UNSUPPORTED       the client is read-only
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_BUSY, MSB_ERR_IO, MSB_ERR_DATABASE  nothing was loaded
 * @since 0.1
 */
MSB_API msb_status msb_image_load(msb_client *client, const char *archive_path, const msb_image_load_opts *opts,
                                  const msb_call *call, msb_image_list **out, msb_error **err);

/** When a registry is asked. */
enum {
    MSB_PULL_IF_MISSING = 0, /**< what is cached is taken as it is, and nobody is asked */
    MSB_PULL_ALWAYS = 1,     /**< the registry says what the reference means today */
    MSB_PULL_NEVER = 2       /**< only what is cached */
};

/** What msb_image_pull() did. */
typedef struct msb_image_pull_report {
    size_t struct_size;
    bool cached;             /**< all of the image was there: nothing was fetched but perhaps its manifest */
    bool fell_back;          /**< the registry could not be reached, and the cached image was taken */
    uint32_t layers_fetched;
    uint32_t layers_present; /**< that were there already */
    uint64_t bytes_fetched;  /**< of layers, as they came */
} msb_image_pull_report;

typedef struct msb_image_pull_opts {
    size_t struct_size;
    uint32_t policy;           /**< MSB_PULL_… */
    bool force;                /**< Fetch and make everything anew, although it is cached. */
    bool insecure;             /**< The registry speaks plain HTTP. */
    const char *username;      /**< For the registry, with `password`; NULL for what is configured. */
    const char *password;
    const char *ca_certs_path; /**< PEM file of authorities to trust beside those of the system; may be NULL. */
    const char *platform;      /**< `os/architecture[/variant]`; NULL for this machine's. */
    uint32_t keep;             /**< MSB_KEEP_… */
    bool fall_back;            /**< Take what is cached when the registry cannot be reached. */
    msb_image_pull_report *report; /**< Receives what was done when the call succeeds; may be NULL. */
    uint64_t max_file_bytes;       /**< Most bytes of one file in a layer; 0 for 64 GiB. */
    uint64_t max_layer_bytes;      /**< Most bytes of all files in a layer; 0 for 256 GiB. */
    uint64_t max_layer_entries;    /**< Most files and directories of a layer; 0 for 1,000,000. */
} msb_image_pull_opts;
#define MSB_IMAGE_PULL_OPTS_INIT \
    { sizeof(msb_image_pull_opts), MSB_PULL_IF_MISSING, false, false, NULL, NULL, NULL, NULL, MSB_KEEP_DEFAULT, false, NULL, 0, \
      0, 0 }

/**
 * Gets an image from its registry, unless the cache has it. Bytes become the layer's file while they come; what breaks is
 * taken up where it stood, and what may pass is tried again for a while. Every digest and size is checked before the
 * image appears in the index. Pulls that need the same layer at once share it, in this process and in others.
 *
 * Settings are those of the home's config.json under `registries` (`ca_certs`, `hosts.<host>.insecure`, `.auth`,
 * `.mirrors`), proxies those of the environment. Credentials are the caller's, else the configured ones, else those of
 * Docker's config.json and its helpers; no other host is ever shown them. Images come over TLS unless their host is
 * marked insecure.
 *
 * After a failure the index is as it was, but layers that were finished stay for the next attempt, and so does what has
 * come of a layer that takes more than ten seconds, even when the process dies; what nobody has come back for is swept
 * after an hour.
 *
 * @param client     The client.
 * @param reference  `python:3.12`, `localhost:5000/app@sha256:…`
 * @param opts       Policy, credentials, platform; NULL for defaults.
 * @param call       Call control; progress by layer: `downloading` counts its bytes, and `index` of `count` tells layers
 *                   apart. All are announced before the first one begins.
 * @param out        The image, as it is stored under `reference`; may be NULL.
 * @param err        The failure; the fact `http_status` is there where a registry has refused.
 * @retval MSB_ERR_INVALID_ARGUMENT   a malformed reference, platform or option
 * @retval MSB_ERR_INVALID_CONFIG     config.json, a CA file or a source of credentials is malformed or missing
 * @retval MSB_ERR_IMAGE_NOT_FOUND    the registry does not have it; or not cached, and the policy is never to pull
 * @retval MSB_ERR_IMAGE_INVALID      malformed, unsafe, not what its digests say, or no image for the platform
 * @retval MSB_ERR_HTTP               the registry cannot be reached, is not trusted, or does not let us in
 * @retval MSB_ERR_IMAGE_PULL_FAILED  a layer of the image could not be had
 * @retval MSB_ERR_UNSUPPORTED        the client is read-only, and the image is not cached; or no libcurl, fact `package`
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_BUSY, MSB_ERR_IO, MSB_ERR_DATABASE
 *                                    nothing was put into the index
 * @since 0.1
 */
MSB_API msb_status msb_image_pull(msb_client *client, const char *reference, const msb_image_pull_opts *opts,
                                  const msb_call *call, msb_image **out, msb_error **err);

enum {
    MSB_IMAGE_FORMAT_DOCKER = 0, /**< for `docker load` and `msb load` */
    MSB_IMAGE_FORMAT_OCI = 1     /**< OCI image layout */
};

typedef struct msb_image_save_opts {
    size_t struct_size;
    uint32_t format; /**< MSB_IMAGE_FORMAT_… */
    int32_t fd;      /**< Written when the path is NULL: a pipe or file; 0 stands for standard output. Not closed. */
} msb_image_save_opts;
#define MSB_IMAGE_SAVE_OPTS_INIT { sizeof(msb_image_save_opts), MSB_IMAGE_FORMAT_DOCKER, 0 }

/**
 * Writes images as one tar archive, the same bytes each time. Layers whose recipe was kept come out with their original
 * diff IDs under their original config; with the blobs kept, the manifest is the original one too. A file appears under
 * its name only when it is whole. A symbolic link stays, and its target is replaced; what is no regular file (a FIFO, a
 * device, /dev/stdout) is written as it is.
 *
 * @param client      The client.
 * @param references  Images to save; each must be in the cache.
 * @param count       Their number, at least 1.
 * @param out_path    File to write, replaced if there; NULL to write `opts->fd`.
 * @param opts        Format; NULL for defaults.
 * @param call        Call control; progress by layer.
 * @param err         The failure.
 * @retval MSB_ERR_INVALID_ARGUMENT  no reference, or a malformed one
 * @retval MSB_ERR_IMAGE_NOT_FOUND   one is not in the cache
 * @retval MSB_ERR_IMAGE_INVALID     a cached layer is damaged
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_BUSY, MSB_ERR_IO  no file was left
 * @since 0.1
 */
MSB_API msb_status msb_image_save(msb_client *client, const char *const *references, size_t count,
                                  const char *out_path, const msb_image_save_opts *opts, const msb_call *call,
                                  msb_error **err);

/**
 * Looks an image up: by the text as it was stored, else by the full form of the reference.
 *
 * @param client     The client.
 * @param reference  `python:3.12`, `docker.io/library/python:3.12`, `…@sha256:…`
 * @param call       Call control; NULL for none.
 * @param out        The image.
 * @param err        The failure.
 * @retval MSB_ERR_INVALID_ARGUMENT  it is no reference
 * @retval MSB_ERR_IMAGE_NOT_FOUND   not in the cache
 * @since 0.1
 */
MSB_API msb_status msb_image_get(msb_client *client, const char *reference, const msb_call *call, msb_image **out,
                                 msb_error **err);

/**
 * Lists the cache, newest first.
 *
 * @param client  The client.
 * @param call    Call control; NULL for none.
 * @param out     The images, one for each reference.
 * @param err     The failure.
 * @retval MSB_ERR_DATABASE, MSB_ERR_BUSY, MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED  no list
 * @since 0.1
 */
MSB_API msb_status msb_image_index_list(msb_client *client, const msb_call *call, msb_image_list **out,
                                        msb_error **err);

/**
 * Looks an image up like msb_image_get(), with its config and layers.
 *
 * @param client     The client.
 * @param reference  As for msb_image_get().
 * @param call       Call control; NULL for none.
 * @param out        The image, its config and its layers.
 * @param err        The failure.
 * @retval MSB_ERR_INVALID_ARGUMENT  it is no reference
 * @retval MSB_ERR_IMAGE_NOT_FOUND   not in the cache
 * @since 0.1
 */
MSB_API msb_status msb_image_inspect(msb_client *client, const char *reference, const msb_call *call,
                                     msb_image_detail **out, msb_error **err);

/**
 * Takes a reference away. Other references of the same image stay. Files go with the last reference, except for what a
 * sandbox or a snapshot still needs: that is kept until the last of them is gone, and then swept by
 * msb_image_prune() or msb_image_gc().
 *
 * @param client     The client.
 * @param reference  As for msb_image_get(). Only the row that is found goes, not other spellings.
 * @param force      Take the reference away although sandboxes use the image.
 * @param call       Call control; NULL for none.
 * @param err        The failure.
 * @retval MSB_ERR_INVALID_ARGUMENT  it is no reference
 * @retval MSB_ERR_IMAGE_NOT_FOUND   not in the cache
 * @retval MSB_ERR_IMAGE_IN_USE      a sandbox uses it, no other reference keeps it, and `force` is false
 * @retval MSB_ERR_UNSUPPORTED       the client is read-only
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_BUSY, MSB_ERR_IO, MSB_ERR_DATABASE  see msb_client_recover()
 * @since 0.1
 */
MSB_API msb_status msb_image_remove(msb_client *client, const char *reference, bool force, const msb_call *call,
                                    msb_error **err);

typedef struct msb_image_prune_opts {
    size_t struct_size;
    const char *const *keep;      /**< References to spare, in any spelling. */
    size_t keep_count;
    uint64_t unused_for_ns;       /**< Only images whose last use is at least this long ago; 0 for any. */
    const msb_kv *labels;         /**< Only images whose config has all these labels; a NULL value matches any. */
    size_t label_count;
    const char *reference_filter; /**< Only references that match: `*`, `?` and `[…]` as in fnmatch(3); NULL for all. */
    uint64_t max_bytes;           /**< Stop once the cache allocates no more than this, least recently used first; 0: no bound. */
} msb_image_prune_opts;
#define MSB_IMAGE_PRUNE_OPTS_INIT { sizeof(msb_image_prune_opts), NULL, 0, 0, NULL, 0, NULL, 0 }

typedef struct msb_image_prune_report {
    size_t struct_size;
    uint32_t image_refs_removed;
    uint32_t manifests_removed;
    uint32_t layers_removed;
    uint32_t fsmeta_removed;
    uint32_t vmdk_removed;
    bool has_bytes_reclaimed;  /**< false when nothing was removed */
    uint64_t bytes_reclaimed;  /**< allocated bytes given back */
} msb_image_prune_report;

/**
 * Removes images that no sandbox and no snapshot uses, and files that nothing refers to. What is younger than an hour
 * and belongs to nobody is left for whoever may be at work.
 *
 * @param client  The client.
 * @param opts    What to spare; NULL for nothing.
 * @param call    Call control; NULL for none. A prune that is stopped has removed whole images only.
 * @param report  Receives what was done; may be NULL. Set its struct_size first.
 * @param err     The failure.
 * @retval MSB_ERR_INVALID_ARGUMENT  malformed options
 * @retval MSB_ERR_UNSUPPORTED       the client is read-only
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_BUSY, MSB_ERR_IO, MSB_ERR_DATABASE  part may be done
 * @since 0.1
 */
MSB_API msb_status msb_image_prune(msb_client *client, const msb_image_prune_opts *opts, const msb_call *call,
                                   msb_image_prune_report *report, msb_error **err);

typedef struct msb_prune_item {
    size_t struct_size;
    uint32_t kind;      /**< MSB_ITEM_… */
    bool remove;        /**< whether the plan removes it */
    const char *name;   /**< reference, digest or file name */
    uint64_t bytes;     /**< allocated bytes it gives back, 0 for rows */
    const char *reason; /**< why it goes or stays: `unused`, `used by sandbox web`, `younger than an hour`, … */
} msb_prune_item;

/**
 * Tells what msb_image_prune() with these options would do, and changes nothing.
 *
 * @param client  The client.
 * @param opts    As for msb_image_prune().
 * @param call    Call control; NULL for none.
 * @param out     The plan: everything in the cache, with what happens to it and why.
 * @param err     The failure.
 * @retval MSB_ERR_INVALID_ARGUMENT  malformed options
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_BUSY, MSB_ERR_IO, MSB_ERR_DATABASE  no plan
 * @since 0.1
 */
MSB_API msb_status msb_image_prune_plan(msb_client *client, const msb_image_prune_opts *opts, const msb_call *call,
                                        msb_prune_plan **out, msb_error **err);

/**
 * @param plan  May be NULL.
 * @return      Number of items; 0 for NULL.
 * @since 0.1
 */
MSB_API size_t msb_prune_plan_count(const msb_prune_plan *plan);

/**
 * @param plan   The plan.
 * @param index  Which item.
 * @param out    Receives it; strings are borrowed from the plan.
 * @return       False past the end.
 * @since 0.1
 */
MSB_API bool msb_prune_plan_at(const msb_prune_plan *plan, size_t index, msb_prune_item *out);

/**
 * Carries a plan out. Removes nothing but what the plan says, and of that nothing that has come into use since.
 *
 * @param client  The client the plan was made with, or another one of the same home.
 * @param plan    The plan.
 * @param call    Call control; NULL for none.
 * @param report  Receives what was done; may be NULL. Set its struct_size first.
 * @param err     The failure.
 * @retval MSB_ERR_INVALID_ARGUMENT  the plan is of another home
 * @retval MSB_ERR_UNSUPPORTED       the client is read-only
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_BUSY, MSB_ERR_IO, MSB_ERR_DATABASE  part may be done
 * @since 0.1
 */
MSB_API msb_status msb_image_prune_apply(msb_client *client, const msb_prune_plan *plan, const msb_call *call,
                                         msb_image_prune_report *report, msb_error **err);

/**
 * Collects layers that no image refers to. References and images stay.
 *
 * @param client   The client.
 * @param call     Call control; NULL for none.
 * @param removed  Receives the number of layers; may be NULL.
 * @param err      The failure.
 * @retval MSB_ERR_UNSUPPORTED  the client is read-only
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_BUSY, MSB_ERR_IO, MSB_ERR_DATABASE  part may be done
 * @since 0.1
 */
MSB_API msb_status msb_image_gc_layers(msb_client *client, const msb_call *call, uint32_t *removed, msb_error **err);

/**
 * Collects everything that no reference, sandbox or snapshot needs: manifests without a reference, layers, fsmeta, VMDK,
 * metadata, kept blobs and temporary files. References stay.
 *
 * @param client   The client.
 * @param call     Call control; NULL for none.
 * @param removed  Receives the number of things removed; may be NULL.
 * @param err      The failure.
 * @retval MSB_ERR_UNSUPPORTED  the client is read-only
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_BUSY, MSB_ERR_IO, MSB_ERR_DATABASE  part may be done
 * @since 0.1
 */
MSB_API msb_status msb_image_gc(msb_client *client, const msb_call *call, uint32_t *removed, msb_error **err);

typedef struct msb_image_info {
    size_t struct_size;
    const char *reference;       /**< as stored */
    const char *manifest_digest; /**< of the platform's manifest; NULL when unknown */
    const char *architecture;    /**< NULL when unknown, like the next three */
    const char *os;
    const char *variant;
    const char *media_type;      /**< of the manifest */
    uint32_t layer_count;
    bool has_size_bytes;
    uint64_t size_bytes;         /**< sum of the layers as they are distributed, compressed */
    int64_t created_at_ns;       /**< first loaded or pulled */
    int64_t last_used_at_ns;
} msb_image_info;

/**
 * @param image  The image.
 * @param out    Receives what is known of it; strings are borrowed from the image.
 * @return       False for NULL.
 * @since 0.1
 */
MSB_API bool msb_image_read(const msb_image *image, msb_image_info *out);

/**
 * @param list  May be NULL.
 * @return      Number of images; 0 for NULL.
 * @since 0.1
 */
MSB_API size_t msb_image_list_count(const msb_image_list *list);

/**
 * @param list   The list.
 * @param index  Which image.
 * @return       It, borrowed; NULL past the end.
 * @since 0.1
 */
MSB_API const msb_image *msb_image_list_at(const msb_image_list *list, size_t index);

/** Runtime defaults of an image. A list that is NULL is absent; one of count 0 that is not NULL is explicitly empty. */
typedef struct msb_image_config {
    size_t struct_size;
    const char *digest;
    const char *const *env; /**< `KEY=VALUE` */
    size_t env_count;
    const char *const *cmd;
    size_t cmd_count;
    const char *const *entrypoint;
    size_t entrypoint_count;
    const char *working_dir; /**< NULL when absent, like the next two */
    const char *user;
    const char *stop_signal;
    const msb_kv *labels; /**< sorted by key bytes */
    size_t label_count;
} msb_image_config;

typedef struct msb_image_layer {
    size_t struct_size;
    const char *diff_id;     /**< digest of the uncompressed tar; names the layer in the cache */
    const char *blob_digest; /**< of the layer as distributed */
    const char *media_type;  /**< NULL when unknown */
    bool has_compressed_size_bytes;
    bool has_erofs_size_bytes;
    int32_t position;        /**< 0 is the bottom */
    uint64_t compressed_size_bytes;
    uint64_t erofs_size_bytes; /**< of the file in the cache */
} msb_image_layer;

/**
 * @param detail  The detail.
 * @return        Its image, borrowed; NULL for NULL.
 * @since 0.1
 */
MSB_API const msb_image *msb_image_detail_image(const msb_image_detail *detail);

/**
 * @param detail  The detail.
 * @param out     Receives the config; strings are borrowed from the detail.
 * @return        False for NULL, or when no config is recorded.
 * @since 0.1
 */
MSB_API bool msb_image_detail_config(const msb_image_detail *detail, msb_image_config *out);

/**
 * @param detail  May be NULL.
 * @return        Number of layers; 0 for NULL.
 * @since 0.1
 */
MSB_API size_t msb_image_detail_layer_count(const msb_image_detail *detail);

/**
 * @param detail  The detail.
 * @param index   Which layer, bottom first.
 * @param out     Receives it; strings are borrowed from the detail.
 * @return        False past the end.
 * @since 0.1
 */
MSB_API bool msb_image_detail_layer_at(const msb_image_detail *detail, size_t index, msb_image_layer *out);

/* ---- Sandboxes -------------------------------------------------------------------------------------------------- */

/* The registry of sandboxes: who they are, which image and snapshot they came from, and their writable disk. */

enum {
    MSB_SANDBOX_CREATED = 1,
    MSB_SANDBOX_STARTING = 2,
    MSB_SANDBOX_RUNNING = 3,
    MSB_SANDBOX_DRAINING = 4,
    MSB_SANDBOX_PAUSED = 5, /**< for want of space on this host, for its disk: it goes on when there is some */
    MSB_SANDBOX_STOPPED = 6,
    MSB_SANDBOX_CRASHED = 7
};

typedef struct msb_sandbox_create_opts {
    size_t struct_size;
    const char *image;         /**< Reference of a cached image. Exactly one of image and from_snapshot. */
    const char *from_snapshot; /**< Name, path or digest of a snapshot. */
    uint64_t upper_size;       /**< Size of a new disk: a multiple of 4096, 68 MiB or more; 0: 4 GiB. Not with from_snapshot. */
    const msb_kv *labels;
    size_t label_count;
    const char *config_json;   /**< Members to set in the stored configuration (a JSON object); NULL for none. Not `name`,
                                    `image`, `manifest_digest` or `labels`; `env` is merged with the image's by name. With
                                    labels it may take 1 MiB. */
    bool replace;              /**< Remove a stopped or crashed sandbox of that name first. */
} msb_sandbox_create_opts;
#define MSB_SANDBOX_CREATE_OPTS_INIT { sizeof(msb_sandbox_create_opts), NULL, NULL, 0, NULL, 0, NULL, false }

/**
 * Registers a stopped sandbox and makes its writable disk: an empty ext4 file system, or a private copy of a snapshot's
 * disk (sharing blocks where the file system can). The image is pinned with the same transaction. `msb start` can boot it.
 *
 * @param client  The client.
 * @param name    See msb_name_check().
 * @param opts    Where it comes from.
 * @param call    Call control; progress counts bytes copied.
 * @param out     The sandbox; may be NULL.
 * @param err     The failure.
 * @retval MSB_ERR_INVALID_ARGUMENT         both or neither of image and from_snapshot, bad size or label
 * @retval MSB_ERR_INVALID_CONFIG           malformed name or config_json
 * @retval MSB_ERR_SANDBOX_ALREADY_EXISTS   and `replace` is false
 * @retval MSB_ERR_SANDBOX_STILL_RUNNING    the one to replace runs
 * @retval MSB_ERR_IMAGE_NOT_FOUND          the image is not in the cache
 * @retval MSB_ERR_SNAPSHOT_NOT_FOUND       no such snapshot
 * @retval MSB_ERR_SNAPSHOT_IMAGE_MISSING   the image that the snapshot pins is not cached; fact `reference` says what to load
 * @retval MSB_ERR_SNAPSHOT_INTEGRITY       the snapshot is damaged
 * @retval MSB_ERR_UNSUPPORTED              the client is read-only, or the snapshot needs what this library lacks
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_BUSY, MSB_ERR_IO, MSB_ERR_DATABASE  nothing is left behind
 * @since 0.1
 */
MSB_API msb_status msb_sandbox_create(msb_client *client, const char *name, const msb_sandbox_create_opts *opts,
                                      const msb_call *call, msb_sandbox **out, msb_error **err);

/**
 * @param client  The client.
 * @param name    Its name.
 * @param call    Call control; NULL for none.
 * @param out     The sandbox as it is now; one that is recorded as running but whose process is gone is crashed.
 * @param err     The failure.
 * @retval MSB_ERR_SANDBOX_NOT_FOUND  no sandbox of that name
 * @since 0.1
 */
MSB_API msb_status msb_sandbox_get(msb_client *client, const char *name, const msb_call *call, msb_sandbox **out,
                                   msb_error **err);

/**
 * Lists sandboxes, newest first.
 *
 * @param client       The client.
 * @param labels       Only those that have all these labels; a NULL value matches any.
 * @param label_count  Their number; 0 for no filter.
 * @param call         Call control; NULL for none.
 * @param out          The sandboxes.
 * @param err          The failure.
 * @retval MSB_ERR_DATABASE, MSB_ERR_BUSY, MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED  no list
 * @since 0.1
 */
MSB_API msb_status msb_sandbox_index_list(msb_client *client, const msb_kv *labels, size_t label_count,
                                          const msb_call *call, msb_sandbox_list **out, msb_error **err);

/**
 * Removes a sandbox: its record, its disk and its logs. Snapshots of it stay.
 *
 * @param client  The client.
 * @param name    Its name.
 * @param call    Call control; NULL for none.
 * @param err     The failure.
 * @retval MSB_ERR_SANDBOX_NOT_FOUND      no sandbox of that name
 * @retval MSB_ERR_SANDBOX_STILL_RUNNING  stop it first
 * @retval MSB_ERR_UNSUPPORTED            the client is read-only
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_BUSY, MSB_ERR_IO, MSB_ERR_DATABASE  see msb_client_recover()
 * @since 0.1
 */
MSB_API msb_status msb_sandbox_remove(msb_client *client, const char *name, const msb_call *call, msb_error **err);

/**
 * Records a status, for whoever supervises the machine of a sandbox.
 *
 * @param client  The client.
 * @param name    Its name.
 * @param status  MSB_SANDBOX_…
 * @param pid     Process that runs it, for starting, running, draining and paused; 0 otherwise.
 * @param call    Call control; NULL for none.
 * @param err     The failure.
 * @retval MSB_ERR_INVALID_ARGUMENT   unknown status, or one that cannot follow the present one
 * @retval MSB_ERR_SANDBOX_NOT_FOUND  no sandbox of that name
 * @retval MSB_ERR_BUSY               it is being captured or removed, and cannot be started meanwhile
 * @retval MSB_ERR_UNSUPPORTED        the client is read-only
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_IO, MSB_ERR_DATABASE  nothing was recorded
 * @since 0.1
 */
MSB_API msb_status msb_sandbox_set_status(msb_client *client, const char *name, uint32_t status, int64_t pid,
                                          const msb_call *call, msb_error **err);

typedef struct msb_sandbox_info {
    size_t struct_size;
    const char *name;
    uint32_t status;             /**< MSB_SANDBOX_… */
    size_t label_count;
    const msb_kv *labels;        /**< sorted by key bytes */
    const char *config_json;     /**< stored configuration */
    const char *image_ref;       /**< NULL when it is not made from an OCI image, like the next */
    const char *image_digest;    /**< pinned manifest */
    const char *source_snapshot; /**< digest of the snapshot it was made from; NULL for none */
    const char *upper_path;      /**< writable disk; NULL when there is none */
    uint64_t upper_size;         /**< its apparent size */
    uint64_t upper_allocated;    /**< what it takes on disk */
    int64_t created_at_ns;
    int64_t updated_at_ns;
} msb_sandbox_info;

/**
 * @param sandbox  The sandbox.
 * @param out      Receives what is known of it; strings are borrowed from the sandbox.
 * @return         False for NULL.
 * @since 0.1
 */
MSB_API bool msb_sandbox_read(const msb_sandbox *sandbox, msb_sandbox_info *out);

/**
 * @param list  May be NULL.
 * @return      Number of sandboxes; 0 for NULL.
 * @since 0.1
 */
MSB_API size_t msb_sandbox_list_count(const msb_sandbox_list *list);

/**
 * @param list   The list.
 * @param index  Which sandbox.
 * @return       It, borrowed; NULL past the end.
 * @since 0.1
 */
MSB_API const msb_sandbox *msb_sandbox_list_at(const msb_sandbox_list *list, size_t index);

/**
 * @param status  MSB_SANDBOX_…
 * @return        Name in lower case, `stopped`; `unknown` for other values. Static.
 * @since 0.1
 */
MSB_API const char *msb_sandbox_status_name(uint32_t status);

/* ---- Machines --------------------------------------------------------------------------------------------------- */

/* A sandbox runs in a virtual machine: QEMU with a kernel of this host, the image as read-only disks, and the sandbox's
 * writable disk. A process of its own looks after each machine, which outlives the caller; when that process dies, the
 * machine dies with it and the sandbox has crashed. Needs the packages qemu-system-x86 and linux-image-amd64, or
 * linux-image-cloud-amd64. */

/** What makes the processor of a machine. */
enum {
    MSB_ACCELERATOR_AUTO = 0, /**< KVM where it runs a guest within 5 s, which is remembered until the host boots; else TCG */
    MSB_ACCELERATOR_KVM = 1,
    MSB_ACCELERATOR_TCG = 2   /**< emulation: works everywhere, several times slower */
};

/** Who has written something. */
enum {
    MSB_OUTPUT_STDOUT = 1,
    MSB_OUTPUT_STDERR = 2,
    MSB_OUTPUT_CONSOLE = 3, /**< the guest's kernel; at most 1 MiB is kept */
    MSB_OUTPUT_MACHINE = 4  /**< QEMU, and remarks of the guest's first process */
};

/** Receives output, on the thread that made the call, as it comes. The bytes live for the call. */
typedef void (*msb_output_fn)(uint32_t source, const void *bytes, size_t length, void *user);

typedef struct msb_sandbox_start_opts {
    size_t struct_size;
    const char *const *command; /**< Program and arguments, in place of the image's entrypoint and command. */
    size_t command_count;       /**< 0: what the image names. */
    bool idle;                  /**< Run nothing: the machine stays until it is stopped. */
    const msb_kv *env;          /**< Added to the sandbox's environment. */
    size_t env_count;
    const char *working_dir;    /**< NULL: the image's. */
    const char *user;           /**< `NAME`, `UID`, `NAME:GROUP`, `UID:GID`; NULL: the image's. */
    const char *hostname;       /**< NULL: the sandbox's name. */
    uint32_t memory_mib;        /**< 0: as configured, else 512. */
    uint32_t cpus;              /**< 0: as configured, else 1. */
    const char *kernel;         /**< Its image (bzImage); NULL: the newest in /boot that has modules. */
    uint32_t accelerator;       /**< MSB_ACCELERATOR_… */
    uint32_t ready_timeout_ms;  /**< Longest time from the start to the command; 0 for 60 s. */
    bool network;               /**< Outgoing IPv4. The guest then reaches what listens on this host's loopback, as 10.0.2.2. */
    bool console;               /**< Let the kernel say everything on the console. */
    uint64_t output_limit;      /**< Bytes kept of each output of the command; 0 for 8 MiB. The rest is counted. */
    msb_output_fn on_output;    /**< msb_sandbox_run(): receives the output; NULL: it is in the result. */
    void *user_data;            /**< Passed to on_output. */
    uint32_t stop_limit_ms;     /**< Time for a clean end, as in msb_sandbox_stop(), when msb_sandbox_run() is given up, and
                                     when whom the machine is attached to has gone. */
    bool attached;              /**< msb_sandbox_start(): end the machine when the client is closed or freed, and when this
                                     process ends, however it does; see msb_sandbox_detach(). */
} msb_sandbox_start_opts;
#define MSB_SANDBOX_START_OPTS_INIT \
    { sizeof(msb_sandbox_start_opts), NULL, 0, false, NULL, 0, NULL, NULL, NULL, 0, 0, NULL, MSB_ACCELERATOR_AUTO, 0, \
      false, false, 0, NULL, NULL, 0, false }

/**
 * Boots a sandbox and returns when its command has been started. A caller that gives up meanwhile leaves it stopped. The
 * machine outlives the caller, unless it is attached.
 *
 * @param client  The client.
 * @param name    Its name.
 * @param opts    What to run, and in what; NULL for what the image says.
 * @param call    Call control; NULL for none.
 * @param err     The failure.
 * @retval MSB_ERR_SANDBOX_NOT_FOUND      no sandbox of that name
 * @retval MSB_ERR_SANDBOX_STILL_RUNNING  it runs, is being started, or is being captured
 * @retval MSB_ERR_INVALID_CONFIG         it has no image or no disk of its own
 * @retval MSB_ERR_INVALID_ARGUMENT       memory, processors, accelerator or kernel are none
 * @retval MSB_ERR_NO_DEFAULT_COMMAND     neither options nor image name a command
 * @retval MSB_ERR_IMAGE_NOT_FOUND, MSB_ERR_IMAGE_INVALID  its image is not complete in the cache
 * @retval MSB_ERR_EXEC_FAILED            the guest could not be set up, or it was stopped meanwhile, or the command
 *                                        cannot be run there, fact `exit_code`: `127` when there is no such program,
 *                                        `126` for other reasons
 * @retval MSB_ERR_EXEC_TIMEOUT           the guest was not ready in time
 * @retval MSB_ERR_UNSUPPORTED            no QEMU, kernel or libarchive, fact `package`; no KVM, and it was asked for; or
 *                                        the client is read-only
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_BUSY, MSB_ERR_IO, MSB_ERR_DATABASE  it does not run
 * @since 0.1
 */
MSB_API msb_status msb_sandbox_start(msb_client *client, const char *name, const msb_sandbox_start_opts *opts,
                                     const msb_call *call, msb_error **err);

/**
 * Lets go of a machine that was started `attached`: from now on it runs until its command ends or somebody stops it.
 *
 * @param client  The client that started it.
 * @param name    Its name.
 * @param err     The failure.
 * @retval MSB_ERR_SANDBOX_NOT_RUNNING  no machine of it is attached to this client
 * @retval MSB_ERR_IO                   it could not be told
 * @since 0.1
 */
MSB_API msb_status msb_sandbox_detach(msb_client *client, const char *name, msb_error **err);

/**
 * Stops a sandbox: its command gets the image's stop signal, what else runs is ended, the disk is unmounted. What has
 * not ended within the limit is ended the hard way; the disk then is as after a power failure, which its journal mends.
 * One that is paused goes on for it if there is space by then.
 *
 * @param client    The client.
 * @param name      Its name.
 * @param limit_ms  Time for a clean end; 0 for none.
 * @param call      Call control; NULL for none.
 * @param err       The failure.
 * @retval MSB_ERR_SANDBOX_NOT_FOUND    no sandbox of that name
 * @retval MSB_ERR_SANDBOX_NOT_RUNNING  it does not run
 * @retval MSB_ERR_UNSUPPORTED          the client is read-only
 * @retval MSB_ERR_BUSY                 another program runs it
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_IO, MSB_ERR_DATABASE  it may have been asked already
 * @since 0.1
 */
MSB_API msb_status msb_sandbox_stop(msb_client *client, const char *name, uint32_t limit_ms, const msb_call *call,
                                    msb_error **err);

/**
 * Asks a sandbox to stop, and returns when that was said: msb_sandbox_wait() tells when it has. Gently, it takes the time
 * that its command takes; at once, it is a matter of seconds, and the disk may be as after a power failure.
 *
 * @param client   The client.
 * @param name     Its name.
 * @param at_once  Do not wait for a clean end.
 * @param call     Call control; NULL for none.
 * @param err      The failure.
 * @retval MSB_ERR_SANDBOX_NOT_FOUND    no sandbox of that name
 * @retval MSB_ERR_SANDBOX_NOT_RUNNING  it does not run
 * @retval MSB_ERR_UNSUPPORTED          the client is read-only
 * @retval MSB_ERR_BUSY                 another program runs it
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_IO, MSB_ERR_DATABASE  it was not asked
 * @since 0.1
 */
MSB_API msb_status msb_sandbox_request_stop(msb_client *client, const char *name, bool at_once, const msb_call *call,
                                            msb_error **err);

/**
 * Waits until a sandbox does not run. That one is paused is said in the client's log, target `machine`.
 *
 * @param client  The client.
 * @param name    Its name.
 * @param call    Call control; NULL for none.
 * @param out     How its last machine ended, with what is kept of the output; may be NULL.
 * @param err     The failure.
 * @retval MSB_ERR_SANDBOX_NOT_FOUND    no sandbox of that name
 * @retval MSB_ERR_SANDBOX_NOT_RUNNING  this library has never started it
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_IO, MSB_ERR_DATABASE  it was not waited for
 * @since 0.1
 */
MSB_API msb_status msb_sandbox_wait(msb_client *client, const char *name, const msb_call *call, msb_machine_end **out,
                                    msb_error **err);

/**
 * Boots a sandbox, runs a command in it to its end, and switches it off. Given up, it is stopped: within the limit of
 * the options, which is none unless told; and so it is when the caller dies.
 *
 * @param client  The client.
 * @param name    Its name.
 * @param opts    As for msb_sandbox_start().
 * @param call    Call control; NULL for none.
 * @param out     How it ended: an exit code other than 0 is no failure. May be NULL.
 * @param err     The failure; as for msb_sandbox_start().
 * @since 0.1
 */
MSB_API msb_status msb_sandbox_run(msb_client *client, const char *name, const msb_sandbox_start_opts *opts,
                                   const msb_call *call, msb_machine_end **out, msb_error **err);

/**
 * @param client  The client.
 * @param name    Its name.
 * @param source  MSB_OUTPUT_…
 * @param most    How many bytes of the end; 0 for 1 MiB.
 * @param call    Call control; NULL for none.
 * @param out     What the present or the last machine has written there.
 * @param err     The failure.
 * @retval MSB_ERR_SANDBOX_NOT_FOUND  no sandbox of that name
 * @retval MSB_ERR_IO, MSB_ERR_DATABASE, MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED  nothing was read
 * @since 0.1
 */
MSB_API msb_status msb_sandbox_logs(msb_client *client, const char *name, uint32_t source, uint64_t most,
                                    const msb_call *call, msb_buffer **out, msb_error **err);

/** How a machine has ended. */
enum {
    MSB_END_EXITED = 1,    /**< the command has; see the exit code */
    MSB_END_SIGNALLED = 2, /**< a signal has ended the command */
    MSB_END_FAILED = 3,    /**< the command was never run */
    MSB_END_KILLED = 4,    /**< it was to stop, and was ended the hard way */
    MSB_END_LOST = 5       /**< guest, QEMU or the process that looked after it died; the sandbox has crashed */
};

typedef struct msb_machine_end_info {
    size_t struct_size;
    uint32_t end;             /**< MSB_END_… */
    int32_t exit_code;        /**< of the command; 128 and its number for a signal; of a command that could not be run
                                   127 or 126; -1 for none */
    bool clean;               /**< the writable disk was unmounted, or never mounted */
    const char *message;      /**< what went wrong; NULL for nothing */
    const void *stdout_bytes; /**< what was kept of the output; NULL when it was passed to on_output */
    size_t stdout_length;
    uint64_t stdout_total;    /**< bytes that the command wrote */
    const void *stderr_bytes;
    size_t stderr_length;
    uint64_t stderr_total;
    uint32_t accelerator;     /**< that the machine ran with */
    uint64_t ready_ms;        /**< from the start of QEMU to the command; 0 when it was never run */
    uint64_t total_ms;        /**< to the end of QEMU */
} msb_machine_end_info;

/**
 * @param end  How a machine ended.
 * @param out  Receives it; what it points to is borrowed from `end`.
 * @return     False for NULL.
 * @since 0.1
 */
MSB_API bool msb_machine_end_read(const msb_machine_end *end, msb_machine_end_info *out);

/* ---- Snapshots -------------------------------------------------------------------------------------------------- */

/* A snapshot is a directory: a descriptor and the writable disk of a stopped sandbox. The directory is the truth, the
 * index a cache of it. `ref` is a name under the snapshots directory, a path, or a digest; see msb_snapshot_ref_kind(). The
 * names of snapshots of microsandbox 0.7 are `GROUP:NAME`, an id `snap_…`, or `GROUP` for its head. */

typedef struct msb_snapshot_create_opts {
    size_t struct_size;
    const char *name;             /**< Bare name under the snapshots directory. Exactly one of name and path. */
    const char *path;             /**< Or the directory to create; `~` is expanded. */
    const char *dest_dir;         /**< With name: put it there instead of the snapshots directory. */
    const msb_kv *labels;         /**< The last value of a key counts. */
    size_t label_count;
    bool force;                   /**< Replace the snapshot that is there, in one step. */
    bool record_integrity;        /**< Hash the disk and record the digest; homes of 0.6.7 and 0.6.8 always have one. */
    uint32_t integrity_algorithm; /**< MSB_INTEGRITY_…; with record_integrity. */
    const char *parent;           /**< Digest to record as parent; NULL: the snapshot the sandbox was made from, if any. */
} msb_snapshot_create_opts;
#define MSB_SNAPSHOT_CREATE_OPTS_INIT { sizeof(msb_snapshot_create_opts), NULL, NULL, NULL, NULL, 0, false, false, 0, NULL }

/**
 * Captures the writable disk of a stopped or crashed sandbox as a snapshot, and indexes it. The snapshot appears whole or
 * not at all: it is staged beside its destination and published by one rename. Holes stay holes; where the file system can,
 * blocks are shared and it takes no time.
 *
 * @param client          The client.
 * @param source_sandbox  Name of the sandbox.
 * @param opts            Name and labels.
 * @param call            Call control; progress counts bytes copied, then hashed.
 * @param out             The new snapshot; may be NULL.
 * @param err             The failure.
 * @retval MSB_ERR_INVALID_ARGUMENT          not exactly one of name and path, or a malformed label, parent or algorithm
 * @retval MSB_ERR_INVALID_CONFIG            malformed name, or the sandbox has no image or no disk of its own
 * @retval MSB_ERR_SANDBOX_NOT_FOUND         no sandbox of that name
 * @retval MSB_ERR_SNAPSHOT_SANDBOX_RUNNING  it is neither stopped nor crashed
 * @retval MSB_ERR_SNAPSHOT_ALREADY_EXISTS   the destination exists and `force` is false, or it is no snapshot
 * @retval MSB_ERR_UNSUPPORTED               the client is read-only
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_BUSY, MSB_ERR_IO, MSB_ERR_DATABASE  nothing is left behind
 * @since 0.1
 */
MSB_API msb_status msb_snapshot_create(msb_client *client, const char *source_sandbox,
                                       const msb_snapshot_create_opts *opts, const msb_call *call, msb_snapshot **out,
                                       msb_error **err);

typedef struct msb_snapshot_convert_opts {
    size_t struct_size;
    uint32_t form;                /**< MSB_GENERATION_MANIFEST or _DESCRIPTOR; MSB_GENERATION_NONE: that of the home's owner. */
    const char *name;             /**< Bare name under the snapshots directory. Exactly one of name and path. */
    const char *path;             /**< Or the directory to create; `~` is expanded. */
    const char *dest_dir;         /**< With name: put it there instead of the snapshots directory. */
    bool force;                   /**< Replace the snapshot that is there, in one step. */
    bool record_integrity;        /**< Hash the disk anew, after holding it against what is recorded. */
    uint32_t integrity_algorithm; /**< MSB_INTEGRITY_…; with record_integrity. */
    bool drop_parent;             /**< Record no parent, where it cannot be found for instance. */
} msb_snapshot_convert_opts;
#define MSB_SNAPSHOT_CONVERT_OPTS_INIT { sizeof(msb_snapshot_convert_opts), 0, NULL, NULL, NULL, false, false, 0, false }

/**
 * Makes a snapshot out of another one, with a descriptor in the other form: `manifest.json`, as microsandbox up to 0.6.6
 * reads, or `snapshot.json`, as 0.6.7 and later do. It has a digest of its own; what was there stays as it is.
 *
 * The parent becomes what its own conversion is called, made or not: a family can be converted in any order. The digest of
 * the disk stays as recorded, but a Merkle root becomes `msb-sparse-sha256-v1` in a `manifest.json`, whose readers know no
 * other; then the disk is held against the root first. A snapshot that microsandbox once translated from a `manifest.json`
 * becomes that one again, with the digest that it had.
 *
 * A snapshot of microsandbox 0.7 becomes either form, so that it can be used in homes of earlier releases.
 *
 * @param client  The client.
 * @param ref     Name, path or digest of the snapshot to convert.
 * @param opts    What to make, and where.
 * @param call    Call control; progress counts bytes hashed and copied.
 * @param out     The new snapshot; may be NULL.
 * @param err     The failure.
 * @retval MSB_ERR_INVALID_ARGUMENT         not exactly one of name and path, an unknown form, or one that it has already
 * @retval MSB_ERR_INVALID_CONFIG           malformed name, or `ref` is empty
 * @retval MSB_ERR_SNAPSHOT_NOT_FOUND       nothing there, or its parent is not found
 * @retval MSB_ERR_SNAPSHOT_ALREADY_EXISTS  the destination exists and `force` is false, or it is no snapshot
 * @retval MSB_ERR_SNAPSHOT_MIGRATION       the other form has no place for what it says
 * @retval MSB_ERR_SNAPSHOT_INTEGRITY       the disk is not what was recorded
 * @retval MSB_ERR_UNSUPPORTED              the client is read-only, or the snapshot is a checkpoint
 * @retval MSB_ERR_DATABASE                 the index may not be written, and the destination is in the snapshots directory
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_BUSY, MSB_ERR_IO  nothing is left behind
 * @since 0.1
 */
MSB_API msb_status msb_snapshot_convert(msb_client *client, const char *ref, const msb_snapshot_convert_opts *opts,
                                        const msb_call *call, msb_snapshot **out, msb_error **err);

/**
 * Opens a snapshot and checks its descriptor, and that its disk is there and of the recorded size. The content of the disk
 * is not read: that is msb_snapshot_verify().
 *
 * @param client  The client.
 * @param ref     Name, path or digest.
 * @param call    Call control; NULL for none.
 * @param out     The snapshot.
 * @param err     The failure.
 * @retval MSB_ERR_INVALID_CONFIG      `ref` is empty
 * @retval MSB_ERR_SNAPSHOT_NOT_FOUND  nothing there
 * @retval MSB_ERR_SNAPSHOT_INTEGRITY  descriptor malformed, or the disk missing, odd or of another size
 * @since 0.1
 */
MSB_API msb_status msb_snapshot_open(msb_client *client, const char *ref, const msb_call *call, msb_snapshot **out,
                                     msb_error **err);

/**
 * Looks a snapshot up in the index.
 *
 * @param client  The client.
 * @param ref     Name, path or digest.
 * @param call    Call control; NULL for none.
 * @param out     What the index knows of it.
 * @param err     The failure.
 * @retval MSB_ERR_SNAPSHOT_NOT_FOUND  not in the index
 * @since 0.1
 */
MSB_API msb_status msb_snapshot_get(msb_client *client, const char *ref, const msb_call *call,
                                    msb_snapshot_handle **out, msb_error **err);

/**
 * Opens the snapshot that a handle stands for, by its path.
 *
 * @param client  The client.
 * @param handle  The handle.
 * @param call    Call control; NULL for none.
 * @param out     The snapshot.
 * @param err     The failure; as for msb_snapshot_open().
 * @since 0.1
 */
MSB_API msb_status msb_snapshot_handle_open(msb_client *client, const msb_snapshot_handle *handle,
                                            const msb_call *call, msb_snapshot **out, msb_error **err);

enum {
    MSB_SNAPSHOT_SORT_CREATED = 0, /**< newest first, ties by digest */
    MSB_SNAPSHOT_SORT_NAME = 1,    /**< by the bytes of the name, those without one last */
    MSB_SNAPSHOT_SORT_SIZE = 2     /**< largest first */
};

typedef struct msb_snapshot_list_opts {
    size_t struct_size;
    const msb_kv *labels; /**< Only those that have all these labels; a NULL value matches any. Opens descriptors. */
    size_t label_count;
    uint32_t sort;        /**< MSB_SNAPSHOT_SORT_… */
    bool reverse;
    size_t offset;        /**< Leave out so many at the front. */
    size_t limit;         /**< At most so many; 0 for all. */
} msb_snapshot_list_opts;
#define MSB_SNAPSHOT_LIST_OPTS_INIT { sizeof(msb_snapshot_list_opts), NULL, 0, MSB_SNAPSHOT_SORT_CREATED, false, 0, 0 }

/**
 * Lists the index.
 *
 * @param client  The client.
 * @param opts    Filter, order and page; NULL for all, newest first.
 * @param call    Call control; NULL for none.
 * @param out     What the index knows.
 * @param err     The failure.
 * @retval MSB_ERR_DATABASE, MSB_ERR_BUSY, MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED  no list
 * @since 0.1
 */
MSB_API msb_status msb_snapshot_index_list(msb_client *client, const msb_snapshot_list_opts *opts,
                                           const msb_call *call, msb_snapshot_handle_list **out, msb_error **err);

/**
 * Opens the snapshots directly under a directory, sorted by path. The index is neither asked nor changed; what cannot be
 * opened is left out and logged.
 *
 * @param client  The client.
 * @param dir     The directory; NULL for the snapshots directory. One that does not exist is empty.
 * @param call    Call control; NULL for none.
 * @param out     The snapshots.
 * @param err     The failure.
 * @retval MSB_ERR_IO, MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED  no list
 * @since 0.1
 */
MSB_API msb_status msb_snapshot_dir_list(msb_client *client, const char *dir, const msb_call *call,
                                         msb_snapshot_list **out, msb_error **err);

/**
 * Removes a snapshot: artifact first, then its row. A directory that is no longer that snapshot is not touched.
 *
 * @param client  The client.
 * @param ref     Name, path or digest.
 * @param force   Although others name it as their parent.
 * @param call    Call control; NULL for none.
 * @param err     The failure.
 * @retval MSB_ERR_SNAPSHOT_NOT_FOUND     nothing of that name
 * @retval MSB_ERR_SNAPSHOT_HAS_CHILDREN  and `force` is false; fact `children` is their number
 * @retval MSB_ERR_UNSUPPORTED            the client is read-only
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_BUSY, MSB_ERR_IO, MSB_ERR_DATABASE  see msb_client_recover()
 * @since 0.1
 */
MSB_API msb_status msb_snapshot_remove(msb_client *client, const char *ref, bool force, const msb_call *call,
                                       msb_error **err);

/**
 * Removes the snapshot that a handle stands for, by digest and path: a second copy elsewhere survives.
 *
 * @param client  The client.
 * @param handle  The handle.
 * @param force   Although others name it as their parent.
 * @param call    Call control; NULL for none.
 * @param err     The failure; as for msb_snapshot_remove().
 * @since 0.1
 */
MSB_API msb_status msb_snapshot_handle_remove(msb_client *client, const msb_snapshot_handle *handle, bool force,
                                              const msb_call *call, msb_error **err);

/**
 * Brings the index in line with a directory: indexes what is there, drops rows of what is gone, counts children anew.
 *
 * @param client   The client.
 * @param dir      The directory; NULL for the snapshots directory.
 * @param call     Call control; progress counts snapshots.
 * @param indexed  Receives the number of snapshots indexed; may be NULL.
 * @param err      The failure.
 * @retval MSB_ERR_UNSUPPORTED  the client is read-only
 * @retval MSB_ERR_IO, MSB_ERR_DATABASE, MSB_ERR_BUSY, MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED  the index is as before
 * @since 0.1
 */
MSB_API msb_status msb_snapshot_reindex(msb_client *client, const char *dir, const msb_call *call, uint32_t *indexed,
                                        msb_error **err);

enum {
    MSB_UPPER_NOT_RECORDED = 0, /**< there is no digest to hold the disk against */
    MSB_UPPER_VERIFIED = 1
};

/**
 * Reads a snapshot's disk and holds it against the recorded digest. A mismatch is a failure, not a report.
 *
 * @param client    The client.
 * @param snapshot  The snapshot.
 * @param call      Call control; progress counts bytes hashed.
 * @param out       What was verified.
 * @param err       The failure; facts `expected` and `actual`.
 * @retval MSB_ERR_SNAPSHOT_INTEGRITY  descriptor or disk are not what was recorded, or changed while being read
 * @retval MSB_ERR_UNSUPPORTED         recorded with an algorithm that this library does not know
 * @since 0.1
 */
MSB_API msb_status msb_snapshot_verify(msb_client *client, const msb_snapshot *snapshot, const msb_call *call,
                                       msb_verify_report **out, msb_error **err);

typedef struct msb_verify_report_info {
    size_t struct_size;
    const char *digest;          /**< of the descriptor, computed anew */
    const char *path;            /**< directory that was verified */
    uint32_t upper_kind;         /**< MSB_UPPER_… */
    const char *upper_algorithm; /**< NULL when not recorded, like the next */
    const char *upper_digest;
} msb_verify_report_info;

/**
 * @param report  The report.
 * @param out     Receives it; strings are borrowed from the report.
 * @return        False for NULL.
 * @since 0.1
 */
MSB_API bool msb_verify_report_read(const msb_verify_report *report, msb_verify_report_info *out);

enum {
    MSB_ARCHIVE_LAYOUT_HOME = 0,   /**< the one whose descriptors the snapshot has; microsandbox 0.6.7 and later read it */
    MSB_ARCHIVE_LAYOUT_LEGACY = 1, /**< for microsandbox 0.5.8 to 0.6.6, which know no holes: a disk takes its full size */
    MSB_ARCHIVE_LAYOUT_CURRENT = 2 /**< with an inventory; microsandbox 0.6.9 and later */
};

typedef struct msb_snapshot_export_opts {
    size_t struct_size;
    bool with_parents;         /**< The chain of parents too. */
    bool with_image;           /**< The pinned image too, so that the receiver can boot without pulling. */
    bool plain_tar;            /**< No compression. */
    int32_t compression_level; /**< zstd level, 1 to 19; 0 for 3. */
    uint32_t threads;          /**< Compressing threads; 0 for as many as the client may use. */
    uint32_t layout;           /**< MSB_ARCHIVE_LAYOUT_… */
    int32_t fd;                /**< Written when the path is NULL; 0 stands for standard output. Not closed. */
} msb_snapshot_export_opts;
#define MSB_SNAPSHOT_EXPORT_OPTS_INIT { sizeof(msb_snapshot_export_opts), false, false, false, 0, 0, 0, 0 }

/**
 * Writes a snapshot as one archive, `.tar.zst` or plain tar. Holes are not stored, but in the legacy layout. A file
 * appears under its name only when it is whole. A symbolic link stays, and its target is replaced; what is no regular
 * file (a FIFO, a device, /dev/stdout) is written as it is. Descriptors are not changed, but for a `manifest.json` in
 * MSB_ARCHIVE_LAYOUT_CURRENT and for snapshots of microsandbox 0.7, which leave as a `snapshot.json`.
 *
 * @param client    The client.
 * @param ref       Name, path or digest.
 * @param out_path  File to write, replaced if there; missing directories above it are made. NULL to write `opts->fd`.
 * @param opts      What to include; NULL for defaults.
 * @param call      Call control; progress counts bytes.
 * @param err       The failure.
 * @retval MSB_ERR_SNAPSHOT_NOT_FOUND      no such snapshot, or a parent is missing
 * @retval MSB_ERR_SNAPSHOT_INTEGRITY      the snapshot is damaged
 * @retval MSB_ERR_SNAPSHOT_IMAGE_MISSING  with_image, and the pinned image is not cached
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_BUSY, MSB_ERR_IO  no file was left
 * @since 0.1
 */
MSB_API msb_status msb_snapshot_export(msb_client *client, const char *ref, const char *out_path,
                                       const msb_snapshot_export_opts *opts, const msb_call *call, msb_error **err);

typedef struct msb_snapshot_import_opts {
    size_t struct_size;
    const char *dest;            /**< Directory to put snapshots in; NULL for the snapshots directory. */
    const char *name;            /**< Name for the head; NULL: the exporter's if free, else one of its digest. */
    bool skip_verify;            /**< Do not hold disks against their recorded digests. */
    uint64_t max_unpacked_bytes; /**< Most bytes that members may store; 0 for 64 GiB. */
    uint64_t max_entries;        /**< Most members; 0 for 10,000. */
    int32_t fd;                  /**< Read when the path is NULL; 0 is standard input. Not closed. */
} msb_snapshot_import_opts;
#define MSB_SNAPSHOT_IMPORT_OPTS_INIT { sizeof(msb_snapshot_import_opts), NULL, NULL, false, 0, 0, 0 }

/**
 * Takes the snapshots of an archive into a home, and its image into the cache. Everything is staged and checked before
 * anything becomes visible; snapshots that are there already, identical, are taken as imported. Those of an archive of
 * microsandbox 0.7 become snapshots in the form of the home.
 *
 * @param client        The client.
 * @param archive_path  The archive; what it is, its content tells. NULL to read `opts->fd`.
 * @param opts          Where to; NULL for defaults.
 * @param call          Call control; progress counts bytes.
 * @param out           Handle of the head; may be NULL.
 * @param err           The failure; the fact `member` names the member of the archive.
 * @retval MSB_ERR_SNAPSHOT_ARCHIVE         malformed, unsafe, cut short or beyond a limit
 * @retval MSB_ERR_SNAPSHOT_INTEGRITY       a descriptor or disk is not what its digest says
 * @retval MSB_ERR_SNAPSHOT_ALREADY_EXISTS  another snapshot has the name
 * @retval MSB_ERR_IMAGE_INVALID            the image is not what its digests say
 * @retval MSB_ERR_UNSUPPORTED              the client is read-only, or the archive needs what this library lacks
 * @retval MSB_ERR_CANCELLED, MSB_ERR_DEADLINE_EXCEEDED, MSB_ERR_BUSY, MSB_ERR_IO, MSB_ERR_DATABASE  nothing was imported
 * @since 0.1
 */
MSB_API msb_status msb_snapshot_import(msb_client *client, const char *archive_path,
                                       const msb_snapshot_import_opts *opts, const msb_call *call,
                                       msb_snapshot_handle **out, msb_error **err);

/**
 * Lists the members of a snapshot archive after the same structural checks as import; nothing is written.
 *
 * @param client        The client.
 * @param archive_path  The archive.
 * @param call          Call control; NULL for none.
 * @param out           Member names, in the order of the archive.
 * @param err           The failure.
 * @retval MSB_ERR_SNAPSHOT_ARCHIVE  malformed, unsafe, cut short or beyond a limit
 * @since 0.1
 */
MSB_API msb_status msb_snapshot_archive_list(msb_client *client, const char *archive_path, const msb_call *call,
                                             msb_string_list **out, msb_error **err);

typedef struct msb_snapshot_info {
    size_t struct_size;
    const char *path;            /**< absolute directory */
    const char *digest;          /**< `sha256:…` of the canonical descriptor */
    uint64_t size_bytes;         /**< apparent size of the disk */
    const char *image_ref;       /**< pinned reference, as recorded */
    const char *image_digest;    /**< pinned manifest */
    const char *format;          /**< `raw` or `qcow2` */
    const char *fstype;          /**< `ext4` */
    const char *parent;          /**< digest, or `snap_…` in one of 0.7; NULL for a root */
    const char *created_at;      /**< as recorded */
    int64_t created_at_ns;       /**< INT64_MIN when the text is no time */
    const char *source_sandbox;  /**< NULL when not recorded */
    const msb_kv *labels;        /**< sorted by key bytes */
    size_t label_count;
    const char *integrity_algorithm; /**< NULL when not recorded, like the next */
    const char *integrity_digest;
    uint64_t allocated_bytes;    /**< what the disk takes */
} msb_snapshot_info;

/**
 * @param snapshot  The snapshot.
 * @param out       Receives what is known of it; strings are borrowed from the snapshot.
 * @return          False for NULL.
 * @since 0.1
 */
MSB_API bool msb_snapshot_read(const msb_snapshot *snapshot, msb_snapshot_info *out);

/**
 * @param snapshot  The snapshot.
 * @param out       The canonical bytes of its descriptor, which the digest is of.
 * @param err       The failure.
 * @retval MSB_ERR_INVALID_HANDLE  no snapshot
 * @since 0.1
 */
MSB_API msb_status msb_snapshot_descriptor(const msb_snapshot *snapshot, msb_buffer **out, msb_error **err);

/**
 * @param list  May be NULL.
 * @return      Number of snapshots; 0 for NULL.
 * @since 0.1
 */
MSB_API size_t msb_snapshot_list_count(const msb_snapshot_list *list);

/**
 * @param list   The list.
 * @param index  Which snapshot.
 * @return       It, borrowed; NULL past the end.
 * @since 0.1
 */
MSB_API const msb_snapshot *msb_snapshot_list_at(const msb_snapshot_list *list, size_t index);

typedef struct msb_snapshot_handle_info {
    size_t struct_size;
    const char *digest;
    const char *name;            /**< NULL when it has none */
    const char *parent;          /**< NULL for a root */
    const char *image_ref;
    const char *image_digest;
    const char *format;
    const char *path;            /**< absolute directory at the time it was indexed */
    bool has_size_bytes;
    uint64_t size_bytes;
    int64_t created_at_ns;
    uint32_t child_count;        /**< indexed snapshots that name it as parent */
} msb_snapshot_handle_info;

/**
 * @param handle  The handle.
 * @param out     Receives what the index knows; strings are borrowed from the handle.
 * @return        False for NULL.
 * @since 0.1
 */
MSB_API bool msb_snapshot_handle_read(const msb_snapshot_handle *handle, msb_snapshot_handle_info *out);

/**
 * @param list  May be NULL.
 * @return      Number of rows; 0 for NULL.
 * @since 0.1
 */
MSB_API size_t msb_snapshot_handle_list_count(const msb_snapshot_handle_list *list);

/**
 * @param list   The list.
 * @param index  Which row.
 * @return       It, borrowed; NULL past the end.
 * @since 0.1
 */
MSB_API const msb_snapshot_handle *msb_snapshot_handle_list_at(const msb_snapshot_handle_list *list, size_t index);

/**
 * @param list  May be NULL.
 * @return      Number of strings; 0 for NULL.
 * @since 0.1
 */
MSB_API size_t msb_string_list_count(const msb_string_list *list);

/**
 * @param list   The list.
 * @param index  Which string.
 * @return       It, borrowed; NULL past the end.
 * @since 0.1
 */
MSB_API const char *msb_string_list_at(const msb_string_list *list, size_t index);

#ifdef __cplusplus
}
#endif

#endif /* MICROSANDBOX_H */
