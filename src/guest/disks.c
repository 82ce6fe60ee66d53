#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/blkpg.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

#include "guest.h"

/// The disk that the host has given that serial number: the order in which the kernel finds disks says nothing.
static bool find_disk(const char* serial, char* path, size_t size) {
  DIR* disks = opendir("/sys/block");
  if (disks == NULL) return false;
  bool found = false;
  for (struct dirent* entry; !found && (entry = readdir(disks)) != NULL;) {
    char file[300], text[32] = "";
    snprintf(file, sizeof file, "/sys/block/%s/serial", entry->d_name);
    const int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    const ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got <= 0) continue;
    text[strcspn(text, "\n")] = '\0';
    found = strcmp(text, serial) == 0;
    if (found) snprintf(path, size, "/dev/%.30s", entry->d_name);
  }
  closedir(disks);
  return found;
}

static void await_disk(const char* serial, char* path, size_t size) {
  for (int attempt = 0; attempt < 2000; ++attempt) {
    if (find_disk(serial, path, size)) return;
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
  }
  give_up("the kernel has not found the disk %s", serial);
}

/// A file system that is being described to the kernel. (One page of options, as mount(2) takes it, is soon full.)
static int open_erofs(const char* disk) {
  const int fs = (int)syscall(SYS_fsopen, "erofs", FSOPEN_CLOEXEC);
  if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "source", disk, 0) != 0 ||
      syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) != 0) {
    give_up("cannot mount the image: %s", strerror(errno));
  }
  return fs;
}

static void add_layer(int fs, const char* disk) {
  if (syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "device", disk, 0) == 0) return;
  give_up("cannot add the layer on %s to the image: %s", disk, strerror(errno));
}

static void mount_erofs(int fs, const char* path) {
  int mount = -1;
  if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0) {
    mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
  }
  if (mount < 0 || syscall(SYS_move_mount, mount, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) != 0) {
    give_up("cannot mount the image: %s", strerror(errno));
  }
  close(mount);
  close(fs);
}

static void add_own_disks(int fs, size_t layers) {
  for (size_t i = 0; i < layers; ++i) {
    char serial[24], disk[64];
    snprintf(serial, sizeof serial, "layer%zu", i);
    await_disk(serial, disk, sizeof disk);
    add_layer(fs, disk);
  }
}

/// Layers follow each other on a disk, and become its partitions.
static void add_shared_disks(int fs, char** layers) {
  char serial[24] = "", disk[64] = "", path[80];
  unsigned long long at = 0;
  int number = 0, fd = -1;
  for (; *layers != NULL; ++layers) {
    char on[24];
    unsigned long long sectors;
    if (sscanf(*layers, "%23s %llu", on, &sectors) != 2) give_up("no place of a layer: %s", *layers);
    if (strcmp(on, serial) != 0) {
      if (fd >= 0) close(fd);
      strcpy(serial, on);
      await_disk(serial, disk, sizeof disk);
      fd = open(disk, O_RDONLY | O_CLOEXEC);
      at = 0;
      number = 0;
    }
    struct blkpg_partition part = {.start = (long long)at, .length = (long long)sectors * 512, .pno = ++number};
    struct blkpg_ioctl_arg add = {.op = BLKPG_ADD_PARTITION, .datalen = sizeof part, .data = &part};
    if (fd < 0 || ioctl(fd, BLKPG, &add) != 0) give_up("cannot divide the disk %s: %s", serial, strerror(errno));
    at += sectors * 512;
    snprintf(path, sizeof path, "%s%d", disk, number);
    add_layer(fs, path);
  }
  if (fd >= 0) close(fd);
}

static void mount_image(const struct request* request) {
  char meta[64];
  await_disk("image", meta, sizeof meta);
  const int fs = open_erofs(meta);
  if (request->shared_layers != NULL) {
    add_shared_disks(fs, request->shared_layers);
  } else {
    add_own_disks(fs, request->layers);
  }
  mount_erofs(fs, "/lower");
}

/// The kernel keeps 2 % of a disk for itself. Of the smallest one that is all that the journal leaves.
static void free_reserve(const char* disk) {
  char path[64];
  struct statvfs all;
  const unsigned long long small = 256ULL << 20;
  if (statvfs("/upper", &all) != 0 || (unsigned long long)all.f_blocks * all.f_frsize >= small) return;
  snprintf(path, sizeof path, "/sys/fs/ext4/%.30s/reserved_clusters", disk);
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, "16", 2) != 2) tell("note %s: %s", path, strerror(errno));
  if (fd >= 0) close(fd);
}

