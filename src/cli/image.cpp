#include <unistd.h>

#include <iostream>
#include <memory>

#include "cli/command.h"
#include "cli/table.h"
#include "cli/text.h"

namespace msbctl {
namespace {

constexpr const char* kReferenceHelp = "Image as it is listed, or its full reference";

using Info = msb_image_info;

Json json_of(const Info& image) {
  return Json::object({{"reference", image.reference},
                       {"digest", image.manifest_digest},
                       {"architecture", image.architecture},
                       {"os", image.os},
                       {"layer_count", image.layer_count},
                       {"size_bytes", image.has_size_bytes ? Json(image.size_bytes) : Json()},
                       {"created_at", json_time(image.created_at_ns)},
                       {"last_used_at", json_time(image.last_used_at_ns)}});
}

std::string size_of(const Session& session, const Info& image) {
  return image.has_size_bytes ? session.size(image.size_bytes) : std::string("-");
}

Json json_array(const char* const* texts, size_t count) {
  if (texts == nullptr) return nullptr;
  Json array = Json::array();
  for (size_t i = 0; i < count; ++i) array.append(texts[i]);
  return array;
}

std::string joined(const char* const* texts, size_t count) {
  std::string line;
  for (size_t i = 0; i < count; ++i) line += (i == 0 ? "" : " ") + std::string(texts[i]);
  return line;
}

std::vector<Info> images_of(const msb_image_list* list) {
  std::vector<Info> images;
  for (size_t i = 0; i < msb_image_list_count(list); ++i) {
    images.push_back(look<msb_image_read>(msb_image_list_at(list, i)).value());
  }
  return images;
}

// --- options of pull and load ---

void add_platform(CLI::App* command, std::string& platform) {
  command->add_option("--platform", platform, "Image to take of several; default is this machine's")
      ->type_name("OS/ARCH");
}

/// Limits of layers; zero is the default.
struct LayerLimits {
  uint64_t file_bytes = 0;
  uint64_t layer_bytes = 0;
  uint64_t layer_entries = 0;

