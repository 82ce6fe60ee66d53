/* A fingerprint of a directory: whatever is done to anything in it makes another one. */
#ifndef MSB_TESTS_CAPI_TREE_H
#define MSB_TESTS_CAPI_TREE_H

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <sys/stat.h>

static inline void tree_add(uint64_t *hash, const void *bytes, size_t length) {
    for (const unsigned char *at = bytes, *end = at + length; at < end; ++at) {
        *hash = (*hash ^ *at) * UINT64_C(1099511628211);
    }
}

/* Sums up over the entries, as they come in any order. The time of change speaks for the content of large files. That
 * of the inode does not count: root's SQLite gives the files that it opens to their owner. */
static inline uint64_t tree_of(const char *path) {
    struct stat st;
    if (lstat(path, &st) != 0) return 0;
    const int64_t facts[] = {(int64_t)st.st_ino,         (int64_t)st.st_mode,   (int64_t)st.st_nlink,
                             (int64_t)st.st_size,        (int64_t)st.st_blocks, (int64_t)st.st_mtim.tv_sec,
                             (int64_t)st.st_mtim.tv_nsec};
    uint64_t hash = UINT64_C(14695981039346656037);
    tree_add(&hash, path, strlen(path));
    tree_add(&hash, facts, sizeof facts);
    if (S_ISREG(st.st_mode) && st.st_size < 1 << 20) {
        FILE *file = fopen(path, "rb");
        char bytes[4096];
        for (size_t got; file && (got = fread(bytes, 1, sizeof bytes, file)) > 0;) tree_add(&hash, bytes, got);
        if (file) fclose(file);
    }
    DIR *dir = S_ISDIR(st.st_mode) ? opendir(path) : NULL;
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        char below[4096];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (snprintf(below, sizeof below, "%s/%s", path, entry->d_name) < (int)sizeof below) hash += tree_of(below);
    }
    if (dir) closedir(dir);
    return hash;
}

#endif
