#include "registry/registry.h"

#include <fcntl.h>

#include <algorithm>
#include <set>

#include "json/parse.h"
#include "os/file.h"

namespace msb::registry {
namespace {

constexpr char kLog[] = "registry";
constexpr size_t kMaxCertificates = size_t{16} << 20;
constexpr size_t kMaxProblem = size_t{64} << 10;
constexpr int kUnauthorized = 401;
constexpr int kMaxAnswers = 4;  // others may use up a token before we do
constexpr int kNotFound = 404;

std::string accept_manifests() {
  return "Accept: " + std::string(oci::kOciIndex) + ", " + std::string(oci::kOciManifest) + ", " +
         std::string(oci::kDockerList) + ", " + std::string(oci::kDockerManifest);
}

Result<std::string> read_certificates(const std::vector<std::string>& paths) {
  std::string all;
  for (const std::string& path : paths) {
    auto text = os::read_small(os::real_fs(), AT_FDCWD, path, kMaxCertificates);
    if (!text) return std::move(text).error().as(Status::invalid_config).with("path", path);
    if (text->find("-----BEGIN CERTIFICATE-----") == std::string::npos) {
      return Error(Status::invalid_config, path + " holds no PEM certificate").with("path", path);
    }
    all += *text + '\n';
  }
  return all;
}

/// `https://registry-1.docker.io` for `docker.io`, which is nobody's address.
Result<Url> address_of(const std::string& host, bool insecure) {
  auto url = Url::parse((insecure ? "http://" : "https://") + (host == "docker.io" ? "registry-1.docker.io" : host));
  if (url || url.error().status() != Status::invalid_argument) return url;
  return Error(Status::invalid_argument, host + " is no address of a registry").with("name", host);
}

/// What a registry says about its refusal: the first of its error codes, which are words.
std::string code_of(HttpResponse& response) {
  const auto text = response.text(kMaxProblem);
  const auto document = text ? json::parse(*text) : Result<json::Value>(json::Value());
  const json::Value* errors = document ? document->find("errors") : nullptr;
  if (errors == nullptr || errors->array() == nullptr || errors->array()->empty()) return {};
  const json::Value* code = errors->array()->front().find("code");
  if (code == nullptr || code->string() == nullptr) return {};
  const std::string& word = *code->string();
  const bool plain = std::all_of(word.begin(), word.end(), [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
  constexpr size_t kLongest = 64;
  return plain && word.size() <= kLongest ? " (" + word + ")" : "";
}

Error refusal(HttpResponse& response) {
  const int status = response.status();
  const std::string who = response.url().shown();
  std::string what = who + " answers with status " + std::to_string(status) + code_of(response);
  if (status == kUnauthorized || status == 403) what += "; check the credentials for its host";
  Error error = Error(Status::http, what).with("http_status", std::to_string(status));
  if (status != 408 && status != 429 && (status < 500 || status == 501 || status == 505)) return error;
  error = transient(std::move(error));
  if (const std::string* text = response.header("retry-after")) {
    if (const auto time = parse_retry_after(*text, now_ns())) error = retry_after(std::move(error), *time);
  }
  return error;
}

bool has_status(const Error& error, int status) {
  const std::string* fact = error.fact("http_status");
  return fact != nullptr && *fact == std::to_string(status);
}

Error wrong_digest(const HttpResponse& response, const Digest& expected, const Digest& actual) {
  return transient(Error(Status::image_invalid, response.url().shown() + " does not have the digest " + expected.text())
                       .with("digest", expected.text())
                       .with("expected", expected.text())
                       .with("actual", actual.text()),
                   Hope::faint);
}

}  // namespace

Result<std::unique_ptr<Registry>> Registry::open(const oci::Reference& reference, Options options, const Log& log) {
  const std::string& host = reference.registry();
  const Settings& settings = options.settings;
  const auto insecure = [&](const std::string& name) {
    const HostSettings* said = settings.find(name);
    return (name == host && options.insecure) || (said != nullptr && said->insecure);
  };
  std::unique_ptr<Registry> registry(new Registry);
  registry->log_ = &log;
  registry->repository_ = reference.repository();
  registry->name_ = host + "/" + reference.repository();
  registry->scope_ = "repository:" + reference.repository() + ":pull";

  std::vector<std::string> names;
  if (const HostSettings* said = settings.find(host)) names = said->mirrors;
  names.push_back(host);
  for (const std::string& name : names) {
    MSB_TRY(Url base, address_of(name, insecure(name)));
    registry->endpoints_.push_back({name, std::move(base)});
  }
  std::set<std::string> plain;  // origins
  for (const auto& [name, said] : settings.hosts) {
    const auto url = said.insecure ? address_of(name, true) : Result<Url>(Error(Status::invalid_argument, ""));
    if (url) plain.insert(url->origin());
  }
  for (const Endpoint& endpoint : registry->endpoints_) {
    if (!endpoint.base.secure()) plain.insert(endpoint.base.origin());
  }

  HttpOptions http;
  MSB_TRY(http.certificates, read_certificates(settings.ca_files));
  http.plain_allowed = [plain](const Url& url) { return plain.contains(url.origin()); };
  http.patience = options.patience;
  MSB_TRY(registry->http_, Http::create(std::move(http)));
  auto lookup = [settings, host, given = options.credentials, &log](
                    const std::string& name, const Call& call) -> Result<std::optional<Credentials>> {
    if (name == host && given) return given;
    return find_credentials(settings, name, log, call);
  };
  registry->authorizer_ = std::make_unique<Authorizer>(*registry->http_, std::move(lookup));
  return registry;
}

Result<std::unique_ptr<HttpResponse>> Registry::ask(const Endpoint& endpoint, const std::string& path,
                                                    std::vector<std::string> headers, const Call& call) {
  MSB_TRY(const Url url, Url::parse(endpoint.base.origin() + "/v2/" + repository_ + path));
  std::string authorization = authorizer_->header(endpoint, scope_);
  for (int answers = 0;; ++answers) {
    HttpRequest request{url};
    request.headers = headers;
    request.authorization = authorization;
    MSB_TRY(auto response, http_->send(std::move(request), call));
    if (response->status() == 200 || response->status() == 206) return response;
    const bool asked_by_registry = response->url().origin() == url.origin();
    if (response->status() == kUnauthorized && asked_by_registry && answers < kMaxAnswers) {
      MSB_TRY(authorization, authorizer_->answer(endpoint, scope_, *response, authorization, call));
      if (!authorization.empty()) continue;
    }
    return refusal(*response);
  }
}

/// Makes an attempt at each mirror, and at the registry as many as are of use.
template <typename Attempt>
auto Registry::anywhere(const Call& call, Attempt attempt) -> decltype(attempt(std::declval<const Endpoint&>())) {
  for (size_t i = 0; i + 1 < endpoints_.size(); ++i) {
    auto result = attempt(endpoints_[i]);
    if (result) return result;
    MSB_CHECK(call.check());
    log_->info(kLog, "mirror " + endpoints_[i].name + ": " + result.error().message());
  }
  Retry retry(http_->patience());
  while (true) {
    auto result = attempt(endpoints_.back());
    if (result) return result;
    MSB_CHECK(retry.wait(std::move(result).error(), call));
  }
}

Result<Document> Registry::manifest(const std::string& tag_or_digest, const Call& call) {
  std::optional<Digest> asked;
  if (tag_or_digest.find(':') != std::string::npos) {
    MSB_TRY(asked, Digest::parse(tag_or_digest));
    if (!asked->is_sha256()) return Error(Status::unsupported, "images by a digest of another kind than sha256");
  }
  auto found = anywhere(call, [&](const Endpoint& endpoint) -> Result<Document> {
    MSB_TRY(const auto response, ask(endpoint, "/manifests/" + tag_or_digest, {accept_manifests()}, call));
    Document document;
    MSB_TRY(document.text, response->text(oci::kMaxDocumentBytes));
    document.digest = Digest::sha256_of(as_bytes(document.text));
    if (asked && *asked != document.digest) return wrong_digest(*response, *asked, document.digest);
    if (const std::string* stated = response->header("docker-content-digest")) {
      auto digest = Digest::parse(*stated);
      if (digest && digest->is_sha256() && *digest != document.digest) {
        return wrong_digest(*response, *digest, document.digest);
      }
    }
    return document;
  });
  if (found || !has_status(found.error(), kNotFound)) return found;
  const std::string reference = name_ + (asked ? "@" : ":") + tag_or_digest;
  return Error(Status::image_not_found, reference + ": the registry does not have it")
      .with("reference", reference)
      .because(std::move(found).error());
}

Result<std::string> Registry::document(const oci::Descriptor& descriptor, const Call& call) {
  if (descriptor.size > oci::kMaxDocumentBytes) {
    return Error(Status::image_invalid,
                 descriptor.digest.text() + " of " + name_ + " is larger than any manifest or configuration may be");
  }
  const bool manifest = oci::is_manifest_type(descriptor.media_type) || oci::is_index_type(descriptor.media_type);
  const std::string path = (manifest ? "/manifests/" : "/blobs/") + descriptor.digest.text();
  std::vector<std::string> headers;
  if (manifest) headers.push_back("Accept: " + descriptor.media_type);
  return anywhere(call, [&](const Endpoint& endpoint) -> Result<std::string> {
    MSB_TRY(const auto response, ask(endpoint, path, headers, call));
    MSB_TRY(std::string text, response->text(oci::kMaxDocumentBytes));
    const Digest digest = Digest::sha256_of(as_bytes(text));
    if (digest != descriptor.digest || text.size() != descriptor.size) {
      return wrong_digest(*response, descriptor.digest, digest);
    }
    return text;
  });
}

}  // namespace msb::registry
