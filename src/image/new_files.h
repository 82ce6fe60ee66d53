#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "base/call.h"
#include "digest/digest.h"
#include "image/assemble.h"
#include "image/context.h"

namespace msb::image {

/// Files that a piece of work has put into the cache and that were not there before, so that it can take them back when
/// it fails. Any thread may add.
class NewFiles {
 public:
  /// `needed` is what others who need the file have in their leases and rows.
  void add(const Digest& needed, std::string path, std::string lock = {});
  /// A layer's file and its recipe.
  void add_layer(const CachePaths& paths, const Digest& diff_id);
  /// What assemble() has made of an image.
  void add_image(const CachePaths& paths, const Digest& manifest, const Assembled& assembled);

  /// Removes those that nobody has come to need meanwhile: neither a living lease nor a row names them. The worker's
  /// own lease must be gone. What cannot be removed is left to the next sweep, with a line in the log.
  void take_back(const Context& context);

 private:
  struct NewFile {
    Digest needed;
    std::string path;
    std::string lock;  ///< of its writers; may be empty
  };

  Done try_take_back(const Context& context, const Call& call) const;

  std::mutex mutex_;
  std::vector<NewFile> files_;
};

}  // namespace msb::image
