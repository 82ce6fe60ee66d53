#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/call.h"
#include "base/stream.h"
#include "os/file.h"
#include "os/publish.h"

namespace msb::os {

/// Where the output goes that a caller asked for. What the name leads to decides how it is written:
///
/// - nothing, or a regular file: a new file appears under the name when it is whole, and until then what was there is
///   what it was. A symbolic link stays, and the file that it leads to is the one that is replaced. The new file has no
///   name while it is written, where the file system can do that, so that a killed process leaves nothing.
/// - anything else (a FIFO, a device, a terminal, a descriptor as in /dev/stdout) is written as it is, from where it
///   stands, and is what it was afterwards. So is a file that is a mount point of its own, which cannot be replaced.
class OutputFile {
 public:
  struct Options {
    mode_t mode = 0600;         ///< of a new file
    bool make_parents = false;  ///< make missing directories above it
  };
  /// `call` outlives the object. Opening a FIFO waits for its reader, as long as the call goes on.
  static Result<std::unique_ptr<OutputFile>> open(Fs& fs, const std::string& path, const Options& options,
                                                  const Call& call);
  /// What the caller has open; it stays open, and the caller's.
  static std::unique_ptr<OutputFile> on_descriptor(int fd, const Call& call);

  /// For the bytes, from the first to the last. Zeros become holes where there is a new file.
  ByteSink& sink() { return *sink_; }
  /// The output is complete: puts a new file in its place for good. Without it nothing appears under the name.
  Done finish();

 private:
  OutputFile() = default;
  Done write_into(Fs& fs, const std::string& path, const struct stat& st, const Call& call);
  Done write_descriptor(Fs& fs, int fd, const std::string& path, const Call& call);
  Done stage(Fs& fs, const std::string& path, mode_t mode);
  Done check_target() const;
  Done link_unnamed();

  File file_;                        // what is written in place or has no name yet; empty for the caller's descriptor
  File directory_;                   // of a file without a name
  std::optional<StagedFile> named_;  // where every file needs a name
  std::string target_;               // of a new file; empty for what is written in place
  std::unique_ptr<ByteSink> sink_;
  class NewFileSink* new_file_ = nullptr;
  bool sync_ = false;  // in place, and on a disk
};

/// A new file that is written from its start; its zeros are holes.
class NewFileSink final : public ByteSink {
 public:
  explicit NewFileSink(const File& file) : file_(&file) {}
  Done write(Bytes bytes) override;
  Done zeros(uint64_t count) override;
  /// Gives the file its length.
  Done finish() { return file_->truncate(offset_); }

 private:
  const File* file_;
  uint64_t offset_ = 0;
  uint64_t flushed_ = 0;
};

}  // namespace msb::os
