#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/syscall.h>

#include "guest.h"

/// Loads what the list names, in its order: each line is a file, and what it needs stands above it. Of what fails here,
/// what was really needed is missed later, and told then.
void load_modules(void) {
  FILE* list = fopen("/modules/list", "re");
  if (list == NULL) return;
  char line[300];
  while (fgets(line, sizeof line, list) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    const int file = open(line, O_RDONLY | O_CLOEXEC);
    if (file < 0 || (syscall(SYS_finit_module, file, "", 0) != 0 && errno != EEXIST)) {
      fprintf(stderr, "msb: %s: %s\n", line, strerror(errno));
    }
    if (file >= 0) close(file);
  }
  fclose(list);
}
