#include "codec/flame_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>

#include "base/markup.h"

namespace hunt::codec {

extern const char flame_js[];

namespace {

constexpr double width_px = 1'200;
constexpr int row_px = 17;
constexpr int head_px = 52;
constexpr double narrowest = 0.0005;  // of the whole: six tenths of a pixel

// A function where it was called from.
struct Node {
  std::int64_t samples = 0;
  std::int64_t samples_before = 0;
  std::map<std::string, std::unique_ptr<Node>> calls;  // by name
};

enum class Of { now, before };

void grow(Node& root, const model::Profile& profile, Of which) {
  for (const auto& stack : profile.stacks) {
    if (stack.samples <= 0) continue;
    Node* at = &root;
    (which == Of::now ? at->samples : at->samples_before) += stack.samples;
    for (const std::uint32_t frame : stack.frames) {
      auto& next = at->calls[profile.frames[frame].name];
      if (next == nullptr) next = std::make_unique<Node>();
      at = next.get();
      (which == Of::now ? at->samples : at->samples_before) += stack.samples;
    }
  }
}

// Without template arguments and parameters, which fill a label: all of it is in the title.
std::string short_name(std::string_view name) {
  constexpr std::string_view anonymous = "(anonymous namespace)::";
  std::string out;
  int depth = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (depth == 0 && name.substr(i).starts_with(anonymous)) {
      i += anonymous.size() - 1;
      continue;
    }
    const char c = name[i];
    const bool is_operator = out.ends_with("operator") || out.ends_with("operator<") ||
                             out.ends_with("operator-") || out.ends_with("operator>");
    if ((c == '<' || c == '(') && !is_operator) {
      ++depth;
    } else if ((c == '>' || c == ')') && depth > 0) {
      --depth;
    } else if (depth == 0) {
      out += c;
    }
  }
  return out.empty() ? std::string(name) : out;
}

// Ours warm, libraries cool, threads grey; the same name has the same colour.
std::string colour(std::string_view name, int depth) {
  std::uint32_t hash = 2'166'136'261U;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619U;
  const unsigned light = 62 + hash % 18;
  if (depth <= 1) return fmt::format("hsl(0,0%,{}%)", light + 8);
  if (name.starts_with('[')) return fmt::format("hsl(205,30%,{}%)", light + 4);
  const bool ours = name.find("hunt::") != std::string_view::npos;
  return fmt::format("hsl({},{}%,{}%)", ours ? 8 + hash / 32 % 42 : 170 + hash / 32 % 50,
                     ours ? 85 : 40, light);
}

std::string colour_of_change(double change) {
  const double strength = std::min(1.0, std::abs(change) * 10);  // a tenth of all is full colour
  const double light = 95 - 45 * strength;
  if (std::abs(change) < 0.0005) return "hsl(0,0%,92%)";
  return fmt::format("hsl({},85%,{:.0f}%)", change > 0 ? 5 : 215, light);
}

std::string amount(model::ProfileKind kind, std::int64_t samples) {
  const auto value = static_cast<double>(samples);
  switch (kind) {
    case model::ProfileKind::heap:
      return fmt::format("{:.1f} MiB", value / (1 << 20));
    case model::ProfileKind::wall:
      return fmt::format("{:.1f} ms", value / 1e3);
    default:
      return fmt::format("{} samples", samples);
  }
}

// What the whole is, in one line.
std::string whole(const model::Profile& profile, std::int64_t samples) {
  const double seconds = static_cast<double>(profile.duration_ns) / 1e9;
  const std::string sum = amount(profile.kind, samples);
  switch (profile.kind) {
    case model::ProfileKind::heap:
      return sum + " in use, of what was allocated since the process began; an estimate";
    case model::ProfileKind::wall:
      return fmt::format("{} of requests that ended within {:.1f} s", sum, seconds);
    default:
      break;
  }
  return fmt::format("{}, {:.1f} s of CPU time in {:.1f} s", sum,
                     static_cast<double>(samples) * static_cast<double>(profile.period_ns) / 1e9,
                     seconds);
}

class Drawing {
 public:
  Drawing(const Node& root, model::ProfileKind kind, bool compared)
      : root_(root), kind_(kind), compared_(compared) {}

