/* A walk through the library, as a program of yours would use it.
 * Usage: demo HOME ARCHIVE OTHER_HOME WORK SCRIPTS, where ARCHIVE is what `docker save` or an OCI tool writes. */
#define _POSIX_C_SOURCE 200809L
#include "demo.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <sys/wait.h>

void die(const char *what, msb_error *error) {
    fprintf(stderr, "demo: %s: %s\n", what, error ? msb_error_message(error) : "failed");
    msb_handle_free(error);
    exit(1);
}

void step(const char *format, ...) {
    static double began;
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    const double now = (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
    if (began > 0) printf("   (%.1f ms)\n", now - began);
    va_list arguments;
    va_start(arguments, format);
    printf("\n== ");
    vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
    fflush(stdout);
    clock_gettime(CLOCK_MONOTONIC, &time);
    began = (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

void show_progress(const msb_progress *event, void *user) {
    (void)user;
    printf("   %-13s %s", msb_progress_phase_name(event->phase), event->item ? event->item : "");
    if (event->total_known && event->total > 0) printf("  %" PRIu64 " of %" PRIu64 " bytes", event->done, event->total);
    printf("\n");
}

void run(char *const arguments[]) {
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        execvp(arguments[0], arguments);
        _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0) die(arguments[0], NULL);
}

msb_client *open_home(const char *home) {
    msb_error *error = NULL;
    msb_client *client = NULL;
    msb_client_opts opts = MSB_CLIENT_OPTS_INIT;
    opts.home = home;
    if (msb_client_open(&opts, &client, &error) != MSB_OK) die("open", error);
    return client;
}

/* Whether the home has no problem, read to the last byte. */
static bool check(msb_client *client) {
    msb_error *error = NULL;
    msb_check_report *report = NULL;
    msb_client_check_opts thorough = MSB_CLIENT_CHECK_OPTS_INIT;
    thorough.deep = true;
    if (msb_client_check(client, &thorough, NULL, &report, &error) != MSB_OK) die("check", error);
    const size_t count = msb_check_report_count(report);
    printf("   %zu problems\n", count);
    for (size_t i = 0; i < count; ++i) {
        msb_problem problem = {.struct_size = sizeof problem};
        msb_check_report_at(report, i, &problem);
        printf("   %s: %s\n", problem.subject, problem.message);
    }
    msb_handle_free(report);
    return count == 0;
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: demo HOME ARCHIVE OTHER_HOME WORK SCRIPTS\n");
        return 2;
    }
    char saved[4096];
    char exported[4096];
    snprintf(saved, sizeof saved, "%s/saved.tar", argv[4]);
    snprintf(exported, sizeof exported, "%s/baseline.tar.zst", argv[4]);

    step("open the home %s with libmicrosandbox %s", argv[1], msb_version());
    msb_client *client = open_home(argv[1]);
    demo_image(client, argv[2], saved, argv[5]);
    demo_snapshot(client, argv[3], exported);

    step("check the home, reading every byte");
    const bool well = check(client);
    msb_handle_free(client);
    printf("\n%s; %zu objects left\n", well ? "All is well" : "Something is wrong", msb_live_handles());
    return well && msb_live_handles() == 0 ? 0 : 1;
}
