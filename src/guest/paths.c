#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "guest.h"

// Links lead on as they do for a process whose root this is, also where nothing lies at their end yet.

enum { MOST_LINKS = 40 };

/// Where a link that lies at `path` leads. False, with errno, when there is none.
static bool follow(const char* path, char* target) {
  char link[PATH_MAX];
  const ssize_t length = readlink(path, link, sizeof link - 1);
  if (length < 0) return false;
  link[length] = '\0';
  const char* slash = strrchr(path, '/');
  const int parent = link[0] == '/' || slash == NULL ? 0 : (int)(slash - path) + 1;
  if (snprintf(target, PATH_MAX, "%.*s%s", parent, path, link) < PATH_MAX) return true;
  errno = ENAMETOOLONG;
  return false;
}

static bool make_directories(const char* path, int links);

static bool make_one_directory(const char* path, int links) {
  if (mkdir(path, 0755) == 0) return true;
  if (errno != EEXIST) return false;
  struct stat st;
  if (stat(path, &st) == 0) {
    errno = ENOTDIR;
    return S_ISDIR(st.st_mode);
  }
  char target[PATH_MAX];
  if (errno != ENOENT || links == 0) return false;
  return follow(path, target) && make_directories(target, links - 1);
}

static bool make_directories(const char* path, int links) {
  char part[PATH_MAX];
  const size_t length = strlen(path);
  if (length >= sizeof part) {
    errno = ENAMETOOLONG;
    return false;
  }
  for (size_t at = 1; at <= length; ++at) {
    if ((path[at] != '/' && path[at] != '\0') || path[at - 1] == '/') continue;
    memcpy(part, path, at);
    part[at] = '\0';
    if (!make_one_directory(part, links)) return false;
  }
  return true;
}

bool make_directory(const char* path) { return make_directories(path, MOST_LINKS); }

bool make_file(const char* path) {
  char at[PATH_MAX], target[PATH_MAX], folder[PATH_MAX];
  if (snprintf(at, sizeof at, "%s", path) >= (int)sizeof at) {
    errno = ENAMETOOLONG;
    return false;
  }
  for (int links = MOST_LINKS; links > 0; --links) {
    int fd = open(at, O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
    if (fd < 0 && errno == ENOENT) {
      const char* slash = strrchr(at, '/');
      snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 0 : (int)(slash - at), at);
      if (!make_directory(folder)) return false;
      fd = open(at, O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
    }
    if (fd >= 0) {
      struct stat st;
      const bool regular = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
      close(fd);
      errno = EINVAL;
      return regular;
    }
    if (errno != ELOOP || !follow(at, target)) return false;
    memcpy(at, target, sizeof at);
  }
  errno = ELOOP;
  return false;
}
