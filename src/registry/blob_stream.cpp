#include "registry/blob_stream.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/number.h"

namespace msb::registry {
namespace {

constexpr uint64_t kProgress = uint64_t{64} << 10;  // less than this does not make up for a failure
constexpr unsigned kMostFailures = 200;             // of one blob, whatever comes between them

/// The first byte and the total of `bytes 10-19/20`; a total of `*` is left open.
struct ContentRange {
  uint64_t first = 0;
  std::optional<uint64_t> total;
};
std::optional<ContentRange> parse_content_range(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return std::nullopt;
  text.remove_prefix(kUnit.size());
  const size_t dash = text.find('-');
  const size_t slash = text.find('/');
  if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) return std::nullopt;
  const auto first = parse_number<uint64_t>(text.substr(0, dash));
  if (!first) return std::nullopt;
  return ContentRange{*first, parse_number<uint64_t>(text.substr(slash + 1))};
}

}  // namespace

BlobStream::BlobStream(Registry& registry, oci::Descriptor descriptor, const Call& call, uint64_t begin, uint64_t end)
    : registry_(registry),
      descriptor_(std::move(descriptor)),
      call_(call),
      retry_(registry.patience()),
      offset_(begin),
      end_(end) {}

BlobStream::BlobStream(Registry& registry, const oci::Descriptor& descriptor, const Call& call)
    : BlobStream(registry, descriptor, call, 0, descriptor.size) {}

Result<size_t> BlobStream::read(MutableBytes into) {
  if (into.empty()) return size_t{0};
  while (true) {
    auto size = try_read(into);
    if (size) return size;
    MSB_CHECK(recover(std::move(size).error()));
  }
}

Result<size_t> BlobStream::try_read(MutableBytes into) {
  if (offset_ == end_) {
    MSB_CHECK(check_end());
    return size_t{0};
  }
  if (!response_) MSB_CHECK(open());
  const auto part = static_cast<size_t>(std::min<uint64_t>(into.size(), end_ - offset_));
  MSB_TRY(const size_t size, response_->read(into.first(part)));
  if (size == 0) return transient(wrong_size("is cut short"));
  offset_ += size;
  since_failure_ += size;
  if (since_failure_ >= kProgress) retry_.progressed();
  return size;
}

Done BlobStream::open() {
  std::vector<std::string> headers;
  if (offset_ != 0 || end_ != descriptor_.size) {
    headers.push_back("Range: bytes=" + std::to_string(offset_) + "-" + std::to_string(end_ - 1));
  }
  const Endpoint& endpoint = registry_.endpoints()[endpoint_];
  MSB_TRY(auto response, registry_.ask(endpoint, "/blobs/" + descriptor_.digest.text(), std::move(headers), call_));
  MSB_CHECK(check_range(*response));
  response_ = std::move(response);
  return {};
}

/// That what comes is the blob from where we stand; passes over what we have, where the server knows no ranges.
Done BlobStream::check_range(HttpResponse& response) {
  if (response.status() == 206) {
    const std::string* text = response.header("content-range");
    const auto range = text != nullptr ? parse_content_range(*text) : std::nullopt;
    if (range && range->first == offset_ && range->total.value_or(descriptor_.size) == descriptor_.size) return {};
    return transient(wrong_size("comes as a range that was not asked for"), Hope::faint);
  }
  knows_ranges_ = false;
  const std::string* length = response.header("content-length");
  if (length != nullptr && parse_number<uint64_t>(*length) != descriptor_.size) {
    return transient(wrong_size("is not as large as its descriptor says"), Hope::faint);
  }
  MSB_TRY(const uint64_t passed, response.skip(offset_));
  return passed == offset_ ? Done() : Done(transient(wrong_size("is cut short")));
}

Done BlobStream::check_end() {
  const bool more_comes = !knows_ranges_ && end_ != descriptor_.size;
  if (!response_ || more_comes) return {};
  std::array<std::byte, 1> more;
  const auto size = response_->read(more);
  response_.reset();
  if (size && *size != 0) return wrong_size("is longer than its descriptor says");
  return call_.check();
}

Done BlobStream::recover(Error failure) {
  response_.reset();
  MSB_CHECK(call_.check());
  since_failure_ = 0;
  const bool mirror = endpoint_ + 1 < registry_.endpoints().size();
  if (mirror) {
    registry_.log().info("registry", "mirror " + registry_.endpoints()[endpoint_].name + ": " + failure.message());
    ++endpoint_;
    return {};
  }
  if (++failures_ > kMostFailures) return failure;
  return retry_.wait(std::move(failure), call_);
}

Error BlobStream::wrong_size(std::string_view what) const {
  const std::string& digest = descriptor_.digest.text();
  return Error(Status::image_invalid, "blob " + digest + " of " + registry_.name() + " " + std::string(what))
      .with("digest", digest)
      .with("member", digest);
}

}  // namespace msb::registry
