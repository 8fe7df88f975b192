#include "apps/command_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "apps/config_file.h"
#include "apps/flag_names.h"
#include "apps/settings.h"
#include "apps/variables.h"
#include "base/build_id.h"
#include "base/hide_user.h"
#include "base/log.h"
#include "base/text.h"

namespace hunt::apps {

namespace {

constexpr int exit_usage = 2;

int usage_error(const std::string& message) {
  std::fprintf(stderr, "hunt: %s\n", hide_user(message).c_str());
  return exit_usage;
}

bool is_decimal(std::string_view text) {
  const auto digits = [](std::string_view part) {
    return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
  };
  const auto dot = text.find('.');
  return digits(text.substr(0, dot)) &&
         (dot == std::string_view::npos || digits(text.substr(dot + 1)));
}

// CLI11 reads "010" as eight and "0x10" as sixteen: whatever is typed, set or written in a file is
// made plain decimal first, or refused. Returns what is wrong; empty: nothing.
std::string read_number(std::string& text, std::string_view type) {
  const std::string_view sign = text.starts_with('-') && !type.starts_with("UINT") ? "-" : "";
  const std::string_view number = std::string_view(text).substr(sign.size());
  const bool size = type.find("SIZE") != std::string_view::npos;  // 512MiB
  const auto end = size ? number.find_first_not_of("0123456789") : std::string_view::npos;
  const std::string_view unit = end == std::string_view::npos ? "" : number.substr(end);
  const std::string_view value = number.substr(0, end);
  if (type.starts_with("FLOAT")) {
    if (is_decimal(value)) return {};
    return fmt::format("\"{}\" is no decimal number; expected such as 60 or 0.5", printable(text));
  }
  const auto whole = parse_u64(value);
  if (!whole || unit.find_first_of("0123456789") != std::string_view::npos) {
    return fmt::format("\"{}\" is no whole decimal number; expected digits alone, such as {}",
                       printable(text), size ? "512MiB" : "8");
  }
  text = fmt::format("{}{}{}", sign, *whole, unit);
  return {};
}

CLI::Validator strict_value(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const bool number =
      type.starts_with("UINT") || type.starts_with("INT") || type.starts_with("FLOAT");
  const auto read = [type, number](std::string& text) -> std::string {
    if (text.empty()) return "it has no value; give one, or leave it out";
    return number ? read_number(text, type) : std::string();
  };
  return CLI::Validator(read, "");
}

// Every flag of every command also comes from the environment, and each command has --config.
void complete(CLI::App& command, std::string& config_file) {
  const auto subcommands = subcommands_of(command);
  for (CLI::App* sub : subcommands) complete(*sub, config_file);
  command.set_version_flag("--version", fmt::format("hunt {}\nbuild {}", HUNT_VERSION, build_id()));
  if (!subcommands.empty()) return;
  command.add_option("--config", config_file, "YAML file; its keys are the names of the flags");
  for (CLI::Option* option : command.get_options()) {
    const auto names = option->get_lnames();
    if (!names.empty() && (names[0] == "help" || names[0] == "version")) continue;
    if (!names.empty()) option->envname(env_name(names[0]));
    if (option->get_items_expected_max() > 0) option->transform(strict_value(*option));
  }
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

// " (did you mean …?)" for a command elsewhere: `hunt create` for `hunt world create`.
std::string find_command(CLI::App& command, const std::string& word) {
  for (CLI::App* sub : subcommands_of(command)) {
    if (sub->get_name() == word) return fmt::format(" (did you mean \"{}\"?)", full_name(*sub));
    const std::string deeper = find_command(*sub, word);
    if (!deeper.empty()) return deeper;
  }
  return {};
}

// What is wrong with the words that should name a command, also where --help follows them.
std::string command_trouble(CLI::App& root, const std::vector<std::string>& words) {
  CLI::App* command = &root;
  for (const auto& word : words) {
    const auto subcommands = subcommands_of(*command);
    if (subcommands.empty() || word.starts_with('-')) return {};
    CLI::App* next = subcommand(*command, word);
    if (next == nullptr) {
      std::vector<std::string> names;
      for (const CLI::App* sub : subcommands) names.push_back(sub->get_name());
      const std::vector<std::string_view> known(names.begin(), names.end());
      std::string meant = find_command(root, word);
      if (meant.empty()) meant = did_you_mean(word, known);
      return fmt::format("unknown command \"{}\"{}{}", printable(word), meant, see_help(*command));
    }
    command = next;
  }
  return {};
}

bool asks_for_help(const std::vector<std::string>& words) {
  return std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return word == "--help" || word == "-h" || word == "--version";
  });
}

// "--store=": CLI11 would take the next word for its value.
std::string empty_flag(const CLI::App& command, const std::vector<std::string>& typed) {
  for (const auto& word : typed) {
    if (!word.starts_with("--") || word.find('=') != word.size() - 1) continue;
    return fmt::format("{}: it has no value; give one, or leave it out{}",
                       printable(word.substr(0, word.size() - 1)), see_help(command));
  }
  return {};
}

// A typed word that should be a flag of the command and is none.
std::string unknown_flag(const CLI::App& command, const std::vector<std::string>& typed) {
  for (const auto& word : typed) {
    if (word.size() < 2 || word[0] != '-' || std::isdigit(static_cast<unsigned char>(word[1]))) {
      continue;
    }
    const std::string flag = word.substr(0, word.starts_with("--") ? word.find('=') : 2);
    if (command.get_option_no_throw(flag) != nullptr) continue;
    return fmt::format("unknown flag {}{}", printable(flag),
                       flag.size() > 2 ? nearest_flag(flag.substr(2), command) : "");
  }
  return {};
}

// What CLI11 says, with the place of a value that was not typed, and with the nearest known word
// where a flag was not known.
int explain(const CLI::App& command, const std::vector<std::string>& typed,
            const ConfigWords& config, const CLI::ParseError& error) {
  const auto code = static_cast<CLI::ExitCodes>(error.get_exit_code());
  if (code == CLI::ExitCodes::ExtrasError || code == CLI::ExitCodes::RequiredError) {
    const std::string unknown = unknown_flag(command, typed);
    if (!unknown.empty()) return usage_error(unknown + see_help(command));
  }
  const std::string what = error.what();
  std::string place;
  const std::string flag = what.starts_with("--") ? what.substr(2, what.find(':') - 2) : "";
  const CLI::Option* option = flag.empty() ? nullptr : command.get_option_no_throw("--" + flag);
  if (option != nullptr && !has_flag(typed, *option)) {
    const auto written = config.places.find(flag);
    if (written != config.places.end()) place = written->second + ": ";
    if (std::getenv(env_name(flag).c_str()) != nullptr) place = env_name(flag) + ": ";
  }
  return usage_error(place + what + see_help(command));
}

// What a command printed has arrived, or it has failed.
int end(int code) {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  std::fprintf(stderr, "hunt: cannot write to the standard output%s%s\n", errno != 0 ? ": " : "",
               errno != 0 ? std::strerror(errno) : "");
  return code == 0 ? 1 : code;
}

}  // namespace

