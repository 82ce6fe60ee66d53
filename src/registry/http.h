#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/call.h"
#include "base/stream.h"
#include "registry/retry.h"
#include "registry/url.h"

namespace msb::registry {

class HttpTransfer;

struct HttpOptions {
  std::string certificates;                       ///< PEM; trusted beside the roots of the system
  std::function<bool(const Url&)> plain_allowed;  ///< whether that may be asked without TLS; null: nothing may
  Patience patience;
};

struct HttpRequest {
  Url url;
  std::string method = "GET";
  std::vector<std::string> headers{};  ///< `Accept: */*`
  std::string authorization{};         ///< value of that header; goes to the origin of `url` and nowhere else
  std::string body{};
};

/// An answer whose head is here. The body is received as it is read, so that nobody holds more of it than he wants.
class HttpResponse final : public ByteSource {
 public:
  ~HttpResponse() override;
  HttpResponse(const HttpResponse&) = delete;
  HttpResponse& operator=(const HttpResponse&) = delete;

  int status() const;
  /// Value of a header, by its name in lower case; of several the first, null when there is none.
  const std::string* header(std::string_view name) const;
  std::vector<std::string> headers(std::string_view name) const;
  /// Who answered in the end.
  const Url& url() const { return url_; }

  /// Stops within 50 ms of a cancel. A connection that breaks or says nothing for too long is a transient failure.
  Result<size_t> read(MutableBytes into) override;
  /// All of the body; Status::http when it is longer than `limit`.
  Result<std::string> text(size_t limit);

 private:
  friend class Http;
  HttpResponse(std::unique_ptr<HttpTransfer> transfer, Url url);

  std::unique_ptr<HttpTransfer> transfer_;
  Url url_;
};

/// Speaks HTTP 1.1 and 2 with anybody, keeps connections for the next request, and follows redirects. Proxies are those
/// of the environment. TLS is 1.2 or newer, and names are checked. Any thread may use it; responses, which it outlives,
/// belong to one thread at a time.
class Http {
 public:
  static Result<std::unique_ptr<Http>> create(HttpOptions options);
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  /// One request; `call` must outlive the response. Any status but a redirect is a response. A body goes to no other
  /// origin than the one it is for.
  /// @retval Status::http  nobody answers, or not as HTTP has it; transient where that may pass
  Result<std::unique_ptr<HttpResponse>> send(HttpRequest request, const Call& call);
  const Patience& patience() const { return options_.patience; }

 private:
  friend class HttpTransfer;
  struct Connection;
  explicit Http(HttpOptions options);

  Result<std::unique_ptr<Connection>> take(const std::string& origin);
  void give_back(std::unique_ptr<Connection> connection);

  const HttpOptions options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace msb::registry
