#pragma once

#include <string>
#include <string_view>

namespace msb::image {

/// Names of everything below a cache directory (formats/images.md §1). `layer` arguments are safe names of diff IDs,
/// `manifest` ones of manifest digests (`sha256_<hex>`), `key` is the SHA-256 of a normalised reference.
class CachePaths {
 public:
  explicit CachePaths(std::string root) : root_(std::move(root)) {}

  const std::string& root() const { return root_; }
  std::string layers() const { return root_ + "/layers"; }
  std::string fsmeta() const { return root_ + "/fsmeta"; }
  std::string vmdk() const { return root_ + "/vmdk"; }
  std::string manifests() const { return root_ + "/manifests"; }
  std::string flat() const { return root_ + "/flat"; }
  std::string tmp() const { return root_ + "/tmp"; }
  std::string blobs() const { return root_ + "/blobs"; }    ///< ours: originals kept on request
  std::string leases() const { return root_ + "/leases"; }  ///< ours: what work in flight needs

  std::string layer(std::string_view layer) const { return join("/layers/", layer, ".erofs"); }
  std::string layer_lock(std::string_view layer) const { return join("/layers/", layer, ".erofs.lock"); }
  std::string recipe(std::string_view layer) const { return join("/layers/", layer, ".recipe"); }
  std::string fsmeta(std::string_view manifest) const { return join("/fsmeta/", manifest, ".erofs"); }
  std::string fsmeta_lock(std::string_view manifest) const { return join("/fsmeta/", manifest, ".erofs.lock"); }
  std::string vmdk(std::string_view manifest) const { return join("/vmdk/", manifest, ".vmdk"); }
  std::string metadata(std::string_view key) const { return join("/manifests/", key, ".json"); }
  std::string metadata_lock(std::string_view key) const { return join("/manifests/", key, ".lock"); }
  std::string blob(std::string_view blob) const { return join("/blobs/", blob, ""); }
  std::string part(std::string_view blob) const { return join("/tmp/", blob, ".part"); }
  std::string download_lock(std::string_view blob) const { return join("/tmp/", blob, ".download.lock"); }

 private:
  std::string join(std::string_view folder, std::string_view name, std::string_view suffix) const {
    std::string path = root_;
    path += folder;
    path += name;
    path += suffix;
    return path;
  }

  std::string root_;
};

}  // namespace msb::image
