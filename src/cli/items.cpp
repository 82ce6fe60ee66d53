#include "cli/items.h"

#include "microsandbox.h"

namespace msbctl {

const char* item_name(uint32_t kind) {
  switch (kind) {
    case MSB_ITEM_REFERENCE:
      return "reference";
    case MSB_ITEM_MANIFEST:
      return "manifest";
    case MSB_ITEM_LAYER:
      return "layer";
    case MSB_ITEM_FSMETA:
      return "fsmeta";
    case MSB_ITEM_VMDK:
      return "vmdk";
    case MSB_ITEM_METADATA:
      return "metadata";
    case MSB_ITEM_BLOB:
      return "blob";
    case MSB_ITEM_FLAT:
      return "flat";
    case MSB_ITEM_TEMPORARY:
      return "temporary";
    case MSB_ITEM_SNAPSHOT:
      return "snapshot";
    case MSB_ITEM_SANDBOX:
      return "sandbox";
    default:
      return "other";
  }
}

const char* problem_name(uint32_t kind) {
  switch (kind) {
    case MSB_PROBLEM_LAYER_CORRUPT:
      return "layer_corrupt";
    case MSB_PROBLEM_LAYER_MISSING:
      return "layer_missing";
    case MSB_PROBLEM_FSMETA_INVALID:
      return "fsmeta_invalid";
    case MSB_PROBLEM_VMDK_INVALID:
      return "vmdk_invalid";
    case MSB_PROBLEM_METADATA_INVALID:
      return "metadata_invalid";
    case MSB_PROBLEM_ORPHAN:
      return "orphan";
    case MSB_PROBLEM_LEFTOVER:
      return "leftover";
    case MSB_PROBLEM_RECIPE_INVALID:
      return "recipe_invalid";
    case MSB_PROBLEM_SNAPSHOT_DAMAGED:
      return "snapshot_damaged";
    case MSB_PROBLEM_INDEX_STALE:
      return "index_stale";
    case MSB_PROBLEM_INDEX_DAMAGED:
      return "index_damaged";
    case MSB_PROBLEM_HOME_RESERVED:
      return "home_reserved";
    case MSB_PROBLEM_NOT_TRANSLATED:
      return "not_translated";
    case MSB_PROBLEM_STATUS_STALE:
      return "status_stale";
    default:
      return "other";
  }
}

std::string shortened(const char* name) {
  constexpr size_t kHex = 64;
  constexpr size_t kShown = 12;
  std::string text = name == nullptr ? std::string() : name;
  size_t run = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool hex = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    run = hex ? run + 1 : 0;
    if (run == kHex) return text.erase(i + 1 - kHex + kShown, kHex - kShown);
  }
  return text;
}

}  // namespace msbctl
