#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <net/route.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "guest.h"

// The addresses of QEMU's user-mode network.
#define ADDRESS "10.0.2.15"
#define GATEWAY "10.0.2.2"
#define RESOLVER "10.0.2.3"

static struct sockaddr internet(const char* text) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  inet_pton(AF_INET, text, &address.sin_addr);
  struct sockaddr plain;
  memcpy(&plain, &address, sizeof plain);
  return plain;
}

static bool bring_up(int fd, const char* name, const char* address, const char* mask) {
  struct ifreq request = {0};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  request.ifr_addr = internet(address);
  if (ioctl(fd, SIOCSIFADDR, &request) != 0) return false;
  request.ifr_netmask = internet(mask);
  if (ioctl(fd, SIOCSIFNETMASK, &request) != 0) return false;
  if (ioctl(fd, SIOCGIFFLAGS, &request) != 0) return false;
  request.ifr_flags = (short)(request.ifr_flags | IFF_UP | IFF_RUNNING);
  return ioctl(fd, SIOCSIFFLAGS, &request) == 0;
}

/// A file of this boot lies over the image's /etc/resolv.conf, and nothing is written there. Runs inside ROOT, because
/// a link there leads to a place of the image, which may not be there yet.
static void name_resolver(void) {
  static const char path[] = "/etc/resolv.conf", own[] = "/dev/.resolv.conf";
  static const char text[] = "nameserver " RESOLVER "\n";
  int fd = open(own, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return;
  write_all(fd, text, sizeof text - 1);
  close(fd);
  if (!make_file(path) || mount(own, path, NULL, MS_BIND, NULL) != 0) tell("note %s: %s", path, strerror(errno));
  unlink(own);
}

void set_up_network(bool outside) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  bring_up(fd, "lo", "127.0.0.1", "255.0.0.0");
  if (outside) {
    if (!bring_up(fd, "eth0", ADDRESS, "255.255.255.0")) tell("note eth0: %s", strerror(errno));
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};
    route.rt_dst = internet("0.0.0.0");
    route.rt_genmask = internet("0.0.0.0");
    route.rt_gateway = internet(GATEWAY);
    if (ioctl(fd, SIOCADDRT, &route) != 0) tell("note route: %s", strerror(errno));
    const int top = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (top >= 0 && chroot(ROOT) == 0) {
      name_resolver();
      if (fchdir(top) != 0 || chroot(".") != 0) give_up("cannot leave the root of the sandbox: %s", strerror(errno));
    }
    if (top >= 0) close(top);
  }
  close(fd);
}
