#include "importers/tags.h"

#include <fmt/format.h>

#include "importers/json_source.h"

namespace hunt::importers {

namespace {

// ".../minecraft/tags/item/fishes.json" is "minecraft:fishes"; empty: it is no tag of items.
std::string tag_of(const std::string& file) {
  for (const std::string_view folder : {"/tags/item/", "/tags/items/"}) {
    const auto at = file.rfind(folder);
    if (at == std::string::npos || !file.ends_with(".json")) continue;
    const auto begun = at == 0 ? std::string::npos : file.rfind('/', at - 1);
    const std::string space = file.substr(begun == std::string::npos ? 0 : begun + 1,
                                          at - (begun == std::string::npos ? 0 : begun + 1));
    const auto path = at + folder.size();
    return space + ":" + file.substr(path, file.size() - path - 5);
  }
  return "";
}

// Values of a tag as they stand there: items, and "#" before other tags.
void resolve(const Tags& raw, const std::string& name, std::vector<std::string>& to,
             std::size_t depth, std::string& wrong) {
  const auto at = raw.find(name);
  if (at == raw.end() || depth > depth_max) {
    wrong = at == raw.end() ? fmt::format("the tag {} is in none of the files", name)
                            : fmt::format("the tag {} stands within itself", name);
    return;
  }
  for (const auto& value : at->second) {
    if (!wrong.empty() || to.size() > entries_max) return;
    if (value.starts_with('#')) {
      resolve(raw, value.substr(1), to, depth + 1, wrong);
    } else {
      to.push_back(value);
    }
  }
}

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
    for (const auto& value : values->get_array()) {
      const std::string id = value.is_object() ? text_of(value.get_object(), "id")
                             : value.is_string()
                                 ? std::string(value.get_string().data(), value.get_string().size())
                                 : "";
      raw[tag].push_back(id);
    }
  }
  Tags tags;
  for (const auto& [name, values] : raw) {
    std::string wrong;
    resolve(raw, name, tags[name], 0, wrong);
    if (!wrong.empty()) return fail(Errc::invalid_argument, wrong, "tags");
  }
  return tags;
}

}  // namespace hunt::importers
