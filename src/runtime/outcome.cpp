#include "runtime/outcome.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/stream.h"
#include "json/parse.h"
#include "json/write.h"
#include "os/dir.h"
#include "os/publish.h"

namespace msb::runtime {
namespace {

constexpr size_t kMaxDocument = 16384;
constexpr char kArtifact[] = "sandbox-machine";

constexpr auto kEnds = std::to_array<std::pair<End, std::string_view>>({
    {End::exited, "exited"},
    {End::signalled, "signalled"},
    {End::failed, "failed"},
    {End::killed, "killed"},
    {End::lost, "lost"},
});

uint64_t number_at(const json::Value& document, std::string_view name) {
  const json::Value* value = document.find(name);
  return value != nullptr ? value->u64().value_or(0) : 0;
}

std::string text_at(const json::Value& document, std::string_view name) {
  const json::Value* value = document.find(name);
  return value != nullptr && value->string() != nullptr ? *value->string() : std::string();
}

}  // namespace

Done write_outcome(os::Fs& fs, const std::string& directory, const Outcome& outcome) {
  const auto* end = std::ranges::find(kEnds, outcome.end, &std::pair<End, std::string_view>::first);
  const json::Object document{
      {"schema", 1},
      {"artifact", kArtifact},
      {"end", end->second},
      {"number", outcome.number},
      {"clean", outcome.clean},
      {"message", outcome.message},
      {"stdout_bytes", outcome.out_bytes},
      {"stderr_bytes", outcome.err_bytes},
      {"accelerator", accelerator_name(outcome.accelerator)},
      {"ready_ms", outcome.ready_ms},
      {"total_ms", outcome.total_ms},
  };
  const std::string text = json::write(json::Value(document)) + '\n';
  const std::string folder = os::join_path(directory, kRuntime);
  MSB_TRY(os::StagedFile staged, os::StagedFile::create(fs, folder));
  MSB_CHECK(staged.file().write_at(as_bytes(text), 0));
  return staged.publish(os::join_path(directory, kOutcome), os::Existing::replace);
}

std::optional<Outcome> read_outcome(os::Fs& fs, const std::string& directory) {
  const auto text = os::read_small(fs, AT_FDCWD, os::join_path(directory, kOutcome), kMaxDocument);
  if (!text) return std::nullopt;
  const auto document = json::parse(*text);
  if (!document || text_at(*document, "artifact") != kArtifact) return std::nullopt;
  const std::string word = text_at(*document, "end");
  const auto* end = std::ranges::find(kEnds, std::string_view(word), &std::pair<End, std::string_view>::second);
  if (end == kEnds.end()) return std::nullopt;
  Outcome outcome;
  outcome.end = end->first;
  outcome.number = static_cast<int>(std::min<uint64_t>(number_at(*document, "number"), 255));
  const json::Value* clean = document->find("clean");
  outcome.clean = clean != nullptr && clean->boolean().value_or(false);
  outcome.message = text_at(*document, "message");
  outcome.out_bytes = number_at(*document, "stdout_bytes");
  outcome.err_bytes = number_at(*document, "stderr_bytes");
  outcome.accelerator = text_at(*document, "accelerator") == "kvm" ? Accelerator::kvm : Accelerator::tcg;
  outcome.ready_ms = number_at(*document, "ready_ms");
  outcome.total_ms = number_at(*document, "total_ms");
  return outcome;
}

}  // namespace msb::runtime
