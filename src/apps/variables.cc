#include "apps/variables.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "apps/flag_names.h"
#include "base/text.h"

namespace hunt::apps {

namespace {

// What Kubernetes sets in every pod beside a service named "hunt", or "hunt-" and something.
bool is_of_kubernetes(std::string_view name, std::string_view value) {
  if (name.ends_with("_SERVICE_HOST") || name.find("_SERVICE_PORT") != std::string_view::npos) {
    return true;
  }
  if (name.ends_with("_PORT")) return value.find("://") != std::string_view::npos;
  const auto port = name.find("_PORT_");
  return port != std::string_view::npos && port + 6 < name.size() &&
         std::isdigit(static_cast<unsigned char>(name[port + 6])) != 0;
}

// Of words as short as "bus" most others are two letters away.
bool looks_alike(std::string_view word, std::string_view known) {
  if (word.size() > 3 || known.size() > 3) return true;
  if (word.size() != known.size()) return false;
  std::size_t same = 0;
  for (std::size_t i = 0; i < word.size(); ++i) same += word[i] == known[i] ? 1 : 0;
  return same + 1 >= word.size() || std::is_permutation(word.begin(), word.end(), known.begin());
}

}  // namespace

void warn_of_variables(CLI::App& root) {
  std::vector<std::string> flags;
  add_flags_of_all(root, flags);
  const std::vector<std::string_view> known(flags.begin(), flags.end());
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string_view all = *one;
    const std::string_view name = all.substr(0, all.find('='));
    if (!name.starts_with("HUNT_")) continue;
    std::string flag(name.substr(5));
    std::transform(flag.begin(), flag.end(), flag.begin(), [](unsigned char c) {
      return c == '_' ? '-' : static_cast<char>(std::tolower(c));
    });
    if (std::find(flags.begin(), flags.end(), flag) != flags.end() || is_old_name(flag)) continue;
    if (is_of_kubernetes(name, all.substr(std::min(all.size(), name.size() + 1)))) continue;
    const auto nearest = nearest_word(flag, known);
    if (!nearest || !looks_alike(flag, *nearest)) continue;
    std::fprintf(stderr, "hunt: warning: nothing reads the variable %s (did you mean %s?)\n",
                 printable(name).c_str(), env_name(std::string(*nearest)).c_str());
  }
}

// A variable without a value is a mistake of whoever set it: the default may be another store.
std::string empty_variable(const CLI::App& command, const std::vector<std::string>& typed) {
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = option->get_envname();
    const char* value = name.empty() ? nullptr : std::getenv(name.c_str());
    if (value == nullptr || *value != '\0' || has_flag(typed, *option)) continue;
    return fmt::format("{} is empty; give it a value, or unset it{}", name, see_help(command));
  }
  return {};
}

}  // namespace hunt::apps
