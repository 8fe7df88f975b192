#include "rules/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <optional>
#include <sstream>
#include <utility>

#include "base/text.h"
#include "base/utf8.h"
#include "model/limits.h"

namespace hunt::rules {

namespace {

struct Problem {
  Mark at;
  std::string message;
};

Mark mark_of(const YAML::Mark& mark) {
  if (mark.line < 0 || mark.column < 0) return {1, 1};
  return {static_cast<std::uint32_t>(mark.line) + 1, static_cast<std::uint32_t>(mark.column) + 1};
}

// What can be judged byte by byte: encoding, control characters, tabs before the first word.
std::optional<Problem> check_bytes(std::string_view text) {
  Mark at{1, 1};
  bool indenting = true;
  std::optional<Mark> tab;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text.substr(i));
    const char c = text[i];
    if (length == 0) return Problem{at, "this byte is not UTF-8; save the file as UTF-8"};
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t') ||
        c == 0x7f) {
      return Problem{at, fmt::format("the control character {} is not allowed; remove it",
                                     printable(text.substr(i, 1)))};
    }
    i += length;
    if (c == '\n') {
      at = {at.line + 1, 1};
      indenting = true;
      tab.reset();
      continue;
    }
    if (indenting && c == '\t' && !tab) tab = at;
    if (indenting && c != ' ' && c != '\t' && c != '\r') {
      if (tab && c != '#') return Problem{*tab, "a tab in the indentation; YAML wants spaces"};
      indenting = false;
    }
    at.column += static_cast<std::uint32_t>(length);
  }
  return {};
}

// Says in our words what the YAML library means, where its own are hard to act on.
std::string explain(const std::string& message) {
  static constexpr std::pair<std::string_view, std::string_view> meanings[] = {
      {"end of map flow not found", "a \"{\" is not closed by \"}\", or a comma is missing"},
      {"end of sequence flow not found", "a \"[\" is not closed by \"]\", or a comma is missing"},
      {"end of map not found", "the indentation does not match the lines above, or a \":\" lacks"},
      {"end of sequence not found", "the indentation does not match the \"- \" lines above"},
      {"illegal map value", "a \":\" where none can be; put text with a colon in quotes"},
      {"illegal EOF in scalar", "this quote is not closed"},
      {"the referenced anchor is not defined", "aliases (*name) are not allowed here"},
  };
  for (const auto& [theirs, ours] : meanings) {
    if (message == theirs) return fmt::format("not valid YAML: {}", ours);
  }
  return fmt::format("not valid YAML: {}", printable(message, 160));
}

// Whether the quoted text at the start of `text` ends on its line. The YAML library takes the end
// of the file for a closing quote; and a quote that is forgotten would swallow the lines below.
bool quote_closes_on_its_line(std::string_view text) {
  const char quote = text.front();
  for (std::size_t i = 1; i < text.size() && text[i] != '\n'; ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      // Two single quotes are one within the text.
      if (quote == '"' || text.substr(i + 1, 1) != "'") return true;
      ++i;
    }
  }
  return false;
}

// Builds the tree from events; leaves by throwing Stop, with `problem` set, at the first fault.
class TreeBuilder final : public YAML::EventHandler {
 public:
  struct Stop {};

  explicit TreeBuilder(std::string_view text) : text_(text) {}

