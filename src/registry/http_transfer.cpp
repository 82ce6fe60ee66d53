#include "registry/http_transfer.h"

#include <algorithm>
#include <cstring>

#include <sys/socket.h>

#include "os/fd.h"

namespace msb::registry {
namespace {

constexpr size_t kMaxHead = size_t{64} << 10;
constexpr size_t kReceiveBuffer = size_t{256} << 10;
constexpr size_t kEnough = size_t{256} << 10;  // what may wait for the reader before the sender is held up
constexpr int kLookUpMs = 20;                  // how often a wait looks whether it should end

std::string trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(kSpace) - begin + 1));
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return result;
}

/// A socket that nobody takes for standard output.
curl_socket_t open_socket(void*, curlsocktype, curl_sockaddr* address) {
  return os::above_standard(::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol));
}

}  // namespace

HttpTransfer::~HttpTransfer() {
  if (added_) {
    const os::SigpipeHeld held;
    libcurl().multi_remove_handle(connection_->multi.get(), connection_->easy.get());
  }
  http_.give_back(std::move(connection_));
}

size_t HttpTransfer::on_header(char* bytes, size_t, size_t size, void* transfer) {
  auto& self = *static_cast<HttpTransfer*>(transfer);
  self.heard_ = true;
  self.head_size_ += size;
  if (self.head_size_ > kMaxHead) return 0;
  self.take_header({bytes, size});
  return size;
}

void HttpTransfer::take_header(std::string_view line) {
  if (line.starts_with("HTTP/")) {
    headers_.clear();
    const size_t space = line.find(' ');
    status_ = space == std::string_view::npos ? 0 : std::atoi(std::string(line.substr(space + 1)).c_str());
    return;
  }
  const size_t colon = line.find(':');
  if (colon != std::string_view::npos) {
    headers_.emplace_back(lower(trimmed(line.substr(0, colon))), trimmed(line.substr(colon + 1)));
  } else if (trimmed(line).empty() && status_ >= 200) {
    head_ended_ = true;
  }
}

size_t HttpTransfer::on_body(char* bytes, size_t, size_t size, void* transfer) {
  auto& self = *static_cast<HttpTransfer*>(transfer);
  self.heard_ = true;
  if (self.received_.size() - self.taken_ >= kEnough) {
    self.paused_ = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  if (self.taken_ == self.received_.size()) {
    self.received_.clear();
    self.taken_ = 0;
  }
  const auto* begin = reinterpret_cast<const std::byte*>(bytes);
  self.received_.insert(self.received_.end(), begin, begin + size);
  return size;
}

Done HttpTransfer::set_up(const HttpRequest& request) {
  const LibCurl& curl = libcurl();
  CURL* const easy = connection_->easy.get();
  curl.easy_reset(easy);  // connections stay
  const auto set = [&](auto option, auto value) { return curl.easy_setopt(easy, option, value) == CURLE_OK; };
  bool done = set(CURLOPT_URL, request.url.text().c_str()) && set(CURLOPT_PROTOCOLS_STR, "http,https") &&
              set(CURLOPT_NOSIGNAL, 1L) && set(CURLOPT_QUICK_EXIT, 1L) && set(CURLOPT_FOLLOWLOCATION, 0L) &&
              set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) && set(CURLOPT_USERAGENT, "libmicrosandbox/0.1") &&
              set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2)) && set(CURLOPT_SSL_VERIFYPEER, 1L) &&
              set(CURLOPT_SSL_VERIFYHOST, 2L) && set(CURLOPT_TCP_KEEPALIVE, 1L) &&
              set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(http_.patience().connect.count())) &&
              set(CURLOPT_ERRORBUFFER, problem_) && set(CURLOPT_HEADERFUNCTION, &HttpTransfer::on_header) &&
              set(CURLOPT_HEADERDATA, this) && set(CURLOPT_WRITEFUNCTION, &HttpTransfer::on_body) &&
              set(CURLOPT_WRITEDATA, this) && set(CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  // It takes no size while it still has a buffer, as it does when the name of a host was not found; then that one is
  // used.
  set(CURLOPT_BUFFERSIZE, static_cast<long>(kReceiveBuffer));
  // Not every libcurl was built with HTTP 2; the others go on with 1.1.
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  if (request.method == "HEAD") done = done && set(CURLOPT_NOBODY, 1L);
  if (!request.body.empty()) {
    request_body_ = request.body;
    done = done && set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_body_.size())) &&
           set(CURLOPT_POSTFIELDS, request_body_.c_str());
  }
  done = done && set(CURLOPT_CUSTOMREQUEST, request.method == "HEAD" ? nullptr : request.method.c_str());

  std::vector<std::string> lines = request.headers;
  lines.emplace_back("Expect:");  // nobody here needs to be asked first
  if (!request.authorization.empty()) lines.push_back("Authorization: " + request.authorization);
  for (const std::string& line : lines) {
    curl_slist* longer = curl.slist_append(request_headers_.get(), line.c_str());
    if (longer == nullptr) return Error(Status::no_memory, "a request");
    static_cast<void>(request_headers_.release());
    request_headers_.reset(longer);
  }
  done = done && set(CURLOPT_HTTPHEADER, request_headers_.get());

  const std::string& certificates = http_.options_.certificates;
  if (!certificates.empty()) {
    // libcurl reads either this or the file of all roots, but the directory of roots as well as this.
    curl_blob blob{const_cast<char*>(certificates.data()), certificates.size(), CURL_BLOB_NOCOPY};
    done = done && set(CURLOPT_CAINFO_BLOB, &blob);
  }
  return done ? Done() : Done(Error(Status::internal, "libcurl does not take the options of a request"));
}

