#include <microsandbox.h>

#include "input.h"
#include "job.h"
#include "operations.h"
#include "values.h"

namespace msb_node {
namespace {

Napi::Object image_object(Napi::Env env, const msb_image* image) {
  msb_image_info info{};
  info.struct_size = sizeof info;
  msb_image_read(image, &info);
  Napi::Object object = Napi::Object::New(env);
  object["reference"] = text(env, info.reference);
  object["sizeBytes"] = number(env, info.has_size_bytes, info.size_bytes);
  object["manifestDigest"] = text(env, info.manifest_digest);
  object["architecture"] = text(env, info.architecture);
  object["os"] = text(env, info.os);
  object["layerCount"] = info.layer_count;
  object["lastUsedAt"] = date(env, info.last_used_at_ns);
  object["createdAt"] = date(env, info.created_at_ns);
  return object;
}

Napi::Value image_objects(Napi::Env env, Owned<msb_image_list>& list) {
  return array(env, msb_image_list_count(list.get()),
               [&](std::size_t index) { return image_object(env, msb_image_list_at(list.get(), index)); });
}

Napi::Value config_object(Napi::Env env, const msb_image_detail* detail) {
  msb_image_config config{};
  config.struct_size = sizeof config;
  if (!msb_image_detail_config(detail, &config)) return env.Null();
  Napi::Object object = Napi::Object::New(env);
  object["digest"] = text(env, config.digest);
  object["env"] = config.env != nullptr ? texts(env, config.env, config.env_count) : Napi::Array::New(env);
  object["cmd"] = texts(env, config.cmd, config.cmd_count);
  object["entrypoint"] = texts(env, config.entrypoint, config.entrypoint_count);
  object["workingDir"] = text(env, config.working_dir);
  object["user"] = text(env, config.user);
  object["labels"] = config.labels != nullptr ? pairs(env, config.labels, config.label_count) : env.Null();
  object["stopSignal"] = text(env, config.stop_signal);
  return object;
}

Napi::Object layer_object(Napi::Env env, const msb_image_detail* detail, std::size_t index) {
  msb_image_layer layer{};
  layer.struct_size = sizeof layer;
  msb_image_detail_layer_at(detail, index, &layer);
  Napi::Object object = Napi::Object::New(env);
  object["diffId"] = text(env, layer.diff_id);
  object["blobDigest"] = text(env, layer.blob_digest);
  object["mediaType"] = text(env, layer.media_type);
  object["compressedSizeBytes"] = number(env, layer.has_compressed_size_bytes, layer.compressed_size_bytes);
  object["erofsSizeBytes"] = number(env, layer.has_erofs_size_bytes, layer.erofs_size_bytes);
  object["position"] = layer.position;
  return object;
}

Napi::Value detail_object(Napi::Env env, Owned<msb_image_detail>& detail) {
  Napi::Object object = Napi::Object::New(env);
  object["handle"] = image_object(env, msb_image_detail_image(detail.get()));
  object["config"] = config_object(env, detail.get());
  object["layers"] = array(env, msb_image_detail_layer_count(detail.get()),
                           [&](std::size_t index) { return layer_object(env, detail.get(), index); });
  return object;
}

Napi::Value image_get(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start<Owned<msb_image>>(
      inputs.at(2, "control"),
      [client = inputs.at(0, "client").handle<msb_client>(), reference = inputs.at(1, "reference").text()](
          const msb_call* call, Owned<msb_image>& out, msb_error** error) {
        return msb_image_get(client.get(), reference.c_str(), call, out.out(), error);
      },
      [](Napi::Env env, Owned<msb_image>& image) { return image_object(env, image.get()); });
}

Napi::Value image_list(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start<Owned<msb_image_list>>(
      inputs.at(1, "control"),
      [client = inputs.at(0, "client").handle<msb_client>()](const msb_call* call, Owned<msb_image_list>& out,
                                                             msb_error** error) {
        return msb_image_index_list(client.get(), call, out.out(), error);
      },
      image_objects);
}

Napi::Value image_inspect(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start<Owned<msb_image_detail>>(
      inputs.at(2, "control"),
      [client = inputs.at(0, "client").handle<msb_client>(), reference = inputs.at(1, "reference").text()](
          const msb_call* call, Owned<msb_image_detail>& out, msb_error** error) {
        return msb_image_inspect(client.get(), reference.c_str(), call, out.out(), error);
      },
      detail_object);
}

Napi::Value image_remove(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start(inputs.at(3, "control"),
               [client = inputs.at(0, "client").handle<msb_client>(), reference = inputs.at(1, "reference").text(),
                force = inputs.at(2, "force").flag()](const msb_call* call, msb_error** error) {
                 return msb_image_remove(client.get(), reference.c_str(), force, call, error);
               });
}

/// Limits of layers; zero is the default.
struct LayerLimits {
  explicit LayerLimits(const Input& opts)
      : file_bytes(opts["maxFileBytes"].integer()),
        layer_bytes(opts["maxLayerBytes"].integer()),
        layer_entries(opts["maxLayerEntries"].integer()) {}

  template <typename Opts>
  void set(Opts& opts) const {
    opts.max_file_bytes = file_bytes;
    opts.max_layer_bytes = layer_bytes;
    opts.max_layer_entries = layer_entries;
  }

