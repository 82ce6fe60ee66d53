#include "os/access.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace msb::os {

int write_obstacle(const std::string& path) {
  return ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0 ? 0 : errno;
}

}  // namespace msb::os
