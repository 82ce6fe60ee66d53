#pragma once

#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace msb::sandbox {

/// Environment variables in the order in which their names came first. Of two with one name the later value counts.
class Variables {
 public:
  using Variable = std::pair<std::string, std::string>;

  void put(std::string name, std::string value) {
    const auto [known, is_new] = places_.try_emplace(name, variables_.size());
    if (is_new) {
      variables_.emplace_back(std::move(name), std::move(value));
    } else {
      variables_[known->second].second = std::move(value);
    }
  }

  const std::vector<Variable>& all() const { return variables_; }

 private:
  std::vector<Variable> variables_;
  std::unordered_map<std::string, size_t> places_;
};

}  // namespace msb::sandbox
