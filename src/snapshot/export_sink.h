#pragma once

#include <memory>
#include <string>

#include "archive/zstd_parallel_sink.h"
#include "base/call.h"
#include "base/stream.h"
#include "os/fs.h"
#include "os/output_file.h"

namespace msb::snapshot {

/// Where an archive goes: what the caller named or has open; compressed or not.
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
  ByteSink& tar() { return zstd_ ? static_cast<ByteSink&>(*zstd_) : output_->sink(); }
  /// Completes the archive, and puts it in its place for good.
  Done finish();

 private:
  ExportSink() = default;

  std::unique_ptr<os::OutputFile> output_;
  std::unique_ptr<archive::ZstdParallelSink> zstd_;
};

}  // namespace msb::snapshot
