// A profile as text, as a picture and as pprof reads it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codec/flame_svg.h"
#include "codec/folded.h"
#include "codec/gzip.h"
#include "codec/json_profile.h"
#include "codec/pprof.h"

namespace hunt::codec {
namespace {

model::Profile sample() {
  model::Profile profile;
  profile.frames = {{"lane-0", "", 0},
                    {"main", "/usr/bin/hunt", 0x1000},
                    {"hunt::engine::answer(std::vector<int>&, bool)", "/usr/bin/hunt", 0x2000},
                    {"[libpq.so.5]", "/usr/lib/libpq.so.5", 0x3000}};
  profile.stacks = {{{0, 1, 2}, 30}, {{0, 1, 2, 3}, 10}, {{0, 1}, 2}};
  profile.duration_ns = 1'000'000'000;
  profile.period_ns = 10'000'000;
  profile.build_id = "abcd";
  return profile;
}

std::string folded_lines(const std::string& text) {
  return text.substr(text.find('\n') + 1);
}

TEST(Folded, comes_back_as_it_was_written) {
  const std::string text = write_folded(sample());
  EXPECT_TRUE(text.starts_with("# CPU time, one sample is 10.0 ms; 1.0 s; build abcd\n")) << text;
  EXPECT_NE(text.find("\nlane-0;main;hunt::engine::answer(std::vector<int>&, bool) 30\n"),
            std::string::npos)
      << text;
  const auto read = read_folded(text);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(folded_lines(write_folded(*read)), folded_lines(text));
}

TEST(Folded, a_name_with_a_semicolon_is_still_one_frame) {
  model::Profile profile = sample();
  profile.frames[1].name = "odd;name\n";
  const auto read = read_folded(write_folded(profile));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->stacks.size(), 3U);
  EXPECT_EQ(read->stacks[0].frames.size(), 3U);
}

TEST(Folded, bad_lines_are_named) {
  for (const std::string_view bad :
       {"main;leaf", "main;leaf x", "main 0", "main -3", " 4", "main 4x", "main 10000000000001",
        "main 99999999999999999999"}) {
    const auto read = read_folded("# first\nmain 1\n" + std::string(bad) + "\n");
    ASSERT_FALSE(read.has_value()) << bad;
    EXPECT_EQ(read.error().code, Errc::invalid_argument);
    EXPECT_NE(read.error().message.find("line 3"), std::string::npos) << read.error().message;
  }
}

TEST(Folded, tells_what_it_is_of) {
  model::Profile heap = sample();
  heap.kind = model::ProfileKind::heap;
  heap.stacks[2].samples = 0;  // freed again
  const std::string text = write_folded(heap);
  EXPECT_TRUE(text.starts_with("# memory in use, in bytes; build abcd\n")) << text;
  const auto read = read_folded(text);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->kind, model::ProfileKind::heap);
  EXPECT_EQ(read->build_id, "abcd");
  EXPECT_EQ(read->stacks.size(), 2U);
  model::Profile wall = sample();
  wall.kind = model::ProfileKind::wall;
  EXPECT_EQ(read_folded(write_folded(wall))->kind, model::ProfileKind::wall);
  EXPECT_EQ(read_folded("main 1\n")->kind, model::ProfileKind::cpu);
}

TEST(Folded, is_bounded) {
  std::string deep;
  for (std::size_t i = 0; i <= folded_depth_max; ++i) deep += "a;";
  const auto read = read_folded(deep + "b 1\n");
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, Errc::too_large);
}

TEST(Folded, several_processes_are_one_picture) {
  model::Profile all = sample();
  model::Profile other = sample();
  other.frames[3].name = "[libc.so.6]";
  other.lost = 7;
  add_profile(other, all);
  EXPECT_EQ(all.frames.size(), 5U);
  EXPECT_EQ(all.stacks.size(), 6U);
  EXPECT_EQ(all.frames[all.stacks[4].frames[3]].name, "[libc.so.6]");
  EXPECT_EQ(all.frames[all.stacks[4].frames[2]].name, sample().frames[2].name);
  EXPECT_EQ(all.lost, 7U);
  EXPECT_EQ(all.build_id, "abcd");
  other.build_id = "ef01";
  add_profile(other, all);
  EXPECT_EQ(all.build_id, "several");
}

