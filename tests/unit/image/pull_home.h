#pragma once

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>

#include "image/pull.h"
#include "image/query.h"
#include "support/image_home.h"
#include "support/registry_lab.h"

namespace msb::test {

/// One set of servers for all tests of a program; they cost a second.
inline RegistryLab& lab() {
  static RegistryLab one;
  return one;
}

/// Skips a test where there are no servers.
#define NEEDS_LAB() \
  if (!lab().ready()) GTEST_SKIP() << "docker-registry, skopeo, openssl or python3 is missing"

/// A home whose pulls are in a hurry.
class PullHome : public ImageHome {
 public:
  using Change = std::function<void(image::PullRequest&)>;

  static image::PullRequest request(const std::string& reference, const Change& change = {}) {
    image::PullRequest request;
    request.reference = reference;
    request.platform = oci::Platform{"linux", "amd64", ""};
    request.registry.insecure = true;
    registry::Patience& patience = request.registry.patience;
    patience.connect = std::chrono::milliseconds(2000);
    patience.stall = std::chrono::milliseconds(300);
    patience.first_pause = std::chrono::milliseconds(2);
    patience.longest_pause = std::chrono::milliseconds(10);
    patience.longest_wish = std::chrono::milliseconds(2000);
    if (change) change(request);
    return request;
  }
  Result<image::Pulled> pull(const std::string& reference, const Change& change = {}) const {
    return image::pull(context(), request(reference, change), call());
  }
  Result<image::Pulled> pull(const std::string& reference, const Call& with, const Change& change = {}) const {
    return image::pull(context(), request(reference, change), with);
  }

  /// Files that work in flight has left: none, ever.
  std::vector<std::string> leftovers() const {
    std::vector<std::string> left;
    for (const std::string& name : file_names()) {
      const std::string base = name.substr(name.rfind('/') + 1);
      if (base.starts_with('.') || name.starts_with("tmp/") || name.starts_with("leases/")) left.push_back(name);
    }
    return left;
  }
};

/// What the proxy says about what it was asked.
inline std::string ask_proxy(const std::string& path) {
  auto http = registry::Http::create({{}, [](const registry::Url&) { return true; }, {}});
  EXPECT_OK(http);
  const auto url = registry::Url::parse("http://" + lab().host("PROXY") + "/v2/" + path);
  EXPECT_OK(url);
  const Call call;
  auto response = (*http)->send({*url}, call);
  EXPECT_OK(response);
  const auto text = (*response)->text(1 << 20);
  EXPECT_OK(text);
  return *text;
}

/// A variable of the environment, for as long as the object lives.
class Variable {
 public:
  Variable(std::string name, const std::string& value) : name_(std::move(name)) {
    ::setenv(name_.c_str(), value.c_str(), 1);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { ::unsetenv(name_.c_str()); }

 private:
  const std::string name_;
};

inline registry::Credentials ann() { return {lab()["USER"], lab()["PASSWORD"], {}}; }

}  // namespace msb::test
