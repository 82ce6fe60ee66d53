#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/call.h"
#include "image/context.h"
#include "image/recover.h"

namespace msb::image {

/// Values are those of MSB_PROBLEM_… in the header.
enum class ProblemKind : uint32_t {
  layer_corrupt = 1,
  layer_missing,
  fsmeta_invalid,
  vmdk_invalid,
  metadata_invalid,
  orphan,
  leftover,
  recipe_invalid,
  snapshot_damaged,  ///< this and the next: snapshot/check.h
  index_stale,
  index_damaged,  ///< this and what follows: client/inspect.h
  home_reserved,
  not_translated,
  status_stale,
};

struct Problem {
  ProblemKind kind = ProblemKind::orphan;
  bool repaired = false;
  std::string subject;  ///< reference, digest or file it is about
  std::string path;     ///< empty when it is a row
  std::string message;  ///< what is wrong, and what to do
};

struct CheckOptions {
  bool deep = false;    ///< also prove every layer against its diff ID, where the cache can
  bool repair = false;  ///< rebuild what can be rebuilt, set damaged layers aside, sweep orphans
};

/// Holds the index and the files of the cache against each other, layers on several threads. Problems come by kind of
/// thing: layers, images, references, then what nobody needs. Files younger than an hour that nobody owns, and what
/// work in flight names, are none.
Result<std::vector<Problem>> check(const Context& context, const CheckOptions& options, const Call& call);

}  // namespace msb::image
