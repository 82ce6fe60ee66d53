/* A client on both sides of fork(), as a C program sees it. Usage: fork_test HOME ARCHIVE */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

#include <sys/wait.h>

#include "home.h"

static msb_status make(msb_client *client, const char *name) {
    msb_sandbox_create_opts opts = MSB_SANDBOX_CREATE_OPTS_INIT;
    opts.image = "demo/busybox:1";
    opts.upper_size = (uint64_t)80 << 20;
    msb_error *error = NULL;
    const msb_status status = msb_sandbox_create(client, name, &opts, NULL, NULL, &error);
    if (error) fprintf(stderr, "%s: %s\n", name, msb_error_message(error));
    msb_handle_free(error);
    return status;
}

/* What a process sees that shares nothing with this one: sandboxes that are there. */
static int count_elsewhere(const char *home) {
    char command[4200];
    snprintf(command, sizeof command, "sqlite3 '%s/db/msb.db' 'SELECT count(*) FROM sandbox'", home);
    FILE *pipe = popen(command, "r");
    int count = -1;
    if (pipe == NULL || fscanf(pipe, "%d", &count) != 1) count = -1;
    if (pipe) pclose(pipe);
    return count;
}

static bool ended_well(pid_t child) {
    int status = 0;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void both_go_on(const char *home, const char *archive) {
    msb_client *client = open_home(home, 0);
    msb_error *error = NULL;
    must(msb_image_load(client, archive, NULL, NULL, NULL, &error), error, "load");
    CHECK(make(client, "one") == MSB_OK);
    const pid_t child = fork();
    if (child == 0) {
        alarm(60);
        bool well = make(client, "two") == MSB_OK;
        well = well && msb_client_close(client, NULL) == MSB_OK;
        msb_handle_free(client);
        msb_client *own = open_home(home, 0);
        well = well && make(own, "three") == MSB_OK;
        msb_handle_free(own);
        _exit(well ? 0 : 1);
    }
    CHECK(ended_well(child));
    CHECK(count_elsewhere(home) == 3);
    CHECK(make(client, "four") == MSB_OK);
    CHECK(count_elsewhere(home) == 4);
    msb_handle_free(client);
    CHECK(count_elsewhere(home) == 4);
}

/* The one that has opened the home leaves, and its child goes on, as with a daemon. */
static void child_stays(const char *home) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    const pid_t opener = fork();
    if (opener == 0) {
        alarm(60);
        msb_client *client = open_home(home, 0);
        if (make(client, "five") != MSB_OK) _exit(1);
        if (fork() != 0) {
            msb_handle_free(client);
            _exit(0);
        }
        alarm(60);
        close(ends[0]);
        while (getppid() != 1 && usleep(1000) == 0 && kill(getppid(), 0) == 0 && count_elsewhere(home) < 5) continue;
        const bool well = count_elsewhere(home) == 5 && make(client, "six") == MSB_OK && count_elsewhere(home) == 6 &&
                          make(client, "seven") == MSB_OK;
        msb_handle_free(client);
        CHECK(write(ends[1], well ? "y" : "n", 1) == 1);
        _exit(0);
    }
    CHECK(ended_well(opener));
    close(ends[1]);
    char said = 0;
    CHECK(read(ends[0], &said, 1) == 1 && said == 'y');
    close(ends[0]);
    CHECK(count_elsewhere(home) == 7);
}

static atomic_bool over;

static void *work(void *client) {
    for (int i = 0; !over; ++i) {
        msb_snapshot_create_opts opts = MSB_SNAPSHOT_CREATE_OPTS_INIT;
        opts.name = "again";
        opts.force = true;
        CHECK(msb_snapshot_create(client, "one", &opts, NULL, NULL, NULL) == MSB_OK);
    }
    return NULL;
}

/* Children that are forked beside a call, as by Python's multiprocessing, do not keep its locks. */
static void children_keep_nothing(const char *home) {
    enum { CHILDREN = 30 };
    msb_client *client = open_home(home, 0);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, work, client) == 0);
    pid_t children[CHILDREN];
    for (int i = 0; i < CHILDREN; ++i) {
        usleep(3000);
        children[i] = fork();
        if (children[i] == 0) {
            for (;;) pause();
        }
    }
    over = true;
    pthread_join(thread, NULL);
    msb_error *error = NULL;
    must(msb_sandbox_remove(client, "one", NULL, &error), error, "remove");
    must(msb_snapshot_remove(client, "again", false, NULL, &error), error, "remove");
    uint32_t repaired = 0;
    must(msb_client_recover(client, NULL, &repaired, &error), error, "recover");
    CHECK(repaired == 0);
    for (int i = 0; i < CHILDREN; ++i) {
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
    msb_handle_free(client);
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    both_go_on(argv[1], argv[2]);
    child_stays(argv[1]);
    children_keep_nothing(argv[1]);
    CHECK_END();
}
