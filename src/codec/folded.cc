#include "codec/folded.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "base/text.h"

namespace hunt::codec {

namespace {

// A semicolon or a line's end would begin another frame or stack.
std::string frame_name(std::string_view name) {
  std::string text(name);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c == ';' || c == '\n' || c == '\r'; }, ':');
  return text;
}

struct Line {
  std::string_view stack;
  std::int64_t samples = 0;
};

Result<Line> read_line(std::string_view line, std::size_t number) {
  const std::size_t space = line.rfind(' ');
  Line read;
  if (space != std::string_view::npos) {
    const std::string_view count = line.substr(space + 1);
    const auto [end, error] =
        std::from_chars(count.data(), count.data() + count.size(), read.samples);
    read.stack = line.substr(0, space);
    if (error == std::errc() && end == count.data() + count.size() && read.samples > 0 &&
        read.samples <= folded_samples_max && !read.stack.empty())
      return read;
  }
  return fail(
      Errc::invalid_argument,
      fmt::format("line {} is no folded stack: expected \"main;caller;leaf 42\", found \"{}\"",
                  number, printable(line, 80)));
}

// What write_folded() tells of the whole, where it did.
void read_head(std::string_view line, model::Profile& profile) {
  for (std::size_t i = 0; i < std::size(model::profile_kinds); ++i) {
    if (line.substr(std::min<std::size_t>(2, line.size()))
            .starts_with(model::profile_kinds[i].what))
      profile.kind = static_cast<model::ProfileKind>(i);
  }
  constexpr std::string_view mark = "; build ";
  const std::size_t at = line.find(mark);
  if (at == std::string_view::npos) return;
  const std::string_view id = line.substr(at + mark.size());
  profile.build_id = id.substr(0, std::min(id.find_first_not_of("0123456789abcdef"), id.size()));
}

std::string unit_of(const model::Profile& profile) {
  const double seconds = static_cast<double>(profile.duration_ns) / 1e9;
  switch (profile.kind) {
    case model::ProfileKind::heap:
      return "in bytes";
    case model::ProfileKind::wall:
      return fmt::format("in microseconds; {:.1f} s", seconds);
    default:
      break;
  }
  return fmt::format("one sample is {:.1f} ms; {:.1f} s",
                     static_cast<double>(profile.period_ns) / 1e6, seconds);
}

}  // namespace

std::string write_folded(const model::Profile& profile) {
  std::string text = fmt::format("# {}, {}", model::facts_of(profile.kind).what, unit_of(profile));
  if (!profile.build_id.empty()) text += fmt::format("; build {}", profile.build_id);
  if (profile.lost > 0) text += fmt::format("; {} samples lost", profile.lost);
  if (profile.cut > 0) text += fmt::format("; {} stacks without their end", profile.cut);
  text += '\n';
  for (const auto& stack : profile.stacks) {
    if (stack.samples <= 0) continue;  // memory that is not in use any more
    for (std::size_t i = 0; i < stack.frames.size(); ++i) {
      if (i > 0) text += ';';
      text += frame_name(profile.frames[stack.frames[i]].name);
    }
    text += fmt::format(" {}\n", stack.samples);
  }
  return text;
}

Result<model::Profile> read_folded(std::string_view text) {
  model::Profile profile;
  std::map<std::string, std::uint32_t, std::less<>> known;
  std::size_t number = 0;
  std::int64_t total = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (number == 1 && line.starts_with('#')) read_head(line, profile);
    if (line.empty() || line.starts_with('#')) continue;
    HUNT_TRY(read, read_line(line, number));
    const bool cpu = profile.kind == model::ProfileKind::cpu;
    const std::int64_t most = cpu ? folded_cpu_samples_max : folded_samples_max;
    if (read.samples > most - total) {
      return fail(Errc::invalid_argument,
                  fmt::format("line {}: more than {} samples in all stacks", number,
                              with_commas(static_cast<std::uint64_t>(most))));
    }
    total += read.samples;
    model::ProfileStack stack;
    stack.samples = read.samples;
    for (std::string_view rest = read.stack;;) {
      const std::size_t cut = std::min(rest.find(';'), rest.size());
      const std::string_view name = rest.substr(0, cut);
      auto found = known.find(name);
      if (found == known.end()) {
        found = known.emplace(name, static_cast<std::uint32_t>(profile.frames.size())).first;
        profile.frames.push_back({std::string(name), {}, 0});
      }
      stack.frames.push_back(found->second);
      if (cut == rest.size()) break;
      rest.remove_prefix(cut + 1);
    }
    if (stack.frames.size() > folded_depth_max || profile.stacks.size() >= folded_stacks_max) {
      return fail(Errc::too_large,
                  fmt::format("line {}: a profile has at most {} stacks of {} frames", number,
                              folded_stacks_max, folded_depth_max));
    }
    profile.stacks.push_back(std::move(stack));
  }
  return profile;
}

void add_profile(const model::Profile& from, model::Profile& to) {
  std::map<std::pair<std::string, std::string>, std::uint32_t> known;
  for (std::uint32_t i = 0; i < to.frames.size(); ++i)
    known.emplace(std::pair(to.frames[i].module, to.frames[i].name), i);
  std::vector<std::uint32_t> renamed;
  for (const auto& frame : from.frames) {
    const auto [at, is_new] = known.emplace(std::pair(frame.module, frame.name),
                                            static_cast<std::uint32_t>(to.frames.size()));
    if (is_new) to.frames.push_back(frame);
    renamed.push_back(at->second);
  }
  for (model::ProfileStack stack : from.stacks) {
    for (std::uint32_t& frame : stack.frames) frame = renamed[frame];
    to.stacks.push_back(std::move(stack));
  }
  to.lost += from.lost;
  to.cut += from.cut;
  to.duration_ns = std::max(to.duration_ns, from.duration_ns);
  if (to.period_ns == 0) to.period_ns = from.period_ns;
  to.kind = from.kind;
  if (to.build_id.empty()) to.build_id = from.build_id;
  if (!from.build_id.empty() && to.build_id != from.build_id) to.build_id = "several";
}

}  // namespace hunt::codec