TEST(FlameSvg, shows_each_function_with_its_share) {
  const std::string svg = write_flame_svg(sample(), "a <title> & more");
  EXPECT_NE(svg.find("<text x=\"8\" y=\"20\" style=\"font-size:16px\">a &lt;title&gt; &amp; more<"),
            std::string::npos);
  EXPECT_NE(svg.find("<title>hunt::engine::answer(std::vector&lt;int&gt;&amp;, bool) (40 samples, "
                     "95.24 %)</title>"),
            std::string::npos)
      << svg;
  EXPECT_EQ(svg.find("std::vector<int>"), std::string::npos) << "not escaped";
  EXPECT_NE(svg.find("data-full=\"hunt::engine::answer\""), std::string::npos) << "the label";
  EXPECT_NE(svg.find("42 samples, 0.4 s of CPU time in 1.0 s<"), std::string::npos);
  EXPECT_NE(svg.find("function zoom("), std::string::npos);
}

TEST(FlameSvg, tells_what_changed) {
  model::Profile now = sample();
  now.stacks[1].samples = 40;
  const model::Profile before = sample();
  const std::string svg = write_flame_svg(now, "t", &before);
  EXPECT_NE(svg.find("[libpq.so.5] (40 samples, 55.56 %, +31.75 points)"), std::string::npos)
      << svg;
}

