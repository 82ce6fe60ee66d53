#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/call.h"
#include "base/log.h"
#include "digest/digest.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "registry/authorizer.h"
#include "registry/credentials.h"
#include "registry/http.h"
#include "registry/settings.h"

namespace msb::registry {

struct Options {
  Settings settings;
  bool insecure = false;                   ///< this registry speaks plain HTTP
  std::optional<Credentials> credentials;  ///< for this registry, before all others
  Patience patience;
};

/// A manifest or an index as it came, its digest checked.
struct Document {
  std::string text;
  Digest digest;
};

/// One repository of one registry, and its mirrors, which are asked first (OCI distribution specification). Whatever
/// fails and may pass is tried again, for a while. Any thread.
class Registry {
 public:
  /// Of `reference` only registry and repository count. `log` outlives the object. Nothing is sent yet.
  /// @retval Status::invalid_config  a CA file cannot be used
  static Result<std::unique_ptr<Registry>> open(const oci::Reference& reference, Options options, const Log& log);

  /// The manifest or index of a tag or digest. Its digest is the one it was asked for by, else the one that the
  /// registry states, else that of its bytes; all that there are must agree.
  /// @retval Status::image_not_found  the registry does not have it; fact `reference`
  /// @retval Status::image_invalid    it is not what its digest says, time and again
  /// @retval Status::http             the registry cannot be reached, or refuses; fact `http_status`
  Result<Document> manifest(const std::string& tag_or_digest, const Call& call);
  /// A document by its descriptor, which settles digest and size: a manifest, an index or a configuration.
  Result<std::string> document(const oci::Descriptor& descriptor, const Call& call);

  const std::string& name() const { return name_; }
  const Patience& patience() const { return http_->patience(); }

  // For streams of blobs.
  const std::vector<Endpoint>& endpoints() const { return endpoints_; }  ///< the registry itself is the last one
  /// One request to one endpoint, authorised as it needs; only 200 and 206 are answers.
  Result<std::unique_ptr<HttpResponse>> ask(const Endpoint& endpoint, const std::string& path,
                                            std::vector<std::string> headers, const Call& call);
  const Log& log() const { return *log_; }

 private:
  Registry() = default;
  template <typename Attempt>
  auto anywhere(const Call& call, Attempt attempt) -> decltype(attempt(std::declval<const Endpoint&>()));

  const Log* log_ = nullptr;
  std::string name_;  // `docker.io/library/python`
  std::string repository_;
  std::string scope_;
  std::unique_ptr<Http> http_;
  std::unique_ptr<Authorizer> authorizer_;
  std::vector<Endpoint> endpoints_;
};

}  // namespace msb::registry