  void draw() { draw("all", root_, 0, 0); }
  [[nodiscard]] int rows() const { return rows_; }
  [[nodiscard]] std::int64_t narrow() const { return narrow_; }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  [[nodiscard]] static double share(std::int64_t part, std::int64_t all) {
    return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
  }

  void draw(const std::string& name, const Node& node, double x, int depth) {
    const double wide = share(node.samples, root_.samples);
    if (wide < narrowest) {
      ++narrow_;
      return;
    }
    rows_ = std::max(rows_, depth + 1);
    const double change = wide - share(node.samples_before, root_.samples_before);
    std::string told =
        fmt::format("{} ({}, {:.2f} %", name, amount(kind_, node.samples), wide * 100);
    if (compared_) told += fmt::format(", {:+.2f} points", change * 100);
    // y counts from below; the whole is moved when its height is known.
    text_ += fmt::format(
        "<g class=\"frame\" data-x=\"{:.6f}\" data-w=\"{:.6f}\" data-d=\"{}\"><title>{})</title>"
        "<rect x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\" fill=\"{}\"/>"
        "<text x=\"{:.1f}\" y=\"{}\" data-full=\"{}\"></text></g>\n",
        x, wide, depth, escape_markup(told), x * width_px, -row_px * (depth + 1), wide * width_px,
        row_px - 1, compared_ ? colour_of_change(change) : colour(name, depth), x * width_px + 3,
        -row_px * depth - 5, escape_markup(short_name(name)));
    for (const auto& [callee, next] : node.calls) {
      draw(callee, *next, x, depth + 1);
      x += share(next->samples, root_.samples);
    }
  }

  const Node& root_;
  const model::ProfileKind kind_;
  const bool compared_;
  int rows_ = 0;
  std::int64_t narrow_ = 0;
  std::string text_;
};

}  // namespace

std::string write_flame_svg(const model::Profile& profile, std::string_view title,
                            const model::Profile* before) {
  Node root;
  grow(root, profile, Of::now);
  if (before != nullptr) grow(root, *before, Of::before);
  Drawing drawing(root, profile.kind, before != nullptr);
  drawing.draw();
  const int height = head_px + drawing.rows() * row_px + 24;
  std::string missing;
  if (drawing.narrow() > 0) missing += fmt::format("; {} too narrow to show", drawing.narrow());
  if (profile.lost > 0) missing += fmt::format("; {} samples lost", profile.lost);
  if (profile.cut > 0) missing += fmt::format("; {} stacks without their end", profile.cut);
  std::string out = fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1}\" width=\"{0:.0f}\">\n"
      "<style>text{{font:12px monospace;pointer-events:none}} .frame{{cursor:pointer}}"
      " .frame:hover rect{{stroke:#000}} rect.hit{{fill:#c0f}} #search{{cursor:pointer;"
      "pointer-events:auto;text-decoration:underline}}</style>\n"
      "<rect width=\"{0:.0f}\" height=\"{1}\" fill=\"#fff\"/>\n"
      "<text x=\"8\" y=\"20\" style=\"font-size:16px\">{2}</text>\n"
      "<text x=\"8\" y=\"40\">{3}{4}</text>\n"
      "<text id=\"search\" x=\"1000\" y=\"20\">search (Ctrl-F)</text>\n"
      "<text id=\"found\" x=\"1000\" y=\"40\"></text>\n"
      "<g transform=\"translate(0,{5})\">\n",
      width_px, height, escape_markup(title), whole(profile, root.samples), missing, height - 12);
  out += drawing.text();
  out += "</g>\n<script><![CDATA[\n";
  out += flame_js;
  out += "]]></script>\n</svg>\n";
  return out;
}

}  // namespace hunt::codec