  uint64_t file_bytes;
  uint64_t layer_bytes;
  uint64_t layer_entries;
};

Napi::Value image_load(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  const Input opts = inputs.at(2, "options");
  return start<Owned<msb_image_list>>(
      inputs.at(3, "control"),
      [client = inputs.at(0, "client").handle<msb_client>(), path = inputs.at(1, "inputPath").text(),
       tags = opts["tags"].texts(), platform = opts["platform"].optional_text(),
       limits = LayerLimits(opts)](const msb_call* call, Owned<msb_image_list>& out, msb_error** error) {
        const auto tag_list = tags.view();
        msb_image_load_opts load = MSB_IMAGE_LOAD_OPTS_INIT;
        load.tags = tag_list.data();
        load.tag_count = tag_list.size();
        load.platform = c_str(platform);
        limits.set(load);
        return msb_image_load(client.get(), path.c_str(), &load, call, out.out(), error);
      },
      image_objects);
}

struct Pulled {
  Owned<msb_image> image;
  msb_image_pull_report report{};
};

Napi::Value pull_object(Napi::Env env, Pulled& pulled) {
  const msb_image_pull_report& report = pulled.report;
  Napi::Object object = Napi::Object::New(env);
  object["handle"] = image_object(env, pulled.image.get());
  object["cached"] = report.cached;
  object["fellBack"] = report.fell_back;
  object["layersFetched"] = report.layers_fetched;
  object["layersSkipped"] = report.layers_present;
  object["bytesFetched"] = number(env, true, report.bytes_fetched);
  return object;
}

Napi::Value image_pull(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  const Input opts = inputs.at(2, "options");
  return start<Pulled>(
      inputs.at(3, "control"),
      [client = inputs.at(0, "client").handle<msb_client>(), reference = inputs.at(1, "reference").text(),
       policy = opts["policy"].number(), force = opts["force"].flag(), insecure = opts["insecure"].flag(),
       username = opts["username"].optional_text(), password = opts["password"].optional_text(),
       ca_certs = opts["caCerts"].optional_text(), platform = opts["platform"].optional_text(),
       keep_blobs = opts["keepBlobs"].flag(), limits = LayerLimits(opts),
       fall_back = opts["fallBack"].flag()](const msb_call* call, Pulled& out, msb_error** error) {
        out.report.struct_size = sizeof out.report;
        msb_image_pull_opts pull = MSB_IMAGE_PULL_OPTS_INIT;
        pull.policy = policy;
        pull.force = force;
        pull.insecure = insecure;
        pull.username = c_str(username);
        pull.password = c_str(password);
        pull.ca_certs_path = c_str(ca_certs);
        pull.platform = c_str(platform);
        pull.keep = keep_blobs ? MSB_KEEP_BLOBS : MSB_KEEP_DEFAULT;
        pull.fall_back = fall_back;
        pull.report = &out.report;
        limits.set(pull);
        return msb_image_pull(client.get(), reference.c_str(), &pull, call, out.image.out(), error);
      },
      pull_object);
}

Napi::Value image_save(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  const Input opts = inputs.at(3, "options");
  return start(
      inputs.at(4, "control"),
      [client = inputs.at(0, "client").handle<msb_client>(), references = inputs.at(1, "reference").texts(),
       path = inputs.at(2, "outputPath").text(), oci = opts["oci"].flag()](const msb_call* call, msb_error** error) {
        const auto list = references.view();
        msb_image_save_opts save = MSB_IMAGE_SAVE_OPTS_INIT;
        save.format = oci ? MSB_IMAGE_FORMAT_OCI : MSB_IMAGE_FORMAT_DOCKER;
        return msb_image_save(client.get(), list.data(), list.size(), path.c_str(), &save, call, error);
      });
}

Napi::Value image_prune(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start<msb_image_prune_report>(
      inputs.at(1, "control"),
      [client = inputs.at(0, "client").handle<msb_client>()](const msb_call* call, msb_image_prune_report& report,
                                                             msb_error** error) {
        report.struct_size = sizeof report;
        return msb_image_prune(client.get(), nullptr, call, &report, error);
      },
      [](Napi::Env env, msb_image_prune_report& report) {
        Napi::Object object = Napi::Object::New(env);
        object["imageRefsRemoved"] = report.image_refs_removed;
        object["manifestsRemoved"] = report.manifests_removed;
        object["layersRemoved"] = report.layers_removed;
        object["fsmetaRemoved"] = report.fsmeta_removed;
        object["vmdkRemoved"] = report.vmdk_removed;
        object["bytesReclaimed"] = number(env, report.has_bytes_reclaimed, report.bytes_reclaimed);
        return object;
      });
}

using Collect = decltype(&msb_image_gc);

template <Collect collect>
Napi::Value image_collect(const Napi::CallbackInfo& info) {
  Inputs inputs(info);
  return start<uint32_t>(
      inputs.at(1, "control"),
      [client = inputs.at(0, "client").handle<msb_client>()](const msb_call* call, uint32_t& removed,
                                                             msb_error** error) {
        return collect(client.get(), call, &removed, error);
      },
      [](Napi::Env env, uint32_t& removed) { return Napi::Number::New(env, removed); });
}

}  // namespace

void export_image(Napi::Env env, Napi::Object exports) {
  export_function<image_get>(env, exports, "imageGet");
  export_function<image_list>(env, exports, "imageList");
  export_function<image_inspect>(env, exports, "imageInspect");
  export_function<image_remove>(env, exports, "imageRemove");
  export_function<image_load>(env, exports, "imageLoad");
  export_function<image_pull>(env, exports, "imagePull");
  export_function<image_save>(env, exports, "imageSave");
  export_function<image_prune>(env, exports, "imagePrune");
  export_function<image_collect<msb_image_gc>>(env, exports, "imageGc");
  export_function<image_collect<msb_image_gc_layers>>(env, exports, "imageGcLayers");
}

}  // namespace msb_node
