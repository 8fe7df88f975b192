#include "apps/command_line.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>

#include "apps/open_store.h"
#include "base/text.h"

namespace hunt::apps {

namespace {

constexpr int exit_usage = 2;

int usage_error(const std::string& message) {
  std::fprintf(stderr, "hunt: %s\n", message.c_str());
  return exit_usage;
}

std::string env_name(std::string flag) {
  std::transform(flag.begin(), flag.end(), flag.begin(), [](unsigned char c) {
    return c == '-' ? '_' : static_cast<char>(std::toupper(c));
  });
  return "HUNT_" + flag;
}

// Long names of a command's flags, without the dashes.
std::vector<std::string> flags_of(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back(name);
  }
  return names;
}

std::string nearest_flag(const std::string& name, const CLI::App& command) {
  const auto flags = flags_of(command);
  const std::vector<std::string_view> known(flags.begin(), flags.end());
  const auto nearest = nearest_word(name, known);
  return nearest ? fmt::format(" (did you mean \"--{}\"?)", *nearest) : std::string{};
}

// Every flag of every command also comes from the environment, and each command has --config.
void complete(CLI::App& command, std::string& config_file) {
  const auto subcommands = command.get_subcommands([](CLI::App*) { return true; });
  for (CLI::App* sub : subcommands) complete(*sub, config_file);
  command.set_version_flag("--version", "hunt " HUNT_VERSION);
  if (!subcommands.empty()) return;
  command.add_option("--config", config_file, "YAML file; its keys are the names of the flags");
  for (CLI::Option* option : command.get_options()) {
    const auto names = option->get_lnames();
    if (!names.empty() && names[0] != "help" && names[0] != "version")
      option->envname(env_name(names[0]));
  }
}

CLI::App* subcommand(CLI::App& command, const std::string& name) {
  for (CLI::App* sub : command.get_subcommands([](CLI::App*) { return true; })) {
    if (sub->get_name() == name) return sub;
  }
  return nullptr;
}

// The command that the words name, as deep as they go.
CLI::App* command_of(CLI::App& root, const std::vector<std::string>& words) {
  CLI::App* command = &root;
  for (const auto& word : words) {
    CLI::App* next = subcommand(*command, word);
    if (next == nullptr) break;
    command = next;
  }
  return command;
}

// The value of --config among the words, or in the environment, or nothing.
std::string config_path(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--config" && i + 1 < words.size()) return words[i + 1];
    if (words[i].rfind("--config=", 0) == 0) return words[i].substr(9);
  }
  const char* from_environment = std::getenv("HUNT_CONFIG");
  return from_environment != nullptr ? from_environment : "";
}

bool has_flag(const std::vector<std::string>& words, const std::string& name) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    return word == "--" + name || word.rfind("--" + name + "=", 0) == 0;
  });
}

// Adds a flag with its value(s) from the file, unless the words or the environment have it.
Result<void> add_key(const CLI::App& command, const std::string& path, const std::string& key,
                     const YAML::Node& value, std::vector<std::string>& words) {
  const auto flags = flags_of(command);
  if (std::find(flags.begin(), flags.end(), key) == flags.end() || key == "config") {
    return fail(Errc::invalid_argument,
                fmt::format("{}:{}: {} has no flag \"{}\"{}", path, value.Mark().line + 1,
                            command.get_name(), printable(key), nearest_flag(key, command)));
  }
  if (has_flag(words, key) || std::getenv(env_name(key).c_str()) != nullptr) return {};
  if (value.IsSequence()) {
    for (const auto& item : value) words.push_back("--" + key + "=" + item.as<std::string>());
  } else if (value.IsScalar()) {
    words.push_back("--" + key + "=" + value.as<std::string>());
  } else {
    return fail(Errc::invalid_argument,
                fmt::format("{}:{}: \"{}\" must be a value or a list of values", path,
                            value.Mark().line + 1, key));
  }
  return {};
}

Result<void> add_config(const CLI::App& command, std::vector<std::string>& words) {
  const std::string path = config_path(words);
  if (path.empty() || command.get_parent() == nullptr) return {};
  try {
    const YAML::Node root = YAML::LoadFile(path);
    if (root.IsNull()) return {};
    if (!root.IsMap()) {
      return fail(Errc::invalid_argument,
                  fmt::format("{}: expected keys and values, such as \"players: 1000\"", path));
    }
    for (const auto& entry : root) {
      HUNT_CHECK(add_key(command, path, entry.first.as<std::string>(), entry.second, words));
    }
  } catch (const YAML::BadFile&) {
    return fail(Errc::io, fmt::format("cannot read the config file {}", path));
  } catch (const YAML::Exception& error) {
    return fail(Errc::invalid_argument, fmt::format("{}: {}", path, error.what()));
  }
  return {};
}