TEST(FlameSvg, tells_memory_and_time_in_their_units) {
  model::Profile profile = sample();
  profile.kind = model::ProfileKind::heap;
  profile.stacks[0].samples = 30 << 20;
  EXPECT_NE(write_flame_svg(profile, "t").find("30.0 MiB in use, of what was allocated since"),
            std::string::npos);
  profile.kind = model::ProfileKind::wall;
  profile.stacks = {{{0, 1, 2}, 1'500}};
  EXPECT_NE(write_flame_svg(profile, "t").find("1.5 ms of requests that ended within 1.0 s"),
            std::string::npos);
}

TEST(FlameSvg, of_nothing_is_a_picture_too) {
  EXPECT_NE(write_flame_svg({}, "nothing").find("0 samples"), std::string::npos);
}

// The least of a reader: all fields of a message, by number.
class Fields {
 public:
  explicit Fields(std::string_view text) : text_(text) {}
  // False at the end.
  bool next() {
    if (text_.empty()) return false;
    const std::uint64_t key = varint();
    field = static_cast<unsigned>(key >> 3);
    bytes = {};
    value = varint();
    if ((key & 7) == 2) {
      bytes = text_.substr(0, value);
      text_.remove_prefix(value);
    }
    return true;
  }
  [[nodiscard]] bool more() const { return !text_.empty(); }
  std::uint64_t varint() {
    std::uint64_t number = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(text_.front());
      text_.remove_prefix(1);
      number |= std::uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return number;
    }
  }
  unsigned field = 0;
  std::uint64_t value = 0;
  std::string_view bytes;

 private:
  std::string_view text_;
};

// All values of all samples, and the strings, of which the first is empty.
struct Read {
  std::vector<std::uint64_t> values;
  std::vector<std::string_view> strings;
  std::vector<std::uint64_t> build_ids;  // of mappings, as strings
};

Read read_pprof(std::string_view text) {
  Read read;
  Fields profile(text);
  while (profile.next()) {
    if (profile.field == 6) read.strings.push_back(profile.bytes);
    Fields inner(profile.bytes);
    if (profile.field == 3) {
      while (inner.next()) {
        if (inner.field == 6) read.build_ids.push_back(inner.value);
      }
    }
    if (profile.field != 2) continue;
    while (inner.next()) {
      if (inner.field != 2) continue;
      for (Fields packed(inner.bytes); packed.more();) read.values.push_back(packed.varint());
    }
  }
  return read;
}

TEST(Pprof, has_samples_functions_and_strings) {
  const std::string text = write_pprof(sample());
  EXPECT_EQ(gunzip(write_packed_pprof(sample()), 1 << 20).value_or(""), text);
  Fields profile(text);
  std::vector<std::string_view> strings;
  std::vector<std::uint64_t> values;
  std::size_t functions = 0;
  std::size_t locations = 0;
  std::uint64_t period_ns = 0;
  while (profile.next()) {
    if (profile.field == 6) strings.push_back(profile.bytes);
    if (profile.field == 5) ++functions;
    if (profile.field == 4) ++locations;
    if (profile.field == 12) period_ns = profile.value;
    if (profile.field != 2) continue;
    Fields sample(profile.bytes);
    while (sample.next()) {
      if (sample.field != 2) continue;
      Fields packed(sample.bytes);
      values.push_back(packed.varint());
      values.push_back(packed.varint());
    }
  }
  EXPECT_EQ(period_ns, 10'000'000U);
  EXPECT_EQ(functions, 4U);
  EXPECT_EQ(locations, 4U);
  EXPECT_EQ(values, (std::vector<std::uint64_t>{30, 300'000'000, 10, 100'000'000, 2, 20'000'000}));
  ASSERT_FALSE(strings.empty());
  EXPECT_EQ(strings.front(), "") << "the format wants the first one empty";
  EXPECT_NE(std::find(strings.begin(), strings.end(), "[libpq.so.5]"), strings.end());
}

TEST(Pprof, of_memory_has_the_four_types_and_whose_build_it_is) {
  model::Profile heap = sample();
  heap.kind = model::ProfileKind::heap;
  heap.program = "/usr/bin/hunt";
  heap.stacks = {{{0, 1, 2}, 300, {7, 700, 3}}};
  const std::string text = write_pprof(heap);
  const Read read = read_pprof(text);
  EXPECT_EQ(read.values, (std::vector<std::uint64_t>{7, 700, 3, 300}));
  for (const auto* type : {"alloc_objects", "alloc_space", "inuse_objects", "inuse_space"})
    EXPECT_NE(std::find(read.strings.begin(), read.strings.end(), type), read.strings.end());
  ASSERT_EQ(read.build_ids.size(), 1U);
  EXPECT_EQ(read.strings.at(read.build_ids[0]), "abcd");
  // Folded stacks know what is in use, and nothing else.
  const std::string again = write_pprof(*read_folded(write_folded(heap)));
  EXPECT_EQ(read_pprof(again).values, (std::vector<std::uint64_t>{300}));
  EXPECT_EQ(again.find("alloc_space"), std::string::npos);
}

TEST(Gzip, is_whole_and_bounded) {
  const std::string text(300'000, 'a');
  const std::string packed = gzip(text);
  EXPECT_LT(packed.size(), 2'000U);
  EXPECT_EQ(gunzip(packed, text.size()).value_or(""), text);
  EXPECT_EQ(gunzip(packed, text.size() - 1).error().code, Errc::too_large);
  EXPECT_EQ(gunzip(packed, 0).error().code, Errc::too_large);
  EXPECT_EQ(gunzip(gzip(""), 0).value_or("x"), "");
  for (const std::string& bad : {std::string(), std::string("no gzip"), packed.substr(0, 100)}) {
    ASSERT_FALSE(gunzip(bad, 1 << 20).has_value());
    EXPECT_EQ(gunzip(bad, 1 << 20).error().code, Errc::corrupt);
  }
}

TEST(ProfileQuestion, comes_back_and_is_refused_where_it_is_none) {
  const std::string text = write_profile_question({model::ProfileKind::wall, 10, 1'234});
  EXPECT_EQ(text, R"({"kind":"wall","seconds":10,"asked_at_us":1234})");
  const auto read = read_profile_question(text);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->kind, model::ProfileKind::wall);
  EXPECT_EQ(read->seconds, 10);
  EXPECT_EQ(read->asked_us, 1'234);
  for (const std::string& bad :
       {std::string(), std::string("[]"),
        std::string(R"({"kind":"cpu","seconds":1.5,"asked_at_us":1})"),
        std::string(R"({"kind":1,"seconds":1,"asked_at_us":1})"),
        std::string(R"({"kind":"cpu","seconds":1,"asked_at_us":1,"x":1})"), std::string(300, ' ')})
    EXPECT_FALSE(read_profile_question(bad).has_value()) << bad;
}

}  // namespace
}  // namespace hunt::codec
