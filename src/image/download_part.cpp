#include "image/download_part.h"

#include <fcntl.h>

#include <cerrno>
#include <string>
#include <utility>

#include "os/dir.h"

namespace msb::image {
namespace {

constexpr size_t kHeld = size_t{1} << 20;
constexpr std::chrono::seconds kUndecided{1};

}  // namespace

DownloadPart::DownloadPart(const Context& context, const Digest& digest, uint64_t size, std::chrono::milliseconds worth,
                           bool anew)
    : context_(context),
      path_(context.paths.part(digest.safe_name())),
      lock_path_(context.paths.download_lock(digest.safe_name())),
      size_(size),
      worth_(worth) {
  if (const Done done = resume(); !done) give_up(done.error());
  if (anew && there_ != 0) remove();
}

Done DownloadPart::resume() {
  MSB_TRY(const bool exists, os::exists(context_.fs, path_));
  if (!exists) return {};
  MSB_TRY(lock_, os::FileLock::try_acquire(context_.fs, lock_path_, os::LockMode::exclusive));
  decided_ = true;
  if (!lock_) return {};  // somebody else fetches the same
  MSB_TRY(file_, os::File::open_regular(context_.fs, AT_FDCWD, path_, O_RDWR));
  MSB_TRY(there_, file_.size());
  if (there_ <= size_) return {};
  there_ = 0;  // of another blob, whatever it is called
  return file_.truncate(0);
}

void DownloadPart::see(Bytes bytes) {
  const uint64_t offset = seen_;
  seen_ += bytes.size();
  if (!decided_) {
    held_.insert(held_.end(), bytes.begin(), bytes.end());
    const auto taken = Call::Clock::now() - start_;
    if (held_.size() < kHeld && taken < kUndecided) return;
    decided_ = true;
    const double left = static_cast<double>(size_ - std::min(seen_, size_)) / static_cast<double>(seen_);
    const bool keep =
        std::chrono::duration<double>(taken).count() * left > std::chrono::duration<double>(worth_).count();
    Done done = keep ? begin() : Done();
    if (done && file_) done = file_.write_at(held_, 0);
    held_ = {};
    if (!done) give_up(done.error());
    return;
  }
  if (!file_ || seen_ <= there_) return;
  const uint64_t known = there_ > offset ? there_ - offset : 0;
  const Done done = file_.write_at(bytes.subspan(static_cast<size_t>(known)), offset + known);
  if (!done) give_up(done.error());
}

Done DownloadPart::begin() {
  MSB_TRY(lock_, os::FileLock::try_acquire(context_.fs, lock_path_, os::LockMode::exclusive));
  if (!lock_) return {};
  MSB_TRY(file_, os::File::open(context_.fs, AT_FDCWD, path_, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW));
  return {};
}

void DownloadPart::remove() {
  there_ = 0;
  if (!file_) return;
  file_ = os::File();
  const int result = context_.fs.unlink(AT_FDCWD, path_.c_str(), 0);
  if (result < 0 && result != -ENOENT) give_up(Error::io("remove", path_, -result));
  lock_.reset();
}

void DownloadPart::give_up(const Error& error) {
  context_.log.warn("image", "a pull that breaks off will begin anew: " + error.message());
  file_ = os::File();
  lock_.reset();
  there_ = 0;
}

}  // namespace msb::image