Done HttpTransfer::begin(const HttpRequest& request) {
  shown_ = request.method + " " + request.url.shown();
  MSB_CHECK(set_up(request));
  if (libcurl().multi_add_handle(connection_->multi.get(), connection_->easy.get()) != CURLM_OK) {
    return Error(Status::internal, "libcurl does not take a request");
  }
  added_ = true;
  quiet_since_ = Call::Clock::now();
  while (!head_ended_ && !ended_) MSB_CHECK(advance());
  if (head_ended_) return {};
  if (failure_) return take_failure();
  return transient(Error(Status::http, shown_ + ": the answer has no status"));
}

Done HttpTransfer::advance() {
  CURLM* const multi = connection_->multi.get();
  MSB_CHECK(call_.check());
  int running = 0;
  heard_ = false;
  {
    // Told not to touch signals, libcurl leaves those to us that a TLS library raises.
    const os::SigpipeHeld held;
    if (libcurl().multi_perform(multi, &running) != CURLM_OK) return Error(Status::internal, "libcurl does not go on");
  }
  int left = 0;
  while (const CURLMsg* message = libcurl().multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    ended_ = true;
    if (message->data.result != CURLE_OK) failure_ = error_of(message->data.result);
  }
  const auto now = Call::Clock::now();
  if (heard_ || ended_ || paused_) {
    quiet_since_ = now;
    return {};
  }
  if (now - quiet_since_ >
      http_.patience().stall + (head_ended_ ? std::chrono::milliseconds(0) : http_.patience().connect)) {
    return transient(Error(Status::http, shown_ + ": nothing has come for " +
                                             std::to_string(http_.patience().stall.count() / 1000) + " seconds"));
  }
  libcurl().multi_poll(multi, nullptr, 0, kLookUpMs, nullptr);
  return {};
}

Result<size_t> HttpTransfer::read(MutableBytes into) {
  quiet_since_ = Call::Clock::now();
  while (taken_ == received_.size()) {
    if (failure_) return take_failure();
    if (ended_) return size_t{0};
    if (paused_) {
      paused_ = false;
      received_.clear();
      taken_ = 0;
      if (libcurl().easy_pause(connection_->easy.get(), CURLPAUSE_CONT) != CURLE_OK) {
        return transient(Error(Status::http, shown_ + ": the connection broke"));
      }
      if (taken_ != received_.size()) break;
    }
    MSB_CHECK(advance());
  }
  const size_t size = std::min(into.size(), received_.size() - taken_);
  std::memcpy(into.data(), received_.data() + taken_, size);
  taken_ += size;
  return size;
}

Error HttpTransfer::take_failure() {
  Error failure = std::move(*failure_);
  failure_.reset();
  return failure;
}

Error HttpTransfer::error_of(CURLcode code) const {
  const std::string detail = problem_[0] != '\0' ? problem_ : libcurl().easy_strerror(code);
  Error error(Status::http, shown_ + ": " + detail);
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
      return transient(std::move(error), Hope::faint);
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return transient(std::move(error));
    case CURLE_PEER_FAILED_VERIFICATION:
      return Error(Status::http, shown_ + ": the certificate is not trusted (" + detail +
                                     "); if the registry has a CA of its own, name its certificate");
    case CURLE_SSL_CACERT_BADFILE:
      return Error(Status::invalid_config, "invalid PEM certificate: " + detail);
    default:
      return error;
  }
}

}  // namespace msb::registry
