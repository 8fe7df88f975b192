// The reader against what YAML allows and the language does not, and against hostile sizes.
#include "rules/yaml_tree.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "model/limits.h"

namespace hunt::rules {
namespace {

std::string repeat(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

// The error as printed, or "accepted".
std::string refusal(std::string_view text) {
  const auto node = read_yaml("f.yaml", text);
  return node ? "accepted" : format(node.error());
}

#define EXPECT_REFUSED(text, start, phrase)                       \
  do {                                                            \
    const std::string message = refusal(text);                    \
    EXPECT_TRUE(message.starts_with("f.yaml:" start)) << message; \
    EXPECT_NE(message.find(phrase), message.npos) << message;     \
  } while (false)

TEST(YamlTree, keeps_order_places_and_quotes) {
  const auto root =
      read_yaml("f.yaml", "\xef\xbb\xbfname: 'a b'\r\nlist:\r\n  - 1\r\n  - {k: ~}\r\n");
  ASSERT_TRUE(root.has_value()) << format(root.error());
  ASSERT_EQ(root->kind, YamlNode::Kind::map);
  ASSERT_EQ(root->children.size(), 4U);
  EXPECT_EQ(root->children[0].text, "name");
  EXPECT_EQ(root->children[1].text, "a b");
  EXPECT_TRUE(root->children[1].quoted);
  EXPECT_EQ(root->children[1].at, (Mark{1, 7}));
  const auto& list = root->children[3];
  ASSERT_EQ(list.kind, YamlNode::Kind::list);
  EXPECT_EQ(list.children[0].text, "1");
  EXPECT_FALSE(list.children[0].quoted);
  EXPECT_EQ(list.children[0].at, (Mark{3, 5}));
  EXPECT_EQ(list.children[1].children[1].kind, YamlNode::Kind::null);
}

TEST(YamlTree, refuses_what_is_not_plain_data) {
  EXPECT_REFUSED("a: &x 1\n", "1:4:", "anchors");
  EXPECT_REFUSED("a: &x 1\nb: *x\n", "1:4:", "anchors");
  EXPECT_REFUSED("a: 1\nb: *x\n", "2:4:", "aliases");
  EXPECT_REFUSED("a: &a [*a]\n", "1:4:", "anchors");
  EXPECT_REFUSED("&a {k: *a}\n", "1:1:", "anchors");
  EXPECT_REFUSED("a: !!str 1\n", "1:4:", "tags");
  EXPECT_REFUSED("a: !thing {}\n", "1:4:", "tags");
  EXPECT_REFUSED("a: ! {}\n", "1:4:", "tags");
  EXPECT_REFUSED("a: 1\n---\nb: 1\n", "2:1:", "second document");
  EXPECT_REFUSED("a: 1\n...\n---\n", "3:1:", "second document");
  EXPECT_REFUSED("a: 1\nb: 2\na: 3\n", "3:1:", "\"a\" is here twice; the first is on line 1");
  EXPECT_REFUSED("t: {k: 1, 'k': 2}\n", "1:11:", "twice");
  EXPECT_REFUSED("{a: 1}: b\n", "1:1:", "a key must be plain text");
  EXPECT_REFUSED("? [a]\n: b\n", "1:3:", "a key must be plain text");
  EXPECT_REFUSED("~: b\n", "1:1:", "a key must be plain text");
}

TEST(YamlTree, refuses_bytes_that_are_not_text) {
  EXPECT_REFUSED(std::string("a: 1\nb: \0\n", 10), "2:4:", "control character \\x00");
  EXPECT_REFUSED("a: \x1b[0m\n", "1:4:", "control character \\x1b");
  EXPECT_REFUSED("a: \xff\n", "1:4:", "not UTF-8");
  EXPECT_REFUSED("a: \xc0\xaf\n", "1:4:", "not UTF-8");
  EXPECT_REFUSED("a: \xed\xa0\x80\n", "1:4:", "not UTF-8");
  EXPECT_REFUSED("a: \xf4\x90\x80\x80\n", "1:4:", "not UTF-8");
  EXPECT_REFUSED("a: \xe2\x82", "1:4:", "not UTF-8");
  EXPECT_REFUSED(std::string("\xff\xfe"
                             "a\0:\0",
                             6),
                 "1:1:", "not UTF-8");
  EXPECT_REFUSED("a:\n\tb: 1\n", "2:1:", "tab");
  EXPECT_REFUSED("a:\n  \tb: 1\n", "2:3:", "tab");
  EXPECT_EQ(refusal("a: 1\t# a comment\n\t\n\t# another\nb: \xe2\x82\xac\n"), "accepted");
}

TEST(YamlTree, says_what_broken_syntax_means) {
  EXPECT_REFUSED("", "1:1:", "empty");
  EXPECT_REFUSED("# nothing\n\n", "1:1:", "empty");
  EXPECT_REFUSED("a: [1, 2\n", "", "\"[\" is not closed");
  EXPECT_REFUSED("a: {b: 1\n", "", "\"{\" is not closed");
  for (const auto* text :
       {"a: 'b\n", "a: 'b''\n", "a: \"b\n", "a: \"b\\\"\n", "a: 'b\n  c'\n", "a: 'b", "a: \"b"}) {
    EXPECT_REFUSED(text, "1:", "quote is not closed");
  }
  EXPECT_REFUSED("\xe2\x82\xac: \xe2\x82\xac\r\na: 'b\r\n", "2:4:", "quote is not closed");
  EXPECT_EQ(refusal("# \xe2\x82\xac\n\xe2\x82\xac: 'it''s'\r\nb: \"\\\"\"\nc: ''\nd: |\n  text\n"),
            "accepted");
  EXPECT_REFUSED("# \xe2\x82\xac\na: ! b\n", "2:4:", "tags");
  EXPECT_REFUSED("a: b: c\n", "1:5:", "put text with a colon in quotes");
  EXPECT_REFUSED("a: @b\n", "1:4:", "not valid YAML");
}

TEST(YamlTree, holds_its_limits_in_time_and_memory) {
  const auto started = std::chrono::steady_clock::now();
  EXPECT_REFUSED(repeat("[", 10'000) + repeat("]", 10'000), "1:33:", "deeper than 32");
  EXPECT_REFUSED(repeat("{a: ", 10'000) + repeat("}", 10'000), "1:129:", "deeper than 32");
  EXPECT_REFUSED(repeat("- ", 10'000) + "x", "1:65:", "deeper than 32");
  EXPECT_REFUSED(repeat("[", limits::rules_bytes_max), "1:", "not closed");
  EXPECT_REFUSED(repeat("{", limits::rules_bytes_max), "1:", "not closed");
  EXPECT_REFUSED(repeat("- ", limits::rules_bytes_max / 2), "1:65:", "deeper than 32");
  EXPECT_REFUSED(repeat("? ", limits::rules_bytes_max / 2), "1:3:", "a key must be plain text");
  EXPECT_REFUSED(repeat("[", 32) + repeat("]", 31), "", "not closed");
  EXPECT_EQ(refusal(repeat("[", 32) + repeat("]", 32)), "accepted");
  EXPECT_REFUSED(repeat("# filler\n", 2 * limits::rules_bytes_max / 9), "1:1:", "bytes, more than");
  EXPECT_REFUSED("a: [" + repeat("1,", 200'000) + "1]", "1:", "more than 100,000 values");
  EXPECT_REFUSED(repeat("- 1\n", 200'000), "100000:3:", "more than 100,000 values");
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c <= 'i'; ++c) {
    const std::string before = "*" + std::string(1, static_cast<char>(c - 1));
    bomb += std::string(1, c) + ": &" + c + " [" + repeat(before + ",", 8) + before + "]\n";
  }
  EXPECT_REFUSED(bomb, "1:4:", "anchors");
  EXPECT_REFUSED("*a", "1:1:", "aliases");
  const auto took = std::chrono::steady_clock::now() - started;
  EXPECT_LT(took, std::chrono::seconds(20));  // generous: sanitizers, a busy machine
}

TEST(YamlTree, finds_a_duplicate_among_many_keys_quickly) {
  std::string text;
  for (int i = 0; i < 40'000; ++i) text += "key" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(refusal(text), "accepted");
  EXPECT_REFUSED(text + "key7: 1\n", "40001:1:", "the first is on line 8");
}

}  // namespace
}  // namespace hunt::rules
