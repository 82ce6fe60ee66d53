#include "runtime/log_file.h"

#include <algorithm>

namespace msb::runtime {
namespace {

constexpr size_t kTail = 400;

}  // namespace

Result<LogFile> LogFile::create(os::Fs& fs, const std::string& path, uint64_t limit) {
  MSB_TRY(os::File file, os::File::open(fs, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600));
  return LogFile(std::move(file), limit);
}

void LogFile::append(std::string_view bytes) {
  if (total_ < limit_) {
    const auto kept = bytes.substr(0, static_cast<size_t>(std::min<uint64_t>(bytes.size(), limit_ - total_)));
    if (!file_.write_at(as_bytes(kept), total_)) limit_ = total_;
  }
  total_ += bytes.size();
  tail_.append(bytes.substr(bytes.size() - std::min(bytes.size(), kTail)));
  if (tail_.size() > kTail) tail_.erase(0, tail_.size() - kTail);
}

std::string LogFile::tail() const {
  std::string text;
  for (const char c : tail_) {
    const char shown = c >= ' ' && c <= '~' ? c : ' ';
    if (shown != ' ' || (!text.empty() && text.back() != ' ')) text.push_back(shown);
  }
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

}  // namespace msb::runtime