// "hunt world import".
std::string full_name(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? "hunt" : full_name(*parent) + " " + command.get_name();
}

// What CLI11 says, with the nearest known word where a word was not known.
int explain(CLI::App& root, const std::vector<std::string>& words, const CLI::ParseError& error) {
  CLI::App* command = command_of(root, words);
  const std::string help =
      fmt::format("; see `{} --help`", command == &root ? "hunt" : "hunt " + command->get_name());
  const auto code = static_cast<CLI::ExitCodes>(error.get_exit_code());
  if (code == CLI::ExitCodes::ExtrasError || code == CLI::ExitCodes::RequiredError) {
    for (const auto& word : words) {
      if (word.rfind("--", 0) == 0) {
        const std::string name = word.substr(2, word.find('=') - 2);
        const auto flags = flags_of(*command);
        if (std::find(flags.begin(), flags.end(), name) != flags.end()) continue;
        return usage_error(
            fmt::format("unknown flag {}{}{}", word, nearest_flag(name, *command), help));
      }
    }
    std::vector<std::string> names;
    for (const CLI::App* sub : command->get_subcommands([](CLI::App*) { return true; })) {
      names.push_back(sub->get_name());
    }
    for (const auto& word : words) {
      if (names.empty() || command_of(root, {word}) != &root) continue;
      if (std::find(names.begin(), names.end(), word) != names.end()) continue;
      const std::vector<std::string_view> known(names.begin(), names.end());
      return usage_error(fmt::format("unknown command \"{}\"{}{}", printable(word),
                                     did_you_mean(word, known), help));
    }
  }
  return usage_error(error.what() + help);
}

// HUNT_STORE holds those of all shards, with white space between them. Where no URL follows, it is
// part of one: of a file's name.
std::vector<std::string> split_stores(const std::vector<std::string>& values) {
  std::vector<std::string> urls;
  for (const std::string& value : values) {
    std::size_t from = 0;
    for (std::size_t at = 0; (at = value.find_first_of(" \t\n", at)) != std::string::npos; ++at) {
      const std::string_view rest = std::string_view(value).substr(at + 1);
      if (!has_store_scheme(rest)) continue;
      urls.push_back(value.substr(from, value.find_last_not_of(" \t\n", at) + 1 - from));
      from = at + 1;
    }
    urls.push_back(value.substr(from));
  }
  return urls;
}

}  // namespace

void add_stores(CLI::App& command, std::vector<std::string>& urls) {
  command.add_option("--store", urls, store_help)->expected(1)->take_all()->capture_default_str();
  command.parse_complete_callback([&urls] { urls = split_stores(urls); });
}

int report(const Error& error) {
  if (error.field.empty()) {
    std::fprintf(stderr, "hunt: %s\n", error.message.c_str());
  } else {
    std::fprintf(stderr, "hunt: %s: %s\n", error.field.c_str(), error.message.c_str());
  }
  return 1;
}

int report_usage(const Error& error) {
  report(error);
  return exit_usage;
}

int run_command_line(CommandLine& line, std::vector<std::string> words) {
  std::string config_file;
  line.app.name("hunt");
  line.app.require_subcommand(1);
  line.app.footer(
      "Examples:\n"
      "  hunt up                                   the whole hunt, with a page to watch it\n"
      "  hunt serve --store sqlite:hunt.db         for game servers\n"
      "  hunt up --help                            every command has examples");
  complete(line.app, config_file);
  const CLI::App* command = command_of(line.app, words);
  if (const auto added = add_config(*command, words); !added) {
    return usage_error(added.error().message);
  }
  if (words.empty()) {
    std::fprintf(stderr, "%s", line.app.help().c_str());
    return exit_usage;
  }
  auto reversed = words;
  std::reverse(reversed.begin(), reversed.end());
  try {
    line.app.parse(reversed);
  } catch (const CLI::CallForHelp& help) {
    return line.app.exit(help);
  } catch (const CLI::CallForAllHelp& help) {
    return line.app.exit(help);
  } catch (const CLI::CallForVersion& version) {
    return line.app.exit(version);
  } catch (const CLI::ParseError& error) {
    return explain(line.app, words, error);
  }
  return line.run ? line.run() : exit_usage;
}

}  // namespace hunt::apps
