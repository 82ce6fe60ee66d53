#pragma once

#include <string>
#include <utility>
#include <vector>

#include "digest/digest.h"
#include "support/tar_builder.h"

namespace msb::test {

inline std::string sha256_of(const std::string& bytes) { return Digest::sha256_of(as_bytes(bytes)).text(); }
inline std::string hex_of(const std::string& bytes) { return sha256_of(bytes).substr(7); }

/// The tar of a layer with one file.
inline std::string small_layer(const std::string& name, const std::string& content) {
  return TarBuilder().directory("etc").add("etc/" + name, content).end().str();
}

/// A configuration for these plain layer tars.
inline std::string config_for(const std::vector<std::string>& tars, const std::string& architecture = "amd64") {
  std::string text = R"({"architecture":")" + architecture +
                     R"(","os":"linux","config":{"Env":["A=b"],"Cmd":["sh"]},)" +
                     R"("rootfs":{"type":"layers","diff_ids":[)";
  for (const std::string& tar : tars) text += (&tar == &tars.front() ? "\"" : ",\"") + sha256_of(tar) + "\"";
  return text + "]}}";
}

/// A `docker save` archive of one image.
inline std::string docker_archive(const std::string& tag, const std::vector<std::string>& tars) {
  const std::string config = config_for(tars);
  std::string layers;
  TarBuilder archive;
  for (const std::string& tar : tars) {
    const std::string name = hex_of(tar) + "/layer.tar";
    archive.add(name, tar);
    layers += (layers.empty() ? "\"" : ",\"") + name + "\"";
  }
  const std::string name = hex_of(config) + ".json";
  archive.add(name, config);
  const std::string tags = tag.empty() ? "null" : "[\"" + tag + "\"]";
  archive.add("manifest.json",
              R"([{"Config":")" + name + R"(","RepoTags":)" + tags + R"(,"Layers":[)" + layers + "]}]");
  return archive.end().str();
}

/// Files of an OCI layout, to be changed before they become an archive.
class OciLayout {
 public:
  OciLayout() { put("oci-layout", R"({"imageLayoutVersion":"1.0.0"})"); }

  void put(const std::string& path, const std::string& content) {
    for (auto& [name, bytes] : files_) {
      if (name == path) {
        bytes = content;
        return;
      }
    }
    files_.emplace_back(path, content);
  }
  void remove(const std::string& path) {
    std::erase_if(files_, [&](const auto& file) { return file.first == path; });
  }
  static std::string path_of(const std::string& content) { return "blobs/sha256/" + hex_of(content); }

  /// Adds a blob and returns its descriptor.
  std::string blob(const std::string& content, const std::string& media_type, const std::string& more = {}) {
    put(path_of(content), content);
    return R"({"mediaType":")" + media_type + R"(","digest":")" + sha256_of(content) + R"(","size":)" +
           std::to_string(content.size()) + more + "}";
  }
  /// Adds an image of these layers, blobs and the tars in them, and returns the descriptor of its manifest.
  std::string image(const std::vector<std::string>& blobs, const std::vector<std::string>& tars,
                    const std::string& more = {}, const std::string& architecture = "amd64") {
    const std::string config = blob(config_for(tars, architecture), "application/vnd.oci.image.config.v1+json");
    std::string layers;
    for (const std::string& layer : blobs) {
      layers += (layers.empty() ? "" : ",") + blob(layer, "application/vnd.oci.image.layer.v1.tar+gzip");
    }
    // Not as anybody's encoder would write it: the exact bytes count.
    return blob(R"({ "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": )" +
                    config + R"(, "layers": [)" + layers + R"(], "annotations": {"vendor": "x"} })",
                "application/vnd.oci.image.manifest.v1+json", more);
  }
  static std::string named(const std::string& name) {
    return R"(,"annotations":{"org.opencontainers.image.ref.name":")" + name + "\"}";
  }
  static std::string for_platform(const std::string& architecture) {
    return R"(,"platform":{"os":"linux","architecture":")" + architecture + "\"}";
  }
  void index(const std::vector<std::string>& descriptors) {
    std::string list;
    for (const std::string& descriptor : descriptors) list += (list.empty() ? "" : ",") + descriptor;
    put("index.json", R"({"schemaVersion":2,"manifests":[)" + list + "]}");
  }

  const std::vector<std::pair<std::string, std::string>>& files() const { return files_; }
  std::string tar() const {
    TarBuilder archive;
    for (const auto& [name, content] : files_) archive.add(name, content);
    return archive.end().str();
  }

 private:
  std::vector<std::pair<std::string, std::string>> files_;
};

}  // namespace msb::test
