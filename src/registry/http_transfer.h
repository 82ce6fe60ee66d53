#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "os/sigpipe.h"
#include "registry/http.h"
#include "registry/libcurl.h"

namespace msb::registry {

/// What libcurl needs for one request at a time, with its open connections.
struct Http::Connection {
  struct FreeEasy {
    void operator()(CURL* easy) const {
      const os::SigpipeHeld held;  // says goodbye, perhaps to nobody
      libcurl().easy_cleanup(easy);
    }
  };
  struct FreeMulti {
    void operator()(CURLM* multi) const {
      const os::SigpipeHeld held;
      libcurl().multi_cleanup(multi);
    }
  };

  std::string origin;  // of the last request
  std::unique_ptr<CURLM, FreeMulti> multi;
  std::unique_ptr<CURL, FreeEasy> easy;
};

/// One request on its way and its answer. Driven by whoever waits for it: there is no thread behind it, so that it
/// stops when its caller is told to.
class HttpTransfer {
 public:
  HttpTransfer(Http& http, std::unique_ptr<Http::Connection> connection, const Call& call)
      : http_(http), connection_(std::move(connection)), call_(call) {}
  HttpTransfer(const HttpTransfer&) = delete;
  HttpTransfer& operator=(const HttpTransfer&) = delete;
  ~HttpTransfer();

  /// Sends, and waits for the head of the answer.
  Done begin(const HttpRequest& request);
  Result<size_t> read(MutableBytes into);

  int status() const { return status_; }
  const std::vector<std::pair<std::string, std::string>>& headers() const { return headers_; }

 private:
  struct FreeList {
    void operator()(curl_slist* list) const { libcurl().slist_free_all(list); }
  };

  static size_t on_header(char* bytes, size_t one, size_t size, void* transfer);
  static size_t on_body(char* bytes, size_t one, size_t size, void* transfer);
  void take_header(std::string_view line);
  Done set_up(const HttpRequest& request);
  /// Lets libcurl work until something has happened.
  Done advance();
  Error error_of(CURLcode code) const;
  Error take_failure();

  Http& http_;
  std::unique_ptr<Http::Connection> connection_;
  const Call& call_;
  std::unique_ptr<curl_slist, FreeList> request_headers_;
  std::string request_body_;
  std::string shown_;  // `GET https://host/path`
  char problem_[CURL_ERROR_SIZE] = {};
  bool added_ = false;
  bool head_ended_ = false;
  bool ended_ = false;
  std::optional<Error> failure_;  // comes after the bytes before it
  bool paused_ = false;
  bool heard_ = false;  // since the stall timer was set
  size_t head_size_ = 0;
  int status_ = 0;
  std::vector<std::pair<std::string, std::string>> headers_;
  std::vector<std::byte> received_;  // from taken_ on not yet read
  size_t taken_ = 0;
  Call::Clock::time_point quiet_since_{};
};

}  // namespace msb::registry
