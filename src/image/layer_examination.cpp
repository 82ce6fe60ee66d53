#include "image/layer_examination.h"

#include <array>
#include <cerrno>

#include <sys/random.h>

#include "archive/recipe.h"
#include "erofs/layer_check.h"
#include "erofs/layout.h"
#include "erofs/reader.h"
#include "os/dir.h"
#include "os/lock.h"

namespace msb::image {
namespace {

/// Takes damage into `into`, and passes other failures on.
Done judge(Done result, std::string& into) {
  if (result || result.error().status() != Status::image_invalid) return result;
  into = result.error().message();
  return {};
}

Done prove_by_recipe(const Context& context, const archive::Recipe& recipe, const os::File& file, const Call& call) {
  MSB_CHECK(archive::verify_layer(recipe, file, call));
  MSB_TRY(const tree::Tree tree, recipe.read_tree(call));
  MSB_TRY(const erofs::Layout layout, erofs::plan_layer(tree, call));
  MSB_TRY(const os::File scratch, os::File::temporary(context.fs, context.paths.tmp()));
  return erofs::check_layer_metadata(tree, layout, file, scratch, call);
}

Done prove_by_itself(const os::File& file, const Call& call) {
  MSB_TRY(const tree::Tree tree, erofs::read_layer(file, call));
  static_cast<void>(tree);
  return {};
}

/// The recipe, if there is one and it is whole.
Result<std::optional<archive::Recipe>> open_recipe(const os::File& file, const Digest& diff_id, std::string& damage,
                                                   const Call& call) {
  auto recipe = archive::Recipe::open(file, call);
  if (recipe && recipe->diff_id() == diff_id) return std::optional(std::move(*recipe));
  if (!recipe && recipe.error().status() != Status::image_invalid) return std::move(recipe).error();
  damage = recipe ? "it is of layer " + recipe->diff_id().text() : recipe.error().message();
  return std::optional<archive::Recipe>();
}

void note_file(const struct stat& status, LayerFinding& finding) {
  finding.device = status.st_dev;
  finding.inode = status.st_ino;
  finding.changed = status.st_ctim.tv_sec * int64_t{1'000'000'000} + status.st_ctim.tv_nsec;
}

}  // namespace

Result<LayerFinding> examine_layer(const Context& context, const Digest& diff_id, bool deep, const Call& call) {
  const std::string name = diff_id.safe_name();
  LayerFinding finding;
  auto file = os::File::open_regular(context.fs, AT_FDCWD, context.paths.layer(name));
  if (!file && file.error().os_code() == ENOENT) {
    finding.missing = true;
    return finding;
  }
  if (!file) return std::move(file).error();
  MSB_TRY(const struct stat status, file->status());
  note_file(status, finding);
  auto super = erofs::check_file(*file);
  if (super) {
    finding.blocks = super->blocks;
  } else if (super.error().status() == Status::image_invalid) {
    finding.damage = super.error().message();
    return finding;
  } else {
    return std::move(super).error();
  }

  auto recipe_file = os::File::open_regular(context.fs, AT_FDCWD, context.paths.recipe(name));
  if (!recipe_file && recipe_file.error().os_code() != ENOENT) return std::move(recipe_file).error();
  std::optional<archive::Recipe> recipe;
  if (recipe_file) {
    MSB_TRY(recipe, open_recipe(*recipe_file, diff_id, finding.recipe_damage, call));
  }
  if (!deep) return finding;
  MSB_CHECK(
      judge(recipe ? prove_by_recipe(context, *recipe, *file, call) : prove_by_itself(*file, call), finding.damage));
  return finding;
}

Result<bool> set_layer_aside(const Context& context, const Digest& diff_id, const LayerFinding& finding,
                             const Call& call) {
  const std::string name = diff_id.safe_name();
  MSB_TRY(const os::FileLock lock, os::FileLock::acquire(context.fs, context.paths.layer_lock(name),
                                                         os::LockMode::exclusive, call, context.busy_timeout));
  const std::string path = context.paths.layer(name);
  struct stat status {};
  const int result = context.fs.fstatat(AT_FDCWD, path.c_str(), &status, AT_SYMLINK_NOFOLLOW);
  if (result == -ENOENT) return false;
  if (result < 0) return Error::io("stat", path, -result);
  LayerFinding now;
  note_file(status, now);
  if (now.device != finding.device || now.inode != finding.inode || now.changed != finding.changed) return false;

  std::array<std::byte, 8> random;
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return Error::io("choose a name for", path, errno);
  }
  const std::string aside = path + ".corrupt-" + to_hex(random);
  const int renamed = context.fs.rename(AT_FDCWD, path.c_str(), AT_FDCWD, aside.c_str(), 0);
  if (renamed < 0) return Error::io("rename", path, -renamed);
  MSB_TRY(const os::File folder, os::open_dir(context.fs, context.paths.layers()));
  MSB_CHECK(folder.sync());
  return true;
}

}  // namespace msb::image
