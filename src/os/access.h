#pragma once

#include <string>

namespace msb::os {

/// Why this process cannot change the file, or the entries of the directory, of that path: an errno, 0 when it can.
/// Nothing is tried: it asks for permissions and for how the file system is mounted.
int write_obstacle(const std::string& path);

}  // namespace msb::os