int report(const Error& error) {
  const std::string place = error.field.empty() ? "" : error.field + ": ";
  log(LogLevel::error, "process", hide_user(place + error.message));
  return 1;
}

int report_usage(const Error& error) {
  report(error);
  return exit_usage;
}

int run_command_line(CommandLine& line, std::vector<std::string> typed) {
  std::string config_file;
  line.app.name("hunt");
  line.app.require_subcommand(1);
  line.app.footer(
      "Examples:\n"
      "  hunt up                                   the whole hunt, with a page to watch it\n"
      "  hunt serve --store sqlite:hunt.db         for game servers\n"
      "  hunt up --help                            every command has examples");
  complete(line.app, config_file);
  if (typed.empty()) {
    std::fprintf(stderr, "%s", line.app.help().c_str());
    return exit_usage;
  }
  if (const auto trouble = command_trouble(line.app, typed); !trouble.empty()) {
    return usage_error(trouble);
  }
  const CLI::App& command = *command_of(line.app, typed);
  if (!asks_for_help(typed)) take_old_names(full_name(command), typed);
  ConfigWords config;
  if (command.get_option_no_throw("--config") != nullptr && !asks_for_help(typed)) {
    std::string trouble = empty_flag(command, typed);
    if (trouble.empty()) trouble = empty_variable(command, typed);
    if (!trouble.empty()) return usage_error(trouble);
    warn_of_variables(line.app);
    auto read = read_config(line.app, command, typed);
    if (!read) return usage_error(read.error().message);
    config = std::move(*read);
  }
  auto words = typed;
  words.insert(words.end(), config.words.begin(), config.words.end());
  std::reverse(words.begin(), words.end());
  try {
    line.app.parse(words);
  } catch (const CLI::CallForHelp& help) {
    return end(line.app.exit(help));
  } catch (const CLI::CallForAllHelp& help) {
    return end(line.app.exit(help));
  } catch (const CLI::CallForVersion& version) {
    return end(line.app.exit(version));
  } catch (const CLI::ParseError& error) {
    return explain(command, typed, config, error);
  }
  line.settings = settings_of(command, typed, config);
  return end(line.run ? line.run() : exit_usage);
}

}  // namespace hunt::apps
