#include "registry/url.h"

#include <algorithm>
#include <memory>

#include "registry/libcurl.h"

namespace msb::registry {
namespace {

constexpr size_t kMaxUrl = 16384;

struct FreeUrl {
  void operator()(CURLU* url) const { libcurl().url_cleanup(url); }
};
struct FreeText {
  void operator()(char* text) const { libcurl().free(text); }
};
using Handle = std::unique_ptr<CURLU, FreeUrl>;

std::string part(CURLU* url, CURLUPart what, unsigned flags = 0) {
  char* text = nullptr;
  if (libcurl().url_get(url, what, &text, flags) != CURLUE_OK) return {};
  const std::unique_ptr<char, FreeText> owner(text);
  return text;
}

Error malformed(const char* what) { return Error(Status::invalid_argument, what); }

Done check_text(std::string_view text) {
  if (text.empty() || text.size() > kMaxUrl) return malformed("a URL is empty or too long");
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c != 0x7F; });
  return plain ? Done() : Done(malformed("a URL has characters that no URL has"));
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  MSB_CHECK(check_text(text));
  MSB_CHECK(load_libcurl());
  const Handle handle(libcurl().url());
  if (!handle) return Error(Status::no_memory, "a URL");
  if (libcurl().url_set(handle.get(), CURLUPART_URL, std::string(text).c_str(), 0) != CURLUE_OK) {
    return malformed("not a URL");
  }
  const std::string scheme = part(handle.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return malformed("only http and https URLs can be used");
  if (!part(handle.get(), CURLUPART_USER).empty() || !part(handle.get(), CURLUPART_PASSWORD).empty()) {
    return malformed("a URL with a user name or password is not accepted");
  }
  Url url;
  url.secure_ = scheme == "https";
  url.host_ = part(handle.get(), CURLUPART_HOST);
  std::transform(url.host_.begin(), url.host_.end(), url.host_.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (url.host_.empty()) return malformed("a URL without a host");
  libcurl().url_set(handle.get(), CURLUPART_FRAGMENT, nullptr, 0);
  url.text_ = part(handle.get(), CURLUPART_URL);
  const std::string port = part(handle.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  url.origin_ = scheme + "://" + url.host_ + ":" + port;
  const std::string stated = part(handle.get(), CURLUPART_PORT);
  url.shown_ = scheme + "://" + url.host_ + (stated.empty() ? "" : ":" + stated) + part(handle.get(), CURLUPART_PATH);
  return url;
}

Result<Url> Url::resolve(std::string_view reference) const {
  MSB_CHECK(check_text(reference));
  const Handle handle(libcurl().url());
  if (!handle) return Error(Status::no_memory, "a URL");
  // Set twice, the second text is read as relative to the first.
  if (libcurl().url_set(handle.get(), CURLUPART_URL, text_.c_str(), 0) != CURLUE_OK ||
      libcurl().url_set(handle.get(), CURLUPART_URL, std::string(reference).c_str(), 0) != CURLUE_OK) {
    return malformed("not a URL");
  }
  return parse(part(handle.get(), CURLUPART_URL));
}

std::string escape_query(std::string_view text) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/,";
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (kPlain.find(c) != std::string_view::npos) {
      escaped += c;
    } else {
      escaped += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return escaped;
}

}  // namespace msb::registry
