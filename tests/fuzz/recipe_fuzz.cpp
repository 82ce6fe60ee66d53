// A recipe over a layer file of noise. The hash is made right first, or nothing behind it would ever be reached.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "archive/recipe.h"
#include "digest/sha256.h"

using namespace msb;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Call call;
  std::string text(reinterpret_cast<const char*>(data), size);
  if (size >= sizeof(Sha256::Value)) {
    Sha256 hash;
    hash.update(as_bytes(std::string_view(text).substr(0, size - sizeof(Sha256::Value))));
    text.replace(size - sizeof(Sha256::Value), sizeof(Sha256::Value), as_text(hash.value()));
  }
  static os::File file = std::move(*os::File::temporary(os::real_fs(), "/tmp"));
  static const os::File layer_file = [] {
    os::File made = std::move(*os::File::temporary(os::real_fs(), "/tmp"));
    if (!made.write_at(as_bytes(std::string(8192, 'n')), 0)) std::abort();
    return made;
  }();
  if (!file.truncate(0) || !file.write_at(as_bytes(text), 0)) std::abort();

  const auto recipe = archive::Recipe::open(file, call);
  if (!recipe) return 0;
  const auto tree = recipe->read_tree(call);
  if (!tree && tree.error().status() != Status::image_invalid) std::abort();
  const Done same = archive::verify_layer(*recipe, layer_file, call);
  if (!same && same.error().status() != Status::image_invalid) std::abort();
  return 0;
}
