#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// How values look to people.
namespace msbctl {

/// Powers of 1024 with one decimal: `512 B`, `1.5 MiB`.
std::string human_size(uint64_t bytes);
/// `0:07`, `1:02:03`.
std::string clock_time(uint64_t seconds);
/// `YYYY-MM-DD HH:MM:SS` in local time; `-` for INT64_MIN.
std::string local_time(int64_t ns);
/// RFC 3339 in UTC with `+00:00`, and as many groups of three decimals as it takes.
std::string utc_time(int64_t ns);
/// `sha256:` and 12 hex digits.
std::string short_digest(std::string_view digest);
/// The text with control bytes as `\xNN` and bytes that are no UTF-8 replaced, so that what a hostile archive named
/// cannot drive the terminal.
std::string printable(std::string_view text);
/// UTF-8 made of any bytes: what is no UTF-8 becomes U+FFFD.
std::string utf8(std::string_view text);
/// Columns that a text takes: characters, not bytes.
size_t columns_of(std::string_view text);
/// At most `columns` characters, the end replaced by `…` where it was cut.
std::string cut(std::string_view text, size_t columns);
/// Words of the text in lines of at most `width` characters; line breaks of the text stay, and so do lines that begin
/// with a space. Every line but the first is indented.
std::string wrap(std::string_view text, size_t width, size_t indent);
/// `1 image`, `2 images`.
std::string counted(uint64_t count, std::string_view noun);

}  // namespace msbctl
