/* What the two parts of the demo share. */
#ifndef DEMO_H
#define DEMO_H

#include "microsandbox.h"

/* Ends the program with what went wrong; frees `error`. */
void die(const char *what, msb_error *error);
/* Heading of a step; each says how long the one before took. */
void step(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* For msb_call.on_progress: one line for each thing that is worked on. */
void show_progress(const msb_progress *event, void *user);
/* Runs a program to its end and dies unless it succeeds. `arguments` ends with NULL and begins with the program. */
void run(char *const arguments[]);
msb_client *open_home(const char *home);

/* An image goes in, is looked at, saved, taken away and loaded again from what was saved. */
void demo_image(msb_client *client, const char *archive, const char *saved, const char *scripts);
/* A sandbox runs and is captured; its disk is moved to another home, and fresh sandboxes boot from it there. */
void demo_snapshot(msb_client *client, const char *other_home, const char *archive);

#endif
