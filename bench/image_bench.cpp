// A two-layer image of some 180 MB on its way into an empty cache and out again, with everything synced. Homes and
// archives lie in $TMPDIR or /tmp, which should be the disk that is meant.

#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "archive/tar_writer.h"
#include "digest/digest.h"
#include "image/load.h"
#include "image/save.h"

namespace msb {
namespace {

std::filesystem::path make_folder() {
  const char* const named = std::getenv("TMPDIR");
  std::string name = std::string(named != nullptr ? named : "/tmp") + "/msb-image-bench-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) std::abort();
  return name;
}

class Text final : public ByteSink {
 public:
  Done write(Bytes bytes) override {
    text.append(as_text(bytes));
    return {};
  }
  std::string text;
};

/// About as compressible as programs are: runs of the same few words between bytes that look random.
std::string body(size_t size, uint64_t seed) {
  static constexpr std::string_view kWords[] = {"the ", "return ", "\x48\x89\xe5\x48", "\0\0\0\0\0\0\0\0", "lib"};
  std::string text;
  uint64_t state = seed * 0x9E3779B97F4A7C15 + 1;
  while (text.size() < size) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    text.append(reinterpret_cast<const char*>(&state), 6);
    for (uint64_t words = state >> 61; words > 0; --words) text += kWords[(state >> (words * 5)) % std::size(kWords)];
  }
  text.resize(size);
  return text;
}

/// A layer of `mebibytes`: many small files and some large ones.
std::string make_layer(size_t mebibytes, uint64_t seed) {
  Text out;
  archive::TarWriter tar(out);
  for (size_t i = 0; out.text.size() < mebibytes << 20; ++i) {
    const std::string name = "usr/share/part-" + std::to_string(seed * 1000 + i / 100) + "/file-" + std::to_string(i);
    const size_t size = i % 50 == 0 ? 1'200'000 : 1000 + (i * 7919) % 20'000;
    (void)tar.add_file(name, as_bytes(body(size, seed + i)));
  }
  (void)tar.finish();
  return std::move(out.text);
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// `docker save` of the image, plain or with compressed layers. Made once; the file goes with the process.
class Archives {
 public:
  static const Archives& get() {
    static const Archives archives;
    return archives;
  }
  std::string path(bool compressed) const { return folder_ / (compressed ? "gzip.tar" : "plain.tar"); }
  int64_t bytes() const { return bytes_; }

 private:
  Archives() {
    const std::vector<std::string> layers = {make_layer(140, 1), make_layer(40, 1'000'000)};
    std::string diff_ids;
    std::string names;
    for (size_t i = 0; i < layers.size(); ++i) {
      bytes_ += static_cast<int64_t>(layers[i].size());
      diff_ids += (i == 0 ? "\"" : ",\"") + Digest::sha256_of(as_bytes(layers[i])).text() + "\"";
      names += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "/layer.tar\"";
    }
    const std::string config =
        R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[)" + diff_ids + "]}}";
    for (const bool compressed : {false, true}) {
      Text out;
      archive::TarWriter tar(out);
      for (size_t i = 0; i < layers.size(); ++i) {
        (void)tar.add_file(std::to_string(i) + "/layer.tar", as_bytes(compressed ? gzip(layers[i]) : layers[i]));
      }
      (void)tar.add_file("config.json", as_bytes(config));
      (void)tar.add_file("manifest.json",
                         as_bytes(R"([{"Config":"config.json","RepoTags":["bench:1"],"Layers":[)" + names + "]}]"));
      (void)tar.finish();
      std::ofstream(path(compressed), std::ios::binary) << out.text;
    }
  }
  ~Archives() { std::filesystem::remove_all(folder_); }

  const std::filesystem::path folder_ = make_folder();
  int64_t bytes_ = 0;
};

/// An empty home.
class Home {
 public:
  Home() {
    auto database = index::Database::open(os::real_fs(), folder_ / "db", {}, call_);
    if (!database) std::abort();
    database_ = std::move(*database);
    context_.emplace(image::Context{.fs = os::real_fs(),
                                    .database = *database_,
                                    .log = log_,
                                    .paths = image::CachePaths(folder_ / "cache"),
                                    .snapshots_dir = folder_ / "snapshots",
                                    .sandboxes_dir = folder_ / "sandboxes",
                                    .threads = 2});
  }
  ~Home() {
    context_.reset();
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  bool load(bool compressed) {
    image::LoadRequest request;
    request.path = Archives::get().path(compressed);
    request.platform = oci::Platform{"linux", "amd64", ""};
    return image::load(*context_, request, call_).ok();
  }
  bool save(image::Format format) {
    image::SaveRequest request;
    request.references = {"bench:1"};
    request.path = folder_ / "saved.tar";
    request.format = format;
    return image::save(*context_, request, call_).ok();
  }

 private:
  const std::filesystem::path folder_ = make_folder();
  Call call_;
  Log log_;
  std::unique_ptr<index::Database> database_;
  std::optional<image::Context> context_;
};

/// Argument: whether the layers are compressed.
void load_image(benchmark::State& state) {
  const bool compressed = state.range(0) != 0;
  Archives::get();
  for (auto _ : state) {
    state.PauseTiming();
    auto home = std::make_unique<Home>();
    state.ResumeTiming();
    if (!home->load(compressed)) state.SkipWithError("not loaded");
    state.PauseTiming();
    home.reset();
    state.ResumeTiming();
  }
  state.SetBytesProcessed(state.iterations() * Archives::get().bytes());
}
BENCHMARK(load_image)->ArgName("gzip")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond)->UseRealTime();

void load_image_again(benchmark::State& state) {
  Home home;
  if (!home.load(true)) state.SkipWithError("not loaded");
  for (auto _ : state) {
    if (!home.load(true)) state.SkipWithError("not loaded");
  }
}
BENCHMARK(load_image_again)->Unit(benchmark::kMillisecond)->UseRealTime();

void save_image(benchmark::State& state) {
  Home home;
  if (!home.load(true)) state.SkipWithError("not loaded");
  for (auto _ : state) {
    if (!home.save(image::Format::docker)) state.SkipWithError("not saved");
  }
  state.SetBytesProcessed(state.iterations() * Archives::get().bytes());
}
BENCHMARK(save_image)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace msb

BENCHMARK_MAIN();
