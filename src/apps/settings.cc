#include "apps/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "apps/flag_names.h"
#include "apps/shared_flags.h"
#include "base/log.h"

namespace hunt::apps {

namespace {

std::string value_of(const CLI::Option& option, const std::string& name) {
  if (option.get_items_expected_max() == 0) return option.count() > 0 ? "given" : "";
  if (option.count() == 0) return option.get_default_str();
  std::string all;
  for (const auto& one : option.results()) {
    all += (all.empty() ? "" : ", ") + shown_value(name, one);
  }
  return all;
}

std::string origin_of(const CLI::Option& option, const std::string& name,
                      const std::vector<std::string>& typed, const ConfigWords& config) {
  if (option.count() == 0) return "default";
  if (has_flag(typed, option)) return "flag";
  if (std::getenv(env_name(name).c_str()) != nullptr) return "environment " + env_name(name);
  const auto written = config.places.find(name);
  return written != config.places.end() ? "file " + written->second : "default";
}

}  // namespace

model::Settings settings_of(const CLI::App& command, const std::vector<std::string>& typed,
                            const ConfigWords& config) {
  model::Settings settings{full_name(command), HUNT_VERSION, {}};
  for (const CLI::Option* option : command.get_options()) {
    const auto names = option->get_lnames();
    if (names.empty() || names[0] == "help" || names[0] == "version") continue;
    const std::string& name = names[0];
    settings.all.push_back(
        {name, value_of(*option, name), origin_of(*option, name, typed, config)});
  }
  return settings;
}

void log_settings(const model::Settings& settings) {
  log(LogLevel::info, "process", fmt::format("{} {} starts", settings.command, settings.version));
  for (const auto& one : settings.all) {
    const bool set = one.from != "default";
    log(set ? LogLevel::info : LogLevel::debug, "config",
        fmt::format("--{} {}", one.name, one.value.empty() ? "has no value" : one.value),
        {{"from", one.from}});
  }
}

void add_log_flags(CLI::App& command, LogFlags& flags) {
  command
      .add_option("--log-format", flags.format,
                  "How the log on standard error is written: text, or json, one object a line")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command.add_option("--log-level", flags.level, "The least that is logged")
      ->check(CLI::IsMember(
          std::vector<std::string>(std::begin(log_level_names), std::end(log_level_names))))
      ->capture_default_str();
}

void use(const LogFlags& flags) {
  const auto* level =
      std::find(std::begin(log_level_names), std::end(log_level_names), flags.level);
  set_log(static_cast<LogLevel>(level - std::begin(log_level_names)),
          flags.format == "json" ? LogFormat::json : LogFormat::text);
}

}  // namespace hunt::apps
