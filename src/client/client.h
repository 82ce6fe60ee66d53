#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "base/call.h"
#include "base/log.h"
#include "client/home.h"
#include "image/context.h"

namespace msb::client {

struct Options {
  HomeOptions home;
  bool read_only = false;
  bool create = true;
  bool recover = true;
  index::Edition edition = index::default_edition();  ///< of the database of a home that has none yet
  std::optional<std::chrono::milliseconds> busy_timeout;
  unsigned threads = 0;  ///< 0: the number of processors
  Log log;
};

/// An open home. Any thread may use it; it holds no lock between calls.
class Client {
 public:
  static Result<std::unique_ptr<Client>> open(os::Fs& fs, Options options, const Call& call);

  const Home& home() const { return home_; }
  const std::string& database_path() const { return database_->path(); }
  /// Nothing can be written: asked for at open, the schema is one that this library must not write, or the home is on
  /// read-only media. Then nothing in the home is made or changed.
  bool read_only() const { return read_only_; }
  const Log& log() const { return log_; }

  const image::Context& context() const { return *context_; }
  /// The same for what is going to write: fails with `unsupported` when the client was opened read-only, and with
  /// `database`, naming both versions, when the schema may not be written.
  Result<const image::Context*> context_to_change(const Call& call) const;
  /// The same for what writes files outside the home too, where nothing but `unsupported` forbids it: it asks the
  /// database itself before it writes within.
  Result<const image::Context*> context_for_files() const;

 private:
  Client(Home home, Options& options)
      : home_(std::move(home)), log_(std::move(options.log)), asked_read_only_(options.read_only) {}

  const Home home_;
  const Log log_;
  const bool asked_read_only_;
  bool read_only_ = false;
  std::unique_ptr<index::Database> database_;
  std::optional<image::Context> context_;
};

}  // namespace msb::client
