#include "importers/tags.h"

#include <fmt/format.h>

#include <set>

#include "base/text.h"
#include "importers/json_source.h"

namespace hunt::importers {

namespace {

// ".../minecraft/tags/item/fishes.json" is "minecraft:fishes"; empty: it is no tag of items.
std::string tag_of(const std::string& file) {
  const std::string whole = "/" + file;
  for (const std::string_view folder : {"/tags/item/", "/tags/items/"}) {
    const auto at = whole.rfind(folder);
    if (at == std::string::npos || !whole.ends_with(".json")) continue;
    const auto begun = at == 0 ? std::string::npos : whole.rfind('/', at - 1);
    const std::string space =
        begun == std::string::npos ? "minecraft" : whole.substr(begun + 1, at - (begun + 1));
    const auto path = at + folder.size();
    return space + ":" + whole.substr(path, whole.size() - path - 5);
  }
  return "";
}

// What a tag stands for, each once. Values stand as in the file: items, and "#" before other tags.
class Resolver {
 public:
  explicit Resolver(const Tags& raw) : raw_(raw) {}

  Result<std::vector<std::string>> items_of(const std::string& tag) {
    items_.clear();
    seen_.clear();
    open_.clear();
    HUNT_CHECK(add(tag));
    return std::move(items_);
  }

 private:
  Result<void> add(const std::string& tag) {
    const auto at = raw_.find(tag);
    if (at == raw_.end() || open_.count(tag) != 0 || open_.size() == depth_max) {
      return fail(Errc::invalid_argument,
                  fmt::format("the tag {} {}", printable(tag),
                              at == raw_.end() ? "is in none of the files"
                                               : "stands within itself, or too deep in others"),
                  "tags");
    }
    if (!seen_.insert("#" + tag).second) return {};
    open_.insert(tag);
    for (const auto& value : at->second) {
      if (value.starts_with('#')) {
        HUNT_CHECK(add(value.substr(1)));
      } else if (seen_.insert(value).second) {
        items_.push_back(value);
      }
      if (++steps_ > steps_max) {
        return fail(
            Errc::invalid_argument,
            fmt::format("all tags together stand for more than {} items", with_commas(steps_max)),
            "tags");
      }
    }
    open_.erase(tag);
    return {};
  }

  static constexpr std::size_t steps_max = 10 * entries_max;  // of all tags together
  const Tags& raw_;
  std::vector<std::string> items_;
  std::set<std::string> seen_;
  std::set<std::string> open_;
  std::size_t steps_ = 0;
};

}  // namespace

Result<Tags> read_tags(std::span<const Source> files) {
  const Options none;
  Tags raw;
  for (const auto& file : files) {
    const std::string tag = tag_of(file.name);
    if (tag.empty()) continue;
    Draft draft(none);
    const auto parsed = parse_source(file, draft);
    const json::value* values =
        parsed && parsed->is_object() ? find(parsed->get_object(), "values") : nullptr;
    if (values == nullptr || !values->is_array()) {
      return fail(Errc::invalid_argument,
                  fmt::format("{} is no tag: expected an object with \"values\"", file.name),
                  "tags");
    }
    std::vector<std::string>& list = raw[tag];
    for (const auto& value : values->get_array()) {
      const std::string id = value.is_object() ? text_of(value.get_object(), "id")
                             : value.is_string()
                                 ? std::string(value.get_string().data(), value.get_string().size())
                                 : "";
      list.push_back(id);
    }
  }
  Tags tags;
  Resolver resolver(raw);
  for (const auto& [name, values] : raw) {
    HUNT_TRY(items, resolver.items_of(name));
    tags[name] = std::move(items);
  }
  return tags;
}

}  // namespace hunt::importers
