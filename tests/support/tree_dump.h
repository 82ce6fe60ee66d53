#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "os/file.h"
#include "tree/tree.h"

namespace msb::test {

/// Lines of path, type, mode, owner, group, links, size, time, attributes and content, with tabs between, sorted by
/// path: the columns of the golden `tree.*.tsv` but for the inode number and for sizes of directories. Names of one
/// inode are the same file if their lines are equal and `links` says so.
std::vector<std::string> dump_directory(const std::filesystem::path& root);

/// The same of a tree whose files lie in `sources`, by Inode::source.
std::vector<std::string> dump_tree(const tree::Tree& tree, const std::vector<const os::File*>& sources);

/// The same of a golden listing.
std::vector<std::string> dump_golden(std::string_view tsv);

}  // namespace msb::test
