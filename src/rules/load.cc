#include "rules/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/input_file.h"
#include "base/result.h"
#include "base/text.h"
#include "model/limits.h"
#include "rules/lock_file.h"

namespace hunt::rules {

namespace {

namespace fs = std::filesystem;

tl::unexpected<std::vector<Diagnostic>> refuse(std::string file, std::string message) {
  return tl::unexpected<std::vector<Diagnostic>>(
      {Diagnostic{std::move(file), {}, Severity::error, std::move(message)}});
}

tl::expected<std::vector<fs::path>, std::vector<Diagnostic>> list_directory(const fs::path& path) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::directory_iterator at(path, error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    const fs::path& file = at->path();
    const std::string name = file.filename().string();
    if (name.starts_with('.') || (file.extension() != ".yaml" && file.extension() != ".yml")) {
      continue;
    }
    if (files.size() == limits::rules_files_max) {
      return refuse(path.string(), fmt::format("more than {} rules files in this directory",
                                               limits::rules_files_max));
    }
    files.push_back(file);
  }
  if (!error && !files.empty() && fs::exists(path / lock_file_name, error)) {
    files.push_back(path / lock_file_name);
  }
  if (error) {
    return refuse(path.string(), fmt::format("cannot list the directory: {}", error.message()));
  }
  if (files.empty()) {
    return refuse(path.string(), "the directory has no *.yaml file; write one event per file");
  }
  std::sort(files.begin(), files.end());
  return files;
}

tl::expected<std::string, std::vector<Diagnostic>> read_file(const fs::path& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  // A pipe could block, and has nothing left when it is read again to see what has changed.
  if (path != "-" && !error && status.type() != fs::file_type::not_found &&
      status.type() != fs::file_type::regular) {
    return refuse(path.string(), "not a regular file");
  }
  auto text = read_whole_file(path.string(), limits::rules_bytes_max);
  if (text) return std::move(*text);
  if (text.error().code == Errc::not_found) return refuse(path.string(), "no such file");
  if (text.error().code == Errc::too_large) {
    return refuse(path.string(), fmt::format("more than {} bytes; split the event over files",
                                             with_commas(limits::rules_bytes_max)));
  }
  return refuse(path.string(), text.error().message);
}

}  // namespace

tl::expected<std::vector<RulesFile>, std::vector<Diagnostic>> read_rules_files(
    const std::string& path) {
  std::vector<fs::path> paths{path};
  std::error_code error;
  if (fs::is_directory(path, error)) {
    auto listed = list_directory(path);
    if (!listed) return tl::unexpected(std::move(listed).error());
    paths = std::move(*listed);
  }
  std::vector<RulesFile> files;
  std::size_t bytes = 0;
  for (const auto& file : paths) {
    auto text = read_file(file);
    if (!text) return tl::unexpected(std::move(text).error());
    bytes += text->size();
    if (bytes > limits::rules_files_bytes_max) {
      return refuse(path, fmt::format("the files have more than {} bytes together",
                                      with_commas(limits::rules_files_bytes_max)));
    }
    files.push_back({file.string(), std::move(*text)});
  }
  return files;
}

RulesResult load_rules(const std::string& path, std::int64_t now_us) {
  auto files = read_rules_files(path);
  if (!files) return tl::unexpected(std::move(files).error());
  return compile_rules(*files, now_us);
}

}  // namespace hunt::rules
