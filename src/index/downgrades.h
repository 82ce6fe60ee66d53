#pragma once

#include <string>

#include "base/result.h"
#include "os/fs.h"

namespace msb::index {

/// Whether every downgrade of microsandbox that was begun in a home has come to its end. Each keeps a journal in
/// `<home>/db/self-downgrade/<run>/journal.json`; as long as the `phase` in one is not `complete`, microsandbox 0.6.7
/// and later do not start, and nobody may write in the home (formats/snapshots.md §2.2, §5.2). `directory` is
/// `<home>/db`. Costs one look where there never was a downgrade.
/// @retval Status::database  one has not, or its journal is missing or malformed; the fact `path` is the journal
/// @retval Status::io        that cannot be known
Done check_downgrades(os::Fs& fs, const std::string& directory);

}  // namespace msb::index
