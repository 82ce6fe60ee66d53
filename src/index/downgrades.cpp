#include "index/downgrades.h"

#include <dirent.h>
#include <fcntl.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "json/node.h"
#include "json/parse.h"
#include "os/dir.h"
#include "os/file.h"

namespace msb::index {
namespace {

constexpr size_t kMaxJournal = size_t{4} << 20;

Result<std::string> read_phase(os::Fs& fs, const std::string& journal) {
  MSB_TRY(const std::string text, os::read_small(fs, AT_FDCWD, journal, kMaxJournal));
  MSB_TRY(const json::Value document, json::parse(text, {.max_bytes = kMaxJournal}));
  MSB_TRY(const json::Node phase, json::Node(document).member("phase"));
  MSB_TRY(const std::string_view name, phase.string());
  return std::string(name);
}

Error unfinished(const std::string& journal, std::string_view what) {
  return Error(Status::database, journal + " " + std::string(what) +
                                     ", so a downgrade of microsandbox has not ended: resume it with `msb self "
                                     "downgrade` before anything is written to the home")
      .with("path", journal);
}

Done check_journal(os::Fs& fs, const std::string& journal) {
  constexpr std::string_view kComplete = "complete";
  auto phase = read_phase(fs, journal);
  if (!phase && phase.error().os_code() == ENOENT) return unfinished(journal, "is missing");
  if (!phase) return unfinished(journal, "cannot be read").because(std::move(phase).error());
  if (*phase == kComplete) return {};
  return unfinished(journal, "is not complete").with("actual", *phase).with("expected", kComplete);
}

}  // namespace

Done check_downgrades(os::Fs& fs, const std::string& directory) {
  const std::string runs = directory + "/self-downgrade";
  auto opened = os::open_dir(fs, runs);
  if (!opened && opened.error().os_code() == ENOENT) return {};
  if (!opened) return std::move(opened).error();
  MSB_TRY(const auto entries, os::list_dir(*opened));
  for (const os::DirEntry& entry : entries) {
    if (entry.type != DT_DIR || entry.name.starts_with('.')) continue;
    MSB_CHECK(check_journal(fs, runs + "/" + entry.name + "/journal.json"));
  }
  return {};
}

}  // namespace msb::index
