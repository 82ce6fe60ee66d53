#include "snapshot/export_sink.h"

namespace msb::snapshot {
namespace {

constexpr mode_t kArchiveMode = 0600;  // it holds a disk

}  // namespace

Result<std::unique_ptr<ExportSink>> ExportSink::open(os::Fs& fs, const Options& options, const Call& call) {
  std::unique_ptr<ExportSink> sink(new ExportSink());
  if (options.path.empty()) {
    sink->output_ = os::OutputFile::on_descriptor(options.fd, call);
  } else {
    MSB_TRY(sink->output_, os::OutputFile::open(fs, options.path, {kArchiveMode, true}, call));
  }
  if (options.compressed) {
    sink->zstd_ =
        std::make_unique<archive::ZstdParallelSink>(sink->output_->sink(), options.level, options.threads, call);
  }
  return sink;
}

Done ExportSink::finish() {
  if (zstd_) MSB_CHECK(zstd_->finish());
  return output_->finish();
}

}  // namespace msb::snapshot
