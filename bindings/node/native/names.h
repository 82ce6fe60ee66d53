#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace msb_node {

/// What programs call the values of an enumeration of microsandbox.h, by value. "" is for what has no name.
using Names = std::span<const char* const>;

inline constexpr std::array kLogLevels{"", "error", "warn", "info", "debug"};              ///< MSB_LOG_…
inline constexpr std::array kOutputs{"", "stdout", "stderr", "console", "machine"};        ///< MSB_OUTPUT_…
inline constexpr std::array kAccelerators{"auto", "kvm", "tcg"};                           ///< MSB_ACCELERATOR_…
inline constexpr std::array kEnds{"", "exited", "signalled", "failed", "killed", "lost"};  ///< MSB_END_…
inline constexpr std::array kHomeStates{"", "missing", "empty", "ready", "foreign", "unreadable"};  ///< MSB_HOME_…
inline constexpr std::array kGenerations{"none", "manifest.json", "snapshot.json", "groups"};  ///< MSB_GENERATION_…
inline constexpr std::array kForms{"", "manifest.json", "snapshot.json"};            ///< likewise, of snapshots
inline constexpr std::array kHomeWrites{"nothing", "files", "everything"};           ///< MSB_HOME_WRITES_…
inline constexpr std::array kIntegrityAlgorithms{"", "merkle", "sparse", "sha256"};  ///< MSB_INTEGRITY_…

/// MSB_PROBLEM_…
inline constexpr std::array kProblems{"",
                                      "layerCorrupt",
                                      "layerMissing",
                                      "fsmetaInvalid",
                                      "vmdkInvalid",
                                      "metadataInvalid",
                                      "orphan",
                                      "leftover",
                                      "recipeInvalid",
                                      "snapshotDamaged",
                                      "indexStale",
                                      "indexDamaged",
                                      "homeReserved",
                                      "notTranslated",
                                      "statusStale"};

/// `other` for a value of a newer library.
inline const char* name_of(Names names, uint32_t value, const char* other = "") {
  return value < names.size() ? names[value] : other;
}

}  // namespace msb_node