  template <typename Opts>
  void set(Opts& opts) const {
    opts.max_file_bytes = file_bytes;
    opts.max_layer_bytes = layer_bytes;
    opts.max_layer_entries = layer_entries;
  }
};

void add_limits(CLI::App* command, LayerLimits& limits) {
  add_size(command, "--max-file-bytes", limits.file_bytes, "Most bytes of one file in a layer (default: 64GiB)");
  add_size(command, "--max-layer-bytes", limits.layer_bytes, "Most bytes of all files in a layer (default: 256GiB)");
  command
      ->add_option("--max-layer-entries", limits.layer_entries,
                   "Most files and directories of a layer (default: 1000000)")
      ->type_name("COUNT");
}

void add_keep_blobs(CLI::App* command, bool& keep_blobs) {
  command->add_flag("--keep-blobs", keep_blobs,
                    "Keep the compressed layers, so that a saved image has its original digest");
}

// --- list ---

int list(Session& session) {
  const auto found = ask<msb_image_index_list>(session.client(), session.call());
  const std::vector<Info> images = images_of(found.get());
  if (session.json()) {
    Json array = Json::array();
    for (const Info& image : images) array.append(json_of(image));
    session.print(array);
    return kOk;
  }
  if (images.empty()) session.notice("No images. 'msbctl image load -i FILE' adds one.");
  Table table({"REFERENCE", "DIGEST", "SIZE", "CREATED"});
  for (const Info& image : images) {
    if (session.settings.quiet) session.streams.print(printable(image.reference) + '\n');
    table.add({image.reference, short_digest(or_empty(image.manifest_digest)), size_of(session, image),
               local_time(image.created_at_ns)});
  }
  if (!session.settings.quiet) session.streams.print(table.text(session.streams.out_colour()));
  return kOk;
}

void add_list(CLI::App& parent, Shell& shell, const std::string& names) {
  Session& session = shell.session;
  CLI::App* command = add_command(parent, names, "List the images in the cache, newest first");
  add_format(command, session);
  add_bytes(command, session);
  add_quiet(command, session, "Print references only");
  set_action(command, shell, [&session] { return list(session); });
}

// --- inspect ---

Json json_of(const msb_image_config& config) {
  Json labels = Json::object({});
  for (size_t i = 0; i < config.label_count; ++i) labels.set(config.labels[i].key, config.labels[i].value);
  return Json::object({{"digest", config.digest},
                       {"env", json_array(config.env, config.env_count)},
                       {"cmd", json_array(config.cmd, config.cmd_count)},
                       {"entrypoint", json_array(config.entrypoint, config.entrypoint_count)},
                       {"working_dir", config.working_dir},
                       {"user", config.user},
                       {"stop_signal", config.stop_signal},
                       {"labels", labels}});
}

Json json_of(const msb_image_layer& layer) {
  return Json::object(
      {{"diff_id", layer.diff_id},
       {"blob_digest", layer.blob_digest},
       {"media_type", layer.media_type},
       {"position", layer.position},
       {"compressed_size_bytes", layer.has_compressed_size_bytes ? Json(layer.compressed_size_bytes) : Json()},
       {"erofs_size_bytes", layer.has_erofs_size_bytes ? Json(layer.erofs_size_bytes) : Json()}});
}

void describe_config(const msb_image_config& config, Detail& detail) {
  detail.begin_section("Config");
  if (config.entrypoint_count > 0) detail.add_within("Entrypoint", joined(config.entrypoint, config.entrypoint_count));
  if (config.cmd_count > 0) detail.add_within("Cmd", joined(config.cmd, config.cmd_count));
  if (config.working_dir != nullptr) detail.add_within("WorkingDir", config.working_dir);
  if (config.user != nullptr) detail.add_within("User", config.user);
  if (config.stop_signal != nullptr) detail.add_within("StopSignal", config.stop_signal);
  if (config.env_count > 0) detail.add_within("Env", "");
  for (size_t i = 0; i < config.env_count; ++i) detail.add_line(4, config.env[i]);
  if (config.label_count > 0) detail.add_within("Labels", "");
  for (size_t i = 0; i < config.label_count; ++i) {
    detail.add_line(4, std::string(config.labels[i].key) + '=' + config.labels[i].value);
  }
}

int inspect(Session& session, const std::string& reference) {
  const auto found = ask<msb_image_inspect>(session.client(), reference.c_str(), session.call());
  const Info image = look<msb_image_read>(msb_image_detail_image(found.get())).value();
  const auto config = look<msb_image_detail_config>(found.get());
  const size_t layer_count = msb_image_detail_layer_count(found.get());
  if (session.json()) {
    Json object = json_of(image);
    Json layers = Json::array();
    for (size_t i = 0; i < layer_count; ++i) {
      layers.append(json_of(look<msb_image_detail_layer_at>(found.get(), i).value()));
    }
    object.set("config", config ? json_of(*config) : Json());
    object.set("layers", layers);
    object.set("media_type", image.media_type);
    object.set("variant", image.variant);
    session.print(object);
    return kOk;
  }
  Detail detail;
  detail.add("Reference", image.reference);
  detail.add("Digest", image.manifest_digest != nullptr ? image.manifest_digest : "-");
  detail.add("Architecture", image.architecture != nullptr ? image.architecture : "-");
  detail.add("OS", image.os != nullptr ? image.os : "-");
  detail.add("Size", size_of(session, image));
  detail.add("Created", local_time(image.created_at_ns));
  if (config) describe_config(*config, detail);
  detail.begin_section("Layers (" + std::to_string(layer_count) + ')');
  Table layers({"#", "BLOB", "SIZE", "ON DISK", "MEDIA TYPE"});
  for (size_t i = 0; i < layer_count; ++i) {
    const msb_image_layer layer = look<msb_image_detail_layer_at>(found.get(), i).value();
    layers.add({std::to_string(layer.position + 1), short_digest(or_empty(layer.blob_digest)),
                layer.has_compressed_size_bytes ? session.size(layer.compressed_size_bytes) : "-",
                layer.has_erofs_size_bytes ? session.size(layer.erofs_size_bytes) : "-", or_empty(layer.media_type)});
  }
  session.streams.print(detail.text() + layers.text(session.streams.out_colour()));
  return kOk;
}

void add_inspect(CLI::App& images, Shell& shell) {
  Session& session = shell.session;
  auto reference = std::make_shared<std::string>();
  CLI::App* command = add_command(images, "inspect", "Show an image with its configuration and layers");
  command->add_option("REFERENCE", *reference, kReferenceHelp)->required();
  add_format(command, session);
  add_bytes(command, session);
  set_action(command, shell, [&session, reference] { return inspect(session, *reference); });
}

// --- pull ---

struct PullOptions {
  std::string reference;
  std::string policy = "if-missing";
  std::string platform;
  std::string ca_certs;
  std::string username;
  bool force = false;
  bool insecure = false;
  bool fall_back = false;
  bool keep_blobs = false;
  LayerLimits limits;
};

uint32_t policy_of(const std::string& word) {
  if (word == "always") return MSB_PULL_ALWAYS;
  return word == "never" ? MSB_PULL_NEVER : MSB_PULL_IF_MISSING;
}

/// Passwords come on standard input: an argument would show in lists of processes.
std::string read_password() {
  if (isatty(STDIN_FILENO) == 1) {
    throw Failure(MSB_ERR_INVALID_ARGUMENT, "the password is read from standard input, which is a terminal",
                  "pipe it in: pass show registry | msbctl image pull --username NAME IMAGE");
  }
  std::string password;
  std::getline(std::cin, password);
  if (password.ends_with('\r')) password.pop_back();
  return password;
}

int pull(Session& session, const PullOptions& options) {
  const std::string password = options.username.empty() ? std::string() : read_password();
  msb_image_pull_report report{};
  report.struct_size = sizeof report;
  msb_image_pull_opts opts = MSB_IMAGE_PULL_OPTS_INIT;
  opts.policy = policy_of(options.policy);
  opts.force = options.force;
  opts.insecure = options.insecure;
  opts.username = or_null(options.username);
  opts.password = options.username.empty() ? nullptr : password.c_str();
  opts.ca_certs_path = or_null(options.ca_certs);
  opts.platform = or_null(options.platform);
  opts.keep = options.keep_blobs ? MSB_KEEP_BLOBS : MSB_KEEP_DEFAULT;
  options.limits.set(opts);
  opts.fall_back = options.fall_back;
  opts.report = &report;
  const auto pulled = ask<msb_image_pull>(session.client(), options.reference.c_str(), &opts, session.call());
  const Info image = look<msb_image_read>(pulled.get()).value();
  if (session.json()) {
    Json object = json_of(image);
    object.set("cached", report.cached);
    object.set("fell_back", report.fell_back);
    object.set("layers_fetched", report.layers_fetched);
    object.set("layers_present", report.layers_present);
    object.set("bytes_fetched", report.bytes_fetched);
    session.print(object);
    return kOk;
  }
  const char* note = report.fell_back ? " (cached: the registry cannot be reached)" : " (already cached)";
  session.tick(true, "Pulled", std::string(image.reference) + (report.cached ? note : ""));
  return kOk;
}

void add_pull(CLI::App& parent, Shell& shell) {
  Session& session = shell.session;
  auto options = std::make_shared<PullOptions>();
  CLI::App* command = add_command(parent, "pull", "Get an image from its registry");
  command->add_option("REFERENCE", options->reference, "Such as python:3.12 or localhost:5000/app@sha256:…")
      ->required();
  restrict_to(command->add_option("--policy", options->policy, "When the registry is asked; if-missing unless told"),
              {"if-missing", "always", "never"});
  command->add_flag("-f,--force", options->force, "Fetch everything anew, although it is cached");
  command->add_flag("--fall-back", options->fall_back, "Take what is cached when the registry cannot be reached");
  add_platform(command, options->platform);
  command->add_flag("--insecure", options->insecure, "The registry speaks plain HTTP");
  command->add_option("--ca-certs", options->ca_certs, "PEM file of authorities to trust as well")->type_name("PATH");
  command->add_option("-u,--username", options->username, "For the registry; the password is read from standard input")
      ->type_name("NAME");
  add_keep_blobs(command, options->keep_blobs);
  add_limits(command, options->limits);
  add_format(command, session);
  add_quiet(command, session, "Print nothing but errors");
  command->footer(
      "Credentials are those of the home's config.json, else of Docker's.\n\n"
      "Examples:\n  msbctl image pull python:3.12\n  msbctl image pull --insecure localhost:5000/app:1");
  set_action(command, shell, [&session, options] { return pull(session, *options); });
}

// --- load ---

struct LoadOptions {
  std::string input;
  std::vector<std::string> tags;
  std::string platform;
  bool keep_blobs = false;
  LayerLimits limits;
};

int load(Session& session, const LoadOptions& options) {
  if (options.input.empty() && isatty(STDIN_FILENO) == 1) {
    throw Failure(MSB_ERR_INVALID_ARGUMENT, "there is no archive to load",
                  "name one with --input FILE, or pipe it in: docker save IMAGE | msbctl image load");
  }
  std::vector<const char*> tags;
  for (const std::string& tag : options.tags) tags.push_back(tag.c_str());
  msb_image_load_opts opts = MSB_IMAGE_LOAD_OPTS_INIT;
  opts.tags = tags.data();
  opts.tag_count = tags.size();
  opts.platform = or_null(options.platform);
  opts.keep = options.keep_blobs ? MSB_KEEP_BLOBS : MSB_KEEP_DEFAULT;
  options.limits.set(opts);
  const auto loaded = ask<msb_image_load>(session.client(), or_null(options.input), &opts, session.call());
  Json array = Json::array();
  for (const Info& image : images_of(loaded.get())) {
    array.append(json_of(image));
    session.tick(true, "Loaded", image.reference);
  }
  if (session.json()) session.print(array);
  return kOk;
}

void add_load(CLI::App& parent, Shell& shell) {
  Session& session = shell.session;
  auto options = std::make_shared<LoadOptions>();
  CLI::App* command = add_command(parent, "load", "Add the images of an archive to the cache");
  command->add_option("-i,--input", options->input, "Read this file or directory, not standard input")
      ->type_name("PATH");
  add_repeated(command, "-t,--tag", options->tags, "REF", "Give the first image this reference too");
  add_platform(command, options->platform);
  add_keep_blobs(command, options->keep_blobs);
  add_limits(command, options->limits);
  add_format(command, session);
  add_quiet(command, session, "Print nothing but errors");
  command->footer(
      "Takes what docker save writes, and OCI layouts as a tar file or a directory.\n\n"
      "Examples:\n  msbctl image load -i python.tar\n  docker save python:3.12 | msbctl image load");
  set_action(command, shell, [&session, options] { return load(session, *options); });
}

// --- save ---

struct SaveOptions {
  std::vector<std::string> references;
  std::string output;
  std::string format = "docker";
};

int save(Session& session, const SaveOptions& options) {
  const bool stream = options.output.empty() || Streams::out_is(options.output);
  if (stream && session.streams.out_is_terminal()) {
    throw Failure(MSB_ERR_INVALID_ARGUMENT, "an archive is not for a terminal",
                  "name a file with --output FILE, or redirect standard output");
  }
  std::vector<const char*> references;
  for (const std::string& reference : options.references) references.push_back(reference.c_str());
  msb_image_save_opts opts = MSB_IMAGE_SAVE_OPTS_INIT;
  opts.format = options.format == "oci" ? MSB_IMAGE_FORMAT_OCI : MSB_IMAGE_FORMAT_DOCKER;
  opts.fd = STDOUT_FILENO;
  ask<msb_image_save>(session.client(), references.data(), references.size(), stream ? nullptr : options.output.c_str(),
                      &opts, session.call());
  if (!options.output.empty()) session.tick(true, "Saved", options.output);
  return kOk;
}

void add_save(CLI::App& parent, Shell& shell) {
  Session& session = shell.session;
  auto options = std::make_shared<SaveOptions>();
  CLI::App* command = add_command(parent, "save", "Write images as one archive");
  command->add_option("REFERENCES", options->references, kReferenceHelp)->required();
  command->add_option("-o,--output", options->output, "Write this file, not standard output")->type_name("PATH");
  restrict_to(command->add_option("--format", options->format, "Kind of archive; docker unless told"),
              {"docker", "oci"});
  add_quiet(command, session, "Print nothing but errors");
  command->footer(
      "Examples:\n  msbctl image save -o python.tar python:3.12\n  msbctl image save python:3.12 | docker load");
  set_action(command, shell, [&session, options] { return save(session, *options); });
}

// --- remove ---

struct RemoveOptions {
  std::vector<std::string> references;
  bool force = false;
};

void add_remove(CLI::App& parent, Shell& shell, const std::string& names) {
  Session& session = shell.session;
  auto options = std::make_shared<RemoveOptions>();
  CLI::App* command = add_command(parent, names, "Take images away, and the files only they needed");
  command->add_option("REFERENCES", options->references, kReferenceHelp)->required();
  command->add_flag("-f,--force", options->force, "Although sandboxes use the image; it stays on disk for them");
  add_format(command, session);
  add_quiet(command, session, "Print nothing but errors");
  set_action(command, shell, [&session, options] {
    return for_each(session, options->references, "removed", "Removed", "some images failed to remove",
                    [&](const std::string& reference) {
                      ask<msb_image_remove>(session.client(), reference.c_str(), options->force, session.call());
                    });
  });
}

}  // namespace

void add_image_commands(Shell& shell) {
  CLI::App* images = add_group(shell.app, "image", "Work with the image cache");
  add_pull(*images, shell);
  add_load(*images, shell);
  add_save(*images, shell);
  add_list(*images, shell, "list,ls");
  add_inspect(*images, shell);
  add_remove(*images, shell, "remove,rm");
  add_prune_commands(*images, shell);

  // Short ways that msb has as well.
  CLI::App* shortcuts = &shell.app;
  const auto before = shortcuts->get_subcommands(nullptr).size();
  add_pull(*shortcuts, shell);
  add_load(*shortcuts, shell);
  add_save(*shortcuts, shell);
  add_list(*shortcuts, shell, "images");
  add_remove(*shortcuts, shell, "rmi");
  const auto all = shortcuts->get_subcommands(nullptr);
  for (size_t i = before; i < all.size(); ++i) all[i]->group("");
}

}  // namespace msbctl
