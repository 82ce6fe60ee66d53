#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "archive/tar_entry.h"
#include "archive/tar_header.h"
#include "archive/tar_pax.h"
#include "base/call.h"
#include "base/stream.h"

namespace msb::archive {

/// Reads a tar strictly and in one pass: V7, ustar, GNU (long names, binary numbers, sparse files) and PAX (extended
/// headers, sparse files 0.0, 0.1 and 1.0; global headers are passed over, as container tools do). It is our own and
/// not libarchive's because of three things that the image cache needs: to tell headers from content byte for byte, to
/// see the plain header's time, and to read odd archives as container tools do (libarchive 3.6 takes a file `t/` for a
/// directory and then loses its place, and does not know sockets). It also has known bounds on time and memory.
///
/// Everything that is not content taken by body() goes to the `residue` sink as it is read: headers, padding, content
/// that nobody wanted, what follows the end marker. From the residue and the content the tar can be put together again
/// (see Recipe), and a reader in Input::residue reads the residue alone: it sees the same members without content.
///
/// What is malformed or beyond the limits fails with image_invalid. One thread at a time.
class TarReader {
 public:
  enum class Input { whole, residue };

  /// `source`, `residue` (may be null) and `call` must outlive the reader.
  TarReader(ByteSource& source, ByteSink* residue, const Call& call, const TarLimits& limits = {},
            Input input = Input::whole);

  /// Goes to the next member; what is left of the body before it is residue. False at the end of the archive: a block
  /// of zeros, or no more bytes.
  Result<bool> next(TarEntry& entry);

  /// The next piece of the member's content, empty at its end; valid until the next call of anything here. Once asked
  /// for, all of it must be taken. With Input::residue always empty.
  Result<Bytes> body();

  /// Reads what follows the end marker, all of it into the residue. Call it after next() was false.
  Done finish();

  /// Bytes of the tar that were read so far, including content that a residue leaves out.
  uint64_t offset() const { return offset_; }

 private:
  using Block = std::array<std::byte, kTarBlock>;
  struct Extensions {
    std::optional<PaxHeader> pax;
    std::optional<std::string> name;  // GNU L
    std::optional<std::string> link;  // GNU K
    bool any() const { return pax || name || link; }
  };

  Result<Bytes> peek(size_t wanted);
  Done pass(size_t size);
  Done skip(uint64_t size);
  void settle();
  Result<bool> read_block(Block& block);
  Result<std::string> read_extension(const TarHeader& header);

  Result<bool> read_member(TarEntry& entry);
  Result<bool> take_extension(const TarHeader& header, Extensions& extensions);
  Done fill_entry(const TarHeader& header, Extensions& extensions, TarEntry& entry);
  Done fill_sparse(const TarHeader& header, PaxHeader& pax, TarEntry& entry);
  Result<std::vector<uint64_t>> read_gnu_map(const TarHeader& header);
  Result<std::vector<uint64_t>> read_pax_map(uint64_t& stored);
  Done count(const TarEntry& entry);
  Error named(Error error) const;

  ByteSource* source_;
  ByteSink* residue_;
  const Call* call_;
  const TarLimits limits_;
  const Input input_;

  std::vector<std::byte> buffer_;
  Bytes window_;     // what was read and not passed: borrowed from the source, or in buffer_
  size_t lent_ = 0;  // bytes at its begin that body() has handed out
  bool source_ended_ = false;

  std::string member_;  // which errors name
  uint64_t offset_ = 0;
  uint64_t body_left_ = 0;
  uint64_t padding_ = 0;
  uint64_t entries_ = 0;
  uint64_t data_ = 0;
  uint64_t runs_ = 0;
};

}  // namespace msb::archive
