#include "capi/labels.h"

#include "capi/structs.h"

namespace msb::capi {
namespace {

Result<std::string> read_key(const msb_kv* labels, size_t index) {
  if (labels == nullptr) return Error(Status::invalid_argument, "labels is NULL");
  MSB_TRY(const std::string_view key, need_text(labels[index].key, "label key"));
  return std::string(key);
}

}  // namespace

Result<std::vector<std::pair<std::string, std::string>>> read_labels(const msb_kv* labels, size_t count) {
  std::vector<std::pair<std::string, std::string>> read;
  for (size_t i = 0; i < count; ++i) {
    MSB_TRY(std::string key, read_key(labels, i));
    MSB_TRY(const std::string_view value, need_text(labels[i].value, "value of label '" + key + "'"));
    read.emplace_back(std::move(key), value);
  }
  return read;
}

Result<std::vector<std::pair<std::string, std::optional<std::string>>>> read_label_filter(const msb_kv* labels,
                                                                                          size_t count) {
  std::vector<std::pair<std::string, std::optional<std::string>>> read;
  for (size_t i = 0; i < count; ++i) {
    MSB_TRY(std::string key, read_key(labels, i));
    MSB_TRY(auto value, read_text(labels[i].value, "value of label '" + key + "'"));
    read.emplace_back(std::move(key), std::move(value));
  }
  return read;
}

std::vector<msb_kv> c_labels(const std::map<std::string, std::string>& labels) {
  std::vector<msb_kv> list;
  list.reserve(labels.size());
  for (const auto& [key, value] : labels) list.push_back({key.c_str(), value.c_str()});
  return list;
}

}  // namespace msb::capi
