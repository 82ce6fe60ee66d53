#include "snapshot/export_sink.h"

#include "os/dir.h"

namespace msb::snapshot {
namespace {

constexpr mode_t kArchiveMode = 0600;  // it holds a disk
constexpr uint64_t kFlushStep = uint64_t{8} << 20;

}  // namespace

Done NewFileSink::write(Bytes bytes) {
  MSB_CHECK(file_->write_at(bytes, offset_));
  offset_ += bytes.size();
  if (offset_ - flushed_ >= kFlushStep) {
    file_->start_writeback(flushed_, offset_ - flushed_);
    flushed_ = offset_;
  }
  return {};
}

Done NewFileSink::zeros(uint64_t count) {
  offset_ += count;
  return {};
}

Result<std::unique_ptr<ExportSink>> ExportSink::open(os::Fs& fs, const Options& options, const Call& call) {
  std::unique_ptr<ExportSink> sink(new ExportSink());
  if (options.path.empty()) {
    sink->bytes_ = std::make_unique<os::DescriptorSink>(options.fd, "descriptor " + std::to_string(options.fd), call);
  } else {
    sink->path_ = options.path;
    const std::string directory = os::parent_path(options.path);
    MSB_CHECK(os::make_dirs(fs, directory));
    // What an export left there that was killed: nobody else would look for it.
    MSB_TRY(const size_t swept, os::sweep_leftovers(fs, directory, call));
    static_cast<void>(swept);
    MSB_TRY(sink->file_, os::StagedFile::create(fs, directory, kArchiveMode));
    auto file = std::make_unique<NewFileSink>(sink->file_->file());
    sink->new_file_ = file.get();
    sink->bytes_ = std::move(file);
  }
  if (options.compressed) {
    sink->zstd_ = std::make_unique<archive::ZstdParallelSink>(*sink->bytes_, options.level, options.threads, call);
  }
  return sink;
}

Done ExportSink::finish() {
  if (zstd_) MSB_CHECK(zstd_->finish());
  if (new_file_ == nullptr) return {};
  MSB_CHECK(new_file_->finish());
  return file_->publish(path_, os::Existing::replace);
}

}  // namespace msb::snapshot
