#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "microsandbox.h"

namespace msb::capi {

/// Labels that callers give to what they make.
Result<std::vector<std::pair<std::string, std::string>>> read_labels(const msb_kv* labels, size_t count);

/// Labels that callers look for: a NULL value stands for any.
Result<std::vector<std::pair<std::string, std::optional<std::string>>>> read_label_filter(const msb_kv* labels,
                                                                                          size_t count);

/// The same labels as C sees them, pointing into `labels`, in the order of their keys.
std::vector<msb_kv> c_labels(const std::map<std::string, std::string>& labels);

/// Start of an array; NULL when it is empty.
template <typename T>
const T* data_or_null(const std::vector<T>& list) {
  return list.empty() ? nullptr : list.data();
}

}  // namespace msb::capi
