// A layer's tar into a tree. What is accepted must leave a residue that reads as the same members.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "archive/layer_ingest.h"
#include "archive/tar_reader.h"
#include "support/streams.h"

namespace {

using namespace msb;

class Counter final : public archive::ContentSink {
 public:
  Done begin(tree::Tree&, tree::Id, const archive::TarEntry&) override { return {}; }
  Done write(Bytes bytes) override {
    size += bytes.size();
    return {};
  }
  size_t size = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Call call;
  test::StringSource source(std::string(reinterpret_cast<const char*>(data), size));
  test::StringSink residue;
  archive::TarReader reader(source, &residue, call);
  Counter content;
  const auto tree = archive::read_layer(reader, content);
  if (!tree) {
    if (tree.error().status() != Status::image_invalid) std::abort();
    return 0;
  }
  if (content.size + residue.text.size() != size) std::abort();

  test::StringSource bare(residue.text);
  test::StringSink same;
  archive::TarReader again(bare, &same, call, {}, archive::TarReader::Input::residue);
  Counter nothing;
  const auto bare_tree = archive::read_layer(again, nothing);
  if (!bare_tree || nothing.size != 0 || same.text != residue.text) std::abort();
  if (bare_tree->inode_count() != tree->inode_count()) std::abort();
  return 0;
}
