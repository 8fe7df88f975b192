#include "apps/config_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "apps/flag_names.h"
#include "base/input_file.h"
#include "base/text.h"
#include "model/limits.h"
#include "rules/yaml_tree.h"

namespace hunt::apps {

namespace {

using rules::YamlNode;
using Kind = YamlNode::Kind;

// The commands of one hunt, which one file can serve.
constexpr std::string_view commands_of_a_hunt[] = {"serve",   "relay", "doctor", "world",
                                                   "migrate", "audit", "why",    "explain"};

// The value of --config among the words, or in the environment, or nothing.
std::string config_path(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--config" && i + 1 < words.size()) return words[i + 1];
    if (words[i].starts_with("--config=")) return words[i].substr(9);
  }
  const char* from_environment = std::getenv("HUNT_CONFIG");
  return from_environment != nullptr ? from_environment : "";
}

// Of these commands, unless `command` is none of them.
std::vector<std::string> flags_of_a_hunt(CLI::App& root, const CLI::App& command) {
  bool is_one = false;
  std::vector<std::string> flags;
  for (const auto name : commands_of_a_hunt) {
    CLI::App* one = subcommand(root, name);
    is_one = is_one || one == &command || one == command.get_parent();
    add_flags_of_all(*one, flags);
  }
  if (!is_one) flags.clear();
  return flags;
}

// The scalars that stand for a key: one, or a list.
Result<std::vector<std::string>> values_of(const std::string& place, const std::string& key,
                                           const YamlNode& value) {
  std::vector<YamlNode> values{value};
  if (value.kind == Kind::list && !value.children.empty()) values = value.children;
  std::vector<std::string> out;
  for (const auto& one : values) {
    if (one.kind == Kind::null || (one.kind == Kind::scalar && one.text.empty())) {
      return fail(Errc::invalid_argument,
                  fmt::format("{}: \"{}\" has no value; give one, or remove the line", place, key));
    }
    if (one.kind != Kind::scalar) {
      return fail(Errc::invalid_argument,
                  fmt::format("{}: \"{}\" must be a value or a list of values", place, key));
    }
    out.push_back(one.text);
  }
  return out;
}

class ConfigReader {
 public:
  ConfigReader(CLI::App& root, const CLI::App& command, const std::vector<std::string>& typed,
               std::string path)
      : command_(command),
        typed_(typed),
        path_(std::move(path)),
        others_(flags_of_a_hunt(root, command)) {}

  Result<void> add(const YamlNode& key, const YamlNode& value) {
    const std::string place = fmt::format("{}:{}", path_, key.at.line);
    const std::string flag =
        name_today(key.text, full_name(command_), fmt::format("{}: {}", place, key.text));
    if (flag == "config") {
      return fail(
          Errc::invalid_argument,
          fmt::format("{}: a file names no other one: give --config on the command line, or "
                      "HUNT_CONFIG",
                      place));
    }
    const bool any = !flag.empty() && flag != "help" && flag != "version";
    const CLI::Option* option = any ? command_.get_option_no_throw("--" + flag) : nullptr;
    if (option == nullptr && !(any && is_of_others(flag))) {
      return fail(Errc::invalid_argument,
                  fmt::format("{}: {} has no flag \"{}\"{}", place, full_name(command_),
                              printable(flag), nearest_flag(flag, command_)));
    }
    HUNT_TRY(values, values_of(place, key.text, value));
    if (option == nullptr || has_flag(typed_, *option)) return {};
    if (std::getenv(env_name(flag).c_str()) != nullptr) return {};
    for (const auto& one : values) out_.words.push_back(fmt::format("--{}={}", flag, one));
    out_.places.emplace(flag, place);
    return {};
  }
  ConfigWords finish() { return std::move(out_); }

 private:
  [[nodiscard]] bool is_of_others(const std::string& flag) const {
    if (others_.empty()) return false;
    return is_old_name(flag) || std::find(others_.begin(), others_.end(), flag) != others_.end();
  }

  const CLI::App& command_;
  const std::vector<std::string>& typed_;
  const std::string path_;
  const std::vector<std::string> others_;
  ConfigWords out_;
};

// Nothing but blanks, comments and marks of a document.
bool says_nothing(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(" \r")));
    if (!line.empty() && line.front() != '#' && !line.starts_with("---")) return false;
  }
  return true;
}

}  // namespace

Result<ConfigWords> read_config(CLI::App& root, const CLI::App& command,
                                const std::vector<std::string>& typed) {
  const std::string path = config_path(typed);
  if (path.empty()) return ConfigWords();
  auto text = read_whole_file(path, limits::rules_bytes_max);
  if (!text) return fail(text.error().code, "--config: " + text.error().message);
  if (says_nothing(*text)) return ConfigWords();
  const auto tree = rules::read_yaml(path, *text);
  if (!tree) return fail(Errc::invalid_argument, rules::format(tree.error()));
  if (tree->kind != Kind::map) {
    return fail(Errc::invalid_argument,
                fmt::format("{}: expected keys and values, such as \"players: 1000\"", path));
  }
  ConfigReader reader(root, command, typed, path);
  for (std::size_t i = 0; i + 1 < tree->children.size(); i += 2) {
    HUNT_CHECK(reader.add(tree->children[i], tree->children[i + 1]));
  }
  return reader.finish();
}

}  // namespace hunt::apps