  std::optional<Problem> problem;
  YamlNode root;

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) stop(mark, "a second document; one file holds one, without \"---\"");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    add(node(YamlNode::Kind::null, mark));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    stop(mark, "aliases (*name) are not allowed; write the value out");
  }
  void OnAnchor(const YAML::Mark& mark, const std::string&) override { refuse_anchor(mark, 1); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    if (tag != "?" && tag != "!") refuse_tag(mark, tag);
    if (tag == "!") check_quote(mark);
    YamlNode scalar = node(YamlNode::Kind::scalar, mark);
    scalar.quoted = tag == "!";
    scalar.text = value;
    add(std::move(scalar));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::list, mark, tag, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::map, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    std::map<std::string, Mark, std::less<>> keys;  // of a map, with their places
    [[nodiscard]] bool wants_key() const {
      return node.kind == YamlNode::Kind::map && node.children.size() % 2 == 0;
    }
  };

  [[noreturn]] void stop(const YAML::Mark& mark, std::string message) {
    stop(mark_of(mark), std::move(message));
  }
  [[noreturn]] void stop(Mark at, std::string message) {
    problem = Problem{at, std::move(message)};
    throw Stop{};
  }
  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) stop(mark, "anchors (&name) are not allowed; write the value out");
  }
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    stop(mark, fmt::format("tags are not allowed; remove \"{}\"", printable(tag)));
  }

  [[noreturn]] void refuse_key(Mark at) {
    stop(at, "a key must be plain text; or is a \"[\" or \"{\" not closed?");
  }

  void check_quote(const YAML::Mark& mark) {
    const auto at = static_cast<std::size_t>(mark.pos);
    if (mark.pos < 0 || at >= text_.size()) return;
    if (text_[at] == '!') refuse_tag(mark, "!");
    if (text_[at] != '"' && text_[at] != '\'') return;  // a block of text
    if (!quote_closes_on_its_line(text_.substr(at))) {
      stop(mark, "this quote is not closed on its line");
    }
  }

  YamlNode node(YamlNode::Kind kind, const YAML::Mark& mark) {
    if (++nodes_ > limits::rules_nodes_max) {
      stop(mark, fmt::format("more than {} values; split it into several files",
                             with_commas(limits::rules_nodes_max)));
    }
    YamlNode out;
    out.kind = kind;
    out.at = mark_of(mark);
    return out;
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    refuse_anchor(mark, anchor);
    if (tag != "?" && !tag.empty()) refuse_tag(mark, tag);
    if (!open_.empty() && open_.back().wants_key()) refuse_key(mark_of(mark));
    if (open_.size() >= limits::rules_depth_max) {
      stop(mark, fmt::format("nested deeper than {} levels", limits::rules_depth_max));
    }
    open_.push_back({node(kind, mark), {}});
  }

  void close() {
    YamlNode done = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(done));
  }

  void add(YamlNode child) {
    if (open_.empty()) {
      root = std::move(child);
      return;
    }
    Open& parent = open_.back();
    if (parent.wants_key()) {
      if (child.kind != YamlNode::Kind::scalar) refuse_key(child.at);
      const auto [first, fresh] = parent.keys.emplace(child.text, child.at);
      if (!fresh) {
        stop(child.at,
             fmt::format("the key \"{}\" is here twice; the first is on line {}, column {}",
                         printable(child.text), first->second.line, first->second.column));
      }
    }
    // What is missing has no place: it is at its key.
    const bool is_value = parent.node.kind == YamlNode::Kind::map && !parent.wants_key();
    if (is_value && child.kind == YamlNode::Kind::null) child.at = parent.node.children.back().at;
    parent.node.children.push_back(std::move(child));
  }

  std::string_view text_;
  std::vector<Open> open_;  // the path from the root to the node being read
  std::size_t nodes_ = 0;
  std::size_t documents_ = 0;
};

std::optional<Problem> build(std::string_view text, TreeBuilder& builder) {
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) {
      return Problem{{1, 1}, "the file is empty"};
    }
    parser.HandleNextDocument(builder);  // a second one is refused where it starts
    return {};
  } catch (const TreeBuilder::Stop&) {
    return builder.problem;
  } catch (const YAML::Exception& error) {
    return Problem{mark_of(error.mark), explain(error.msg)};
  }
}

}  // namespace

tl::expected<YamlNode, Diagnostic> read_yaml(std::string_view file, std::string_view text) {
  const auto refuse = [&](Problem problem) {
    return tl::unexpected<Diagnostic>(
        Diagnostic{std::string(file), problem.at, Severity::error, std::move(problem.message)});
  };
  if (text.size() > limits::rules_bytes_max) {
    return refuse({{1, 1},
                   fmt::format("the file has {} bytes, more than {}; split it",
                               with_commas(text.size()), with_commas(limits::rules_bytes_max))});
  }
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // the mark some editors write
  if (auto problem = check_bytes(text)) return refuse(std::move(*problem));
  TreeBuilder builder(text);
  if (auto problem = build(text, builder)) return refuse(std::move(*problem));
  return std::move(builder.root);
}

}  // namespace hunt::rules
