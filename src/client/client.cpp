#include "client/client.h"

#include <fcntl.h>

#include <cerrno>

#include <sys/stat.h>

#include "image/recover.h"
#include "os/dir.h"
#include "os/workers.h"
#include "snapshot/translate.h"

namespace msb::client {
namespace {

/// Makes the directories that a home has from its first day, beside that of its database. The cache may be elsewhere,
/// and shared.
Done create_directories(os::Fs& fs, const Home& home) {
  const image::CachePaths cache(home.cache);
  for (const auto& path :
       {cache.layers(), cache.fsmeta(), cache.vmdk(), cache.manifests(), cache.tmp(), cache.blobs(), cache.leases()}) {
    MSB_CHECK(os::make_dirs(fs, path));
  }
  return {};
}

Done need_home(os::Fs& fs, const Home& home) {
  struct stat st {};
  const int result = fs.fstatat(AT_FDCWD, home.root.c_str(), &st, 0);
  if (result < 0) return Error::io("open the home", home.root, -result);
  if (!S_ISDIR(st.st_mode)) return Error::io("open the home", home.root, ENOTDIR);
  return {};
}

}  // namespace

Result<std::unique_ptr<Client>> Client::open(os::Fs& fs, Options options, const Call& call) {
  MSB_TRY(Home home, locate_home(fs, options.home));
  if (options.read_only || !options.create) MSB_CHECK(need_home(fs, home));

  std::unique_ptr<Client> client(new Client(std::move(home), options));
  const Home& at = client->home_;
  index::DatabaseOptions database;
  database.read_only = options.read_only;
  database.edition = options.edition;
  database.busy_timeout = options.busy_timeout.value_or(at.busy_timeout.value_or(database.busy_timeout));
  MSB_TRY(client->database_, index::Database::open(fs, at.database, database, call));
  // First of all: in a home whose schema may not be written nothing else is made either.
  client->read_only_ = !client->database_->opened_for_writing();
  if (!client->read_only_) MSB_CHECK(create_directories(fs, at));
  client->context_.emplace(image::Context{
      .fs = fs,
      .database = *client->database_,
      .log = client->log_,
      .paths = image::CachePaths(at.cache),
      .snapshots_dir = at.snapshots,
      .sandboxes_dir = at.sandboxes,
      .busy_timeout = database.busy_timeout,
      .threads = options.threads != 0 ? options.threads : os::processor_count(),
      .read_only = client->read_only_,
  });
  if (options.recover && !client->read_only_) {
    for (const auto& tidied : {image::recover(*client->context_, image::Thoroughness::cheap, call),
                               snapshot::translate(*client->context_, call)}) {
      // What cannot be tidied must not keep anybody out of the home.
      if (!tidied && tidied.error().status() != Status::cancelled) {
        client->log_.warn("client", tidied.error().message());
      }
    }
  }
  return client;
}

Result<const image::Context*> Client::context_to_change(const Call& call) const {
  MSB_TRY(const image::Context* const context, context_for_files());
  MSB_CHECK(database_->check_writable(call));
  return context;
}

Result<const image::Context*> Client::context_for_files() const {
  if (asked_read_only_) return Error(Status::unsupported, "the client is read-only").with("path", home_.root);
  return &*context_;
}

}  // namespace msb::client