static void mount_upper(void) {
  char disk[64];
  await_disk("upper", disk, sizeof disk);
  if (mount(disk, "/upper", "ext4", 0, NULL) != 0) give_up("cannot mount the writable disk: %s", strerror(errno));
  free_reserve(strrchr(disk, '/') + 1);
  mkdir("/upper/upper", 0755);
  mkdir("/upper/work", 0755);
}

static void mount_at(const char* type, const char* path, unsigned long flags, const char* options) {
  mkdir(path, 0755);
  if (mount(type, path, type, flags, options) != 0) give_up("cannot mount %s: %s", path, strerror(errno));
}

void mount_root(const struct request* request) {
  mkdir("/lower", 0755);
  mkdir("/upper", 0755);
  mkdir(ROOT, 0755);
  mount_image(request);
  mount_upper();
  if (mount("overlay", ROOT, "overlay", 0, "lowerdir=/lower,upperdir=/upper/upper,workdir=/upper/work") != 0) {
    give_up("cannot join image and writable disk: %s", strerror(errno));
  }
  mount_at("proc", ROOT "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  mount_at("sysfs", ROOT "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  mount_at("devtmpfs", ROOT "/dev", MS_NOSUID, NULL);
  mount_at("devpts", ROOT "/dev/pts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666");
  mount_at("tmpfs", ROOT "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777");
  static const char* const links[][2] = {{"/proc/self/fd", ROOT "/dev/fd"},
                                         {"/proc/self/fd/0", ROOT "/dev/stdin"},
                                         {"/proc/self/fd/1", ROOT "/dev/stdout"},
                                         {"/proc/self/fd/2", ROOT "/dev/stderr"}};
  for (size_t i = 0; i < sizeof links / sizeof *links; ++i) {
    if (symlink(links[i][0], links[i][1]) != 0 && errno != EEXIST) tell("note %s: %s", links[i][1], strerror(errno));
  }
  if (mkdir(ROOT "/tmp", 01777) == 0) chmod(ROOT "/tmp", 01777);
}

/// Gives the blocks of deleted files back to the host, so that a snapshot does not carry them.
static void trim_upper(void) {
  const int fd = open("/upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  struct fstrim_range all = {.len = UINT64_MAX, .minlen = 65536};
  ioctl(fd, FITRIM, &all);
  close(fd);
}

/// Space, tab, newline and backslash stand as three octal digits in lists of mounts.
static void unescape(char* text) {
  char* to = text;
  for (const char* from = text; *from != '\0'; ++to) {
    if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' && from[2] <= '7' && from[3] >= '0' &&
        from[3] <= '7') {
      *to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
      from += 4;
    } else {
      *to = *from++;
    }
  }
  *to = '\0';
}

/// What is mounted last at `top` or below, to be freed; nothing when there is none. False when that cannot be known.
static bool last_mount(const char* top, char** last) {
  FILE* mounts = fopen("/proc/self/mounts", "re");
  if (mounts == NULL) return false;
  *last = NULL;
  char* line = NULL;
  size_t room = 0;
  bool read = true;
  while (getline(&line, &room, mounts) >= 0) {
    char* rest = line;
    strsep(&rest, " ");
    char* path = strsep(&rest, " ");
    if (path == NULL) continue;
    unescape(path);
    const size_t length = strlen(top);
    if (strncmp(path, top, length) != 0 || (path[length] != '\0' && path[length] != '/')) continue;
    free(*last);
    *last = strdup(path);
    read = *last != NULL;
  }
  free(line);
  fclose(mounts);
  return read;
}

/// Takes away what is mounted at `top` and below, the latest first. True when nothing is left.
static bool unmount_below(const char* top) {
  for (int round = 0; round < 8; ++round) {
    char* last;
    if (!last_mount(top, &last)) return false;
    if (last == NULL) return true;
    const bool gone = umount2(last, 0) == 0;
    free(last);
    if (gone) {
      round = -1;
    } else {
      nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
  }
  return false;
}

bool unmount_root(void) {
  sync();
  const bool root = unmount_below(ROOT);
  if (root) trim_upper();
  const bool upper = root && (umount2("/upper", 0) == 0 || errno == EINVAL);  // it was never mounted
  if (!upper) sync();
  return upper;
}
