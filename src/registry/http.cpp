#include "registry/http.h"

#include <algorithm>

#include "registry/http_transfer.h"

namespace msb::registry {
namespace {

constexpr int kMaxRedirects = 10;
constexpr size_t kMaxDropped = size_t{64} << 10;  // a longer body costs more than a new connection

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

HttpResponse::HttpResponse(std::unique_ptr<HttpTransfer> transfer, Url url)
    : transfer_(std::move(transfer)), url_(std::move(url)) {}
HttpResponse::~HttpResponse() = default;

int HttpResponse::status() const { return transfer_->status(); }

const std::string* HttpResponse::header(std::string_view name) const {
  const auto& all = transfer_->headers();
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& pair) { return pair.first == name; });
  return found == all.end() ? nullptr : &found->second;
}

std::vector<std::string> HttpResponse::headers(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : transfer_->headers()) {
    if (key == name) values.push_back(value);
  }
  return values;
}

Result<size_t> HttpResponse::read(MutableBytes into) { return transfer_->read(into); }

Result<std::string> HttpResponse::text(size_t limit) {
  std::string text;
  constexpr size_t kStep = size_t{64} << 10;
  while (true) {
    const size_t before = text.size();
    text.resize(before + kStep);
    MSB_TRY(const size_t size, read(std::as_writable_bytes(std::span(text)).subspan(before)));
    text.resize(before + size);
    if (size == 0) return text;
    if (text.size() > limit) {
      return Error(Status::http, url_.shown() + " answers with more than " + std::to_string(limit) + " bytes");
    }
  }
}

Http::Http(HttpOptions options) : options_(std::move(options)) {}
Http::~Http() = default;

Result<std::unique_ptr<Http>> Http::create(HttpOptions options) {
  MSB_CHECK(load_libcurl());
  return std::unique_ptr<Http>(new Http(std::move(options)));
}

Result<std::unique_ptr<Http::Connection>> Http::take(const std::string& origin) {
  {
    const std::lock_guard lock(mutex_);
    const auto same = std::find_if(idle_.begin(), idle_.end(), [&](const auto& one) { return one->origin == origin; });
    if (same != idle_.end()) {
      auto connection = std::move(*same);
      idle_.erase(same);
      return connection;
    }
  }
  auto connection = std::make_unique<Connection>();
  connection->origin = origin;
  connection->multi.reset(libcurl().multi_init());
  connection->easy.reset(libcurl().easy_init());
  if (!connection->multi || !connection->easy) return Error(Status::no_memory, "a connection");
  return connection;
}

void Http::give_back(std::unique_ptr<Connection> connection) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(connection));
}

Result<std::unique_ptr<HttpResponse>> Http::send(HttpRequest request, const Call& call) {
  for (int redirects = 0;; ++redirects) {
    if (!request.url.secure() && !(options_.plain_allowed && options_.plain_allowed(request.url))) {
      return Error(Status::http, "refusing to speak to " + request.url.shown() +
                                     " without TLS; mark its host as insecure if that is meant");
    }
    MSB_TRY(auto connection, take(request.url.origin()));
    auto transfer = std::make_unique<HttpTransfer>(*this, std::move(connection), call);
    MSB_CHECK(transfer->begin(request));
    std::unique_ptr<HttpResponse> response(new HttpResponse(std::move(transfer), request.url));
    const std::string* location = response->header("location");
    if (!is_redirect(response->status()) || location == nullptr) return response;
    if (redirects == kMaxRedirects) {
      return Error(Status::http, request.url.shown() + " redirects in circles, or too often");
    }
    auto next = request.url.resolve(*location);
    if (!next) return Error(Status::http, request.url.shown() + " redirects to " + next.error().message());
    if (next->origin() != request.url.origin()) {
      request.authorization.clear();
      if (!request.body.empty()) {  // it may hold a secret, as a refresh token is
        return Error(Status::http, request.url.shown() + " redirects what is sent to it to another host");
      }
    }
    request.url = std::move(*next);
    // What is left of the answer is read, so that its connection can be used again.
    const auto dropped = response->text(kMaxDropped);
    if (!dropped && dropped.error().status() != Status::http) MSB_CHECK(call.check());
  }
}

}  // namespace msb::registry
