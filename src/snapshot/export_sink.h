#pragma once

#include <memory>
#include <optional>
#include <string>

#include "archive/zstd_parallel_sink.h"
#include "base/call.h"
#include "base/stream.h"
#include "os/descriptor.h"
#include "os/fs.h"
#include "os/publish.h"

namespace msb::snapshot {

/// A new file that is written from its start; its zeros are holes.
class NewFileSink final : public ByteSink {
 public:
  explicit NewFileSink(const os::File& file) : file_(&file) {}
  Done write(Bytes bytes) override;
  Done zeros(uint64_t count) override;
  /// Gives the file its length.
  Done finish() { return file_->truncate(offset_); }

 private:
  const os::File* file_;
  uint64_t offset_ = 0;
  uint64_t flushed_ = 0;
};

/// Where an archive goes: a file that appears when it is whole, or a caller's descriptor; compressed or not.
class ExportSink {
 public:
  struct Options {
    std::string path;  ///< empty for `fd`
    int fd = -1;
    bool compressed = true;
    int level = 3;
    unsigned threads = 1;
  };

  static Result<std::unique_ptr<ExportSink>> open(os::Fs& fs, const Options& options, const Call& call);

  /// For the bytes of the tar.
  ByteSink& tar() { return zstd_ ? static_cast<ByteSink&>(*zstd_) : *bytes_; }
  /// Completes the archive, and puts it in its place for good.
  Done finish();

 private:
  ExportSink() = default;

  std::string path_;
  std::optional<os::StagedFile> file_;
  NewFileSink* new_file_ = nullptr;
  std::unique_ptr<ByteSink> bytes_;
  std::unique_ptr<archive::ZstdParallelSink> zstd_;
};

}  // namespace msb::snapshot
