#include "runtime/libarchive.h"

#include "os/shared_library.h"

namespace msb::runtime {
namespace {

os::LateFunctions<LibArchive> late;

}  // namespace

Result<LibArchive> LibArchive::load() {
  MSB_TRY(const auto library, os::SharedLibrary::open({"libarchive.so.13", "machines", "libarchive13"}));
  LibArchive archive{};
#define MSB_LIBARCHIVE_FIND(name) MSB_CHECK(library.find("archive_" #name, archive.name));
  MSB_LIBARCHIVE_FUNCTIONS(MSB_LIBARCHIVE_FIND)
#undef MSB_LIBARCHIVE_FIND
  return archive;
}

Done load_libarchive() { return late.load(); }

const LibArchive& libarchive() { return *late; }

}  // namespace msb::runtime
