#pragma once

#include <vector>

#include "cli/command.h"

// What the commands of `msbctl snapshot` share.
namespace msbctl {

constexpr const char* kSnapshotHelp = "Name, path or digest of a snapshot";

Json json_of(const msb_snapshot_handle_info& snapshot);
/// Borrowed from the list.
std::vector<msb_snapshot_handle_info> snapshots_of(const msb_snapshot_handle_list* list);

void add_tree(CLI::App& snapshots, Shell& shell);
void add_archive_commands(CLI::App& snapshots, Shell& shell);

}  // namespace msbctl
