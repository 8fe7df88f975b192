#include "rules/lock_file.h"

#include <fmt/format.h>

#include <array>

#include "base/text.h"
#include "rules/yaml_keys.h"
#include "rules/yaml_tree.h"

namespace hunt::rules {

namespace {

constexpr std::array<std::string_view, 5> lock_keys{"version", "revision", "activates", "zone_data",
                                                    "note"};

bool is_version(std::string_view text) {
  return text.size() == 16 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

void read_when(YamlKeys& keys, const YamlNode& root, Lock& lock) {
  if (const YamlNode* node = YamlKeys::find(root, "revision")) {
    const auto number = parse_u64(node->text);
    if (node->kind == YamlNode::Kind::scalar && number && *number >= 1 && *number <= INT64_MAX) {
      lock.revision = *number;
    } else {
      keys.error(node->at, fmt::format("revision: expected a whole number from 1, {}; each change "
                                       "of the files has a higher one",
                                       found(*node)));
    }
  }
  if (const YamlNode* node = YamlKeys::find(root, "activates")) {
    if (node->kind == YamlNode::Kind::scalar) lock.activates_us = parse_time_us(node->text);
    if (!lock.activates_us) {
      keys.error(node->at, fmt::format("activates: expected a time such as 2026-12-04T18:00:00Z, "
                                       "{}",
                                       found(*node)));
    }
  }
}

}  // namespace

bool is_lock_file(std::string_view path) noexcept {
  return path == lock_file_name ||
         (path.ends_with(lock_file_name) && path[path.size() - lock_file_name.size() - 1] == '/');
}

tl::expected<Lock, std::vector<Diagnostic>> read_lock(std::string_view file,
                                                      std::string_view text) {
  Diagnostics out;
  YamlKeys keys(file, out);
  Lock lock;
  auto root = read_yaml(file, text);
  if (!root) {
    out.add(std::move(root).error());
  } else if (root->kind != YamlNode::Kind::map) {
    keys.error(root->at, fmt::format("expected a map with \"version\", {}", found(*root)));
  } else {
    keys.refuse_unknown(*root, lock_keys);
    const auto scalar = [&](std::string_view key, std::string& to) {
      const YamlNode* node = YamlKeys::find(*root, key);
      if (node == nullptr) return;
      if (node->kind == YamlNode::Kind::scalar) to = node->text;
      if (node->kind != YamlNode::Kind::scalar) {
        keys.error(node->at, fmt::format("{}: expected text, {}", key, found(*node)));
      }
    };
    scalar("zone_data", lock.zone_data);
    scalar("note", lock.note);
    read_when(keys, *root, lock);
    if (const YamlNode* version = keys.require(*root, "version")) {
      lock.version_at = version->at;
      lock.version = version->text;
      if (!is_version(lock.version)) {
        keys.error(version->at, fmt::format("version: expected 16 hexadecimal digits, {}; write "
                                            "this file with: hunt rules lock",
                                            found(*version)));
      }
    }
  }
  if (out.errors() > 0) return tl::unexpected(out.take());
  return lock;
}

std::string lock_text(const Lock& lock) {
  std::string out = fmt::format(
      "# Written by `hunt rules lock`: the files beside it count only when they come to this "
      "version.\nversion: \"{}\"\n",
      lock.version);
  if (lock.revision != 0) out += fmt::format("revision: {}\n", lock.revision);
  if (lock.activates_us) {
    out += fmt::format("activates: \"{}\"\n", format_time_us(*lock.activates_us));
  }
  if (!lock.zone_data.empty()) out += fmt::format("zone_data: \"{}\"\n", lock.zone_data);
  if (!lock.note.empty()) {
    std::string quoted;
    for (const char c : lock.note) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
    out += fmt::format("note: \"{}\"\n", quoted);
  }
  return out;
}

}  // namespace hunt::rules
