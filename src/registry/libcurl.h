#pragma once

#include <curl/curl.h>

#include "base/result.h"

namespace msb::registry {

/// What we call of libcurl. It is loaded when it is first needed: with the forty libraries it brings along, it would
/// take most of the start of every program that links this library, and few of them ever speak to a registry.
#define MSB_LIBCURL_FUNCTIONS(X) \
  X(easy_cleanup)                \
  X(easy_init)                   \
  X(easy_pause)                  \
  X(easy_reset)                  \
  X(easy_setopt)                 \
  X(easy_strerror)               \
  X(free)                        \
  X(getdate)                     \
  X(global_init)                 \
  X(multi_add_handle)            \
  X(multi_cleanup)               \
  X(multi_info_read)             \
  X(multi_init)                  \
  X(multi_perform)               \
  X(multi_poll)                  \
  X(multi_remove_handle)         \
  X(slist_append)                \
  X(slist_free_all)              \
  X(url)                         \
  X(url_cleanup)                 \
  X(url_get)                     \
  X(url_set)

struct LibCurl {
#define MSB_LIBCURL_MEMBER(name) decltype(&::curl_##name) name;
  MSB_LIBCURL_FUNCTIONS(MSB_LIBCURL_MEMBER)
#undef MSB_LIBCURL_MEMBER

  static Result<LibCurl> load();
};

/// Sees to it that libcurl() can be called. Any thread may call it, at any time.
/// @retval Status::unsupported  it is not installed, or too old
Done load_libcurl();

/// What load_libcurl() loaded: for what runs after it, such as anything with a handle of libcurl.
const LibCurl& libcurl();

}  // namespace msb::registry
